"""Where the sequences of two databases are; they move without a transaction."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.reading import each
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.tables import FIRST_OF_USERS, Name, told

Value = tuple[int, bool]  # the number, and whether it has been given; else it is the next one

_NAMES = f"""
SELECT n.nspname::text, c.relname::text,
  has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND c.oid >= {FIRST_OF_USERS} ORDER BY 1, 2"""


def values(connection: Connection[Row]) -> tuple[dict[Name, Value], dict[Name, str]]:
    """Read every sequence of every schema, whether or not a column owns it.

    Args:
        connection: in a transaction.

    Returns:
        By schema and name where it is; and why one cannot be read.
    """
    names: list[Name] = []
    unread: dict[Name, str] = {}
    for schema, name, is_allowed in connection.execute(_NAMES).fetchall():
        if is_allowed:
            names.append((schema, name))
        else:
            unread[schema, name] = "permission denied: it needs SELECT on the sequence"

    def query(number: int) -> str:
        schema, name = map(quoted, names[number])
        return f"SELECT {number}, last_value, is_called FROM {schema}.{name}"

    rows, failed = each(connection, range(len(names)), query)
    unread |= {names[number]: why for number, why in failed.items()}
    return {names[number]: (last, called) for number, last, called in rows}, unread


def differences(
    was: tuple[dict[Name, Value], dict[Name, str]], now: tuple[dict[Name, Value], dict[Name, str]]
) -> tuple[dict[str, tuple[Any, Any]], dict[str, str]]:
    """Compare what ``values`` has read on both sides.

    Returns:
        By sequence, where it was and is, None where it was not or is no more; and why one could
        not be read.
    """
    before, after = was[0], now[0]
    unread = was[1] | now[1]
    names = sorted(before.keys() | after.keys() | unread.keys())
    called = told(names)
    return (
        {
            called[name]: (before.get(name), after.get(name))
            for name in names
            if before.get(name) != after.get(name) and name not in unread
        },
        {f"sequence {called[name]}": why for name, why in sorted(unread.items())},
    )


__all__ = ["Value", "differences", "values"]
