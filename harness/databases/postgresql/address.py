"""The address of a PostgreSQL database, as people and frameworks write it, for libpq.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING

An address means one database of one server. What comes from the environment or a service file is
taken in where the address is made, so that it means the same afterwards. Printed, it never shows a
password; and of one that cannot be read nothing is printed, for any of it could be part of one.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import NoReturn
from urllib.parse import quote, unquote_to_bytes, urlencode

from harness import extras
from harness.databases.engine import Engine, Given
from harness.databases.postgresql.names import MOST_BYTES
from harness.databases.postgresql.parameters import SECRETS, translated
from harness.databases.postgresql.services import service
from harness.errors import UsageError

_PLACE = ("user", "host", "port", "dbname")  # what stands before the question mark
_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "dbname": "PGDATABASE",
    "options": "PGOPTIONS",
}
_PORT = "5432"
_LAST_PORT = 65535
_FILES = frozenset({"passfile", "sslcert", "sslcrl", "sslcrldir", "sslkey", "sslrootcert"})
_SIMPLE_HOST = re.compile(r"[\w.-]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database on a server.

    Attributes:
        shown: what was given, in libpq's form and without passwords.
        parameters: what libpq is given, by its keywords; passwords among them.
    """

    shown: str
    parameters: dict[str, str] = field(repr=False)
    engine: Engine = field(repr=False)

    @property
    def name(self) -> str:
        """The database's own name on its server."""
        return self.parameters["dbname"]

    @property
    def whole(self) -> str:
        """The address without passwords; they come from where libpq finds them (PGPASSWORD)."""
        return _written(self.parameters)

    def absolute(self) -> PostgresDatabase:
        """Give itself: a server is the same from everywhere."""
        return self

    def named(self, name: str) -> PostgresDatabase:
        """Give another database of the same server."""
        other = replace(self, parameters=self.parameters | {"dbname": name})
        return replace(other, shown=other.whole)

    def as_role(self, role: str) -> PostgresDatabase:
        """Give it as another role has to give it: without this one's password."""
        own = {key: value for key, value in self.parameters.items() if key not in SECRETS}
        other = replace(self, parameters=own | {"user": role})
        return replace(other, shown=other.whole)

    def __str__(self) -> str:
        """Print what was given, without passwords."""
        return self.shown


def parsed(given: Given, engine: Engine, *, what: str) -> PostgresDatabase:
    """Make the address of what people have given.

    Args:
        given: an address with a scheme.
        engine: whose.
        what: the option that it was given to.

    Raises:
        UsageError: it is none, or means none or several servers; what to write instead.
    """
    scheme, _, rest = os.fsdecode(given).partition("://")
    scheme = scheme.lower().removeprefix("jdbc:").partition("+")[0]
    if scheme == "ecto":
        raise UsageError(
            f"{what}: ecto:// does not say what kind of server it is. If it is PostgreSQL, write "
            "postgresql:// in its place."
        )
    of_address = _read(rest, what)
    parameters = dict(of_address)
    chosen = parameters.get("service") or os.environ.get("PGSERVICE")
    if chosen:
        parameters = service(chosen, what=what) | parameters | {"service": chosen}
    for key, variable in _VARIABLES.items():
        if not parameters.get(key) and os.environ.get(variable):
            parameters[key] = os.environ[variable]
    parameters = {key: value for key, value in parameters.items() if value or key in SECRETS}
    parameters.setdefault("port", _PORT)
    parameters.setdefault("user", _me(what))
    parameters.setdefault("dbname", parameters["user"])
    for key in _FILES & parameters.keys():
        if parameters[key] != "system":  # of sslrootcert: what the system trusts
            parameters[key] = os.path.abspath(parameters[key])
    _refuse(parameters, what)
    shown = {key: parameters.get(key, value) for key, value in of_address.items()}
    return PostgresDatabase(_written(shown), parameters, engine)


def _read(rest: str, what: str) -> dict[str, str]:
    """Read what stands behind the scheme, as libpq does; UsageError: it cannot be."""
    place, behind = _cut(rest, what)
    given: dict[str, str] = {}
    for pair in filter(None, behind.split("&")):
        key, separator, value = (_decoded(part) for part in pair.partition("="))
        if not separator or key is None or value is None or key in given:
            _refuse_unreadable(what)
        given[key] = value
    libpq = _libpq()
    known = frozenset(option.keyword.decode() for option in libpq.pq.Conninfo.get_defaults())
    try:
        options = libpq.pq.Conninfo.parse(f"postgresql://{place}".encode())
    except (libpq.Error, UnicodeEncodeError):
        _refuse_unreadable(what)
    read = {
        option.keyword.decode(): option.val.decode(errors="replace")
        for option in options
        if option.val is not None
    }
    if "\ufffd" in "".join([*read.values()]):
        _refuse_unreadable(what)
    return read | translated(given, known, what=what)


def _cut(rest: str, what: str) -> tuple[str, str]:
    """Cut at the question mark that ends the place; one of a password ends nothing."""
    at = rest.find("@")
    start = at + 1 if 0 <= at < (rest + "/").index("/") else 0
    place, _, behind = rest[start:].partition("?")
    # A further @ is a password's, or a name's: whose, nobody can tell.
    if "@" in place or "@" in behind or not (rest + "x").isprintable():
        _refuse_unreadable(what)
    return rest[:start] + place, behind


def _decoded(text: str) -> str | None:
    """Decode a parameter; None for what is no percent-encoding of a text."""
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", text):
        return None
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        return None


def _refuse_unreadable(what: str) -> NoReturn:
    raise UsageError(
        f"{what}: the address cannot be read as postgresql://USER@HOST:PORT/NAME (no part of it is "
        "shown, for the password's sake). Special characters in a password or a name must be "
        "percent-encoded: @ is %40, / is %2F, : is %3A, # is %23, % is %25."
    ) from None


def _refuse(parameters: Mapping[str, str], what: str) -> None:
    """Refuse what means no server, or several."""
    hosts = parameters.get("hostaddr") or parameters.get("host", "")
    ports = parameters["port"].split(",")
    if not all(re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) <= _LAST_PORT for port in ports):
        _refuse_unreadable(what)  # a password without a host stands where a port does
    if "," in hosts or len(ports) > 1:
        raise UsageError(
            f"{what}: the address names several hosts ({hosts}), and only one server can be "
            "guarded. Write the one that the tests use: postgresql://USER@HOST:PORT/NAME."
        )
    name = parameters["dbname"]
    if len(name.encode()) > MOST_BYTES:
        raise UsageError(
            f"{what}: the database's name is longer than the {MOST_BYTES} bytes that PostgreSQL "
            f"has for one: it would cut off the rest of {name!r}. Write the name that it has."
        )


def _me(what: str) -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise UsageError(
            f"{what}: the address names no user, and the system has no name for this one. Write "
            "postgresql://USER@HOST:PORT/NAME."
        ) from None


def _written(parameters: Mapping[str, str]) -> str:
    """Write an address that is read as these parameters, but for the secret ones."""
    given = {key: value for key, value in parameters.items() if key not in SECRETS and value}
    host, user, port = (given.get(key, "") for key in ("host", "user", "port"))
    simple = _SIMPLE_HOST.fullmatch(host) is not None
    place = f"{quote(user, safe='')}@" if user and simple else ""
    if simple:
        place += f"[{host}]" if ":" in host else host
        place += f":{port}" if port else ""
    rest = {
        key: value
        for key, value in sorted(given.items())
        if key not in (_PLACE if simple else ("dbname",))
    }
    query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
    return f"postgresql://{place}/{quote(given.get('dbname', ''), safe='')}{query}"


def _libpq() -> ModuleType:
    """Give the driver; not before it is needed, for who guards a file need not have it."""
    try:
        import psycopg  # noqa: PLC0415 - as said
    except ImportError as error:
        advice = extras.advice(error) or f"psycopg does not load: {error}"
        raise UsageError(f"A postgresql:// address: {advice}") from None
    return psycopg
