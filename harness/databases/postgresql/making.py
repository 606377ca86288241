"""An empty database that takes in what another holds: of its encoding and its collation.

https://www.postgresql.org/docs/current/sql-createdatabase.html
"""

from __future__ import annotations

from psycopg import Connection

from harness.databases.postgresql.names import literal, quoted
from harness.databases.postgresql.session import Row
from harness.errors import RecoveryRefused

_DEFAULT = "pg_default"
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


def empty_like(connection: Connection[Row], name: str, like: str) -> str:
    """Give the statement that makes an empty database.

    Args:
        connection: to any database of the server.
        name: of the new one.
        like: of the one whose encoding, collation and tablespace it gets.

    Raises:
        RecoveryRefused: there is no such database.
    """
    rows = connection.execute(
        "SELECT to_jsonb(d), pg_encoding_to_char(d.encoding), t.spcname FROM pg_database d"
        " JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = %s",
        [like],
    ).fetchall()
    if not rows:
        raise RecoveryRefused(f"there is no database {like}")
    ((has, encoding, tablespace),) = rows
    provider = _PROVIDERS.get(has.get("datlocprovider", "c"), "libc")
    locale = has.get("datlocale", has.get("daticulocale"))  # 17 and newer, 15 and 16
    given = {
        "ENCODING": literal(encoding),
        "LC_COLLATE": literal(has["datcollate"]),
        "LC_CTYPE": literal(has["datctype"]),
    }
    if tablespace != _DEFAULT:  # which template0 is in, and for which nobody needs a right
        given["TABLESPACE"] = quoted(tablespace)
    if "datlocprovider" in has:  # 15 and newer
        given["LOCALE_PROVIDER"] = provider
    if provider == "icu":
        given["ICU_LOCALE"] = literal(locale)
        if has.get("daticurules"):
            given["ICU_RULES"] = literal(has["daticurules"])
    if provider == "builtin":
        given["BUILTIN_LOCALE"] = literal(locale)
    if has.get("datcollversion") is not None:
        given["COLLATION_VERSION"] = literal(has["datcollversion"])
    words = " ".join(f"{key} {value}" for key, value in given.items())
    return f"CREATE DATABASE {quoted(name)} TEMPLATE template0 {words}"
