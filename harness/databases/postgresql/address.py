"""The address of a PostgreSQL database, as libpq reads it; printed, it never shows a password.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from harness.databases.engine import Engine, Given
from harness.errors import UsageError
from harness.hidden import without_passwords

SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret"})
_PLACE = ("user", "host", "port", "dbname")  # what stands before the question mark


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database on a server.

    Attributes:
        shown: what was given, without passwords.
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
        given = {key: value for key, value in self.parameters.items() if key not in SECRETS}
        host, port = given.get("host", ""), given.get("port", "")
        in_path = not (host.startswith("/") or "," in host or "," in port)
        place = (
            (f"{quote(given['user'], safe='')}@" if given.get("user") else "") if in_path else ""
        )
        if in_path:
            place += f"[{host}]" if ":" in host else quote(host, safe="")
            place += f":{port}" if port else ""
        rest = {
            key: value
            for key, value in sorted(given.items())
            if key not in (_PLACE if in_path else ("dbname",))
        }
        query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
        return f"postgresql://{place}/{quote(self.name, safe='')}{query}"

    def absolute(self) -> PostgresDatabase:
        """Give itself: a server is the same from everywhere."""
        return self

    def named(self, name: str) -> PostgresDatabase:
        """Give another database of the same server."""
        other = replace(self, parameters=self.parameters | {"dbname": name})
        return replace(other, shown=other.whole)

    def __str__(self) -> str:
        """Print what was given, without passwords."""
        return self.shown


def parsed(given: Given, engine: Engine, *, what: str) -> PostgresDatabase:
    """Make the address of what people have given.

    Raises:
        UsageError: it is none; no part of it that could be a password is shown.
    """
    text = os.fsdecode(given)
    rest = text.partition("://")[2]
    try:
        parameters = {
            str(key): str(value) for key, value in conninfo_to_dict(f"postgresql://{rest}").items()
        }
    except psycopg.ProgrammingError:
        raise UsageError(
            f"{what}: {without_passwords(text)} cannot be read as postgresql://USER@HOST:PORT/NAME;"
            " special characters in a password or name must be percent-encoded (@ is %40)"
        ) from None
    parameters.setdefault("dbname", os.environ.get("PGDATABASE", ""))
    return PostgresDatabase(without_passwords(text), parameters, engine)
