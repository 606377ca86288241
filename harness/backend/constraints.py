"""Say which constraint a statement broke.

SQLite names the columns of a UNIQUE constraint in its message, but never a foreign key. So the
schema is asked for the foreign keys, and the rows for the one that is broken. This runs after the
statement was undone and before its transaction ends: what broke it is still to be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from harness.backend.answers import Refused
from harness.databases.errors import describe
from harness.databases.schema import ForeignKey
from harness.databases.sqlite.names import quoted
from harness.databases.sqlite.schema import foreign_keys


def broken(
    error: apsw.ConstraintError,
    connection: apsw.Connection,
    table: str,
    *,
    removed: int | None = None,
    added: Mapping[str, Any] | None = None,
) -> Refused:
    """Turn a broken constraint into the answer that names it: 409.

    Args:
        error: what SQLite raised.
        connection: the one that it happened on, its transaction still open.
        table: the table that was written to.
        removed: the id of the row that was to go.
        added: the values of the row that was to come.
    """
    if describe(error)[0] == "foreign-key violation":
        constraint, why = _foreign_key(connection, table, removed, added or {})
        return Refused(409, "foreign-key violation", why, constraint=constraint)
    # "UNIQUE constraint failed: bots.user_id, bots.name"
    kind, _, name = str(error).rpartition(" constraint failed: ")
    kind = kind.rpartition(" ")[2]
    if kind == "UNIQUE":
        why = f"{table}: there is already one with this {name}"
        return Refused(409, "unique violation", why, constraint=name)
    sentence = f"{table}: the database refuses it: {error}"
    return Refused(409, "constraint violation", sentence, constraint=name)


def _foreign_key(
    connection: apsw.Connection, table: str, removed: int | None, added: Mapping[str, Any]
) -> tuple[str, str]:
    """Return (table.column, sentence) of the foreign key that is broken."""
    for key in _keys(connection):
        child, (column,), parent = key.table, key.columns, key.parent
        to = key.referred[0] if key.referred else "id"
        constraint = f"{child}.{column}"
        if removed is not None and parent == table:
            sql = (
                f"SELECT 1 FROM {quoted(child)} WHERE {quoted(column)} ="
                f" (SELECT {quoted(to)} FROM {quoted(table)} WHERE id = ?) LIMIT 1"
            )
            if connection.execute(sql, (removed,)).fetchall():
                return constraint, f"{table} {removed} cannot go: {constraint} refers to it"
        if removed is None and child == table and added.get(column) is not None:
            sql = f"SELECT 1 FROM {quoted(parent)} WHERE {quoted(to)} = ? LIMIT 1"
            if not connection.execute(sql, (added[column],)).fetchall():
                return constraint, f"{constraint}: there is no {parent} {added[column]}"
    return "", f"{table}: another row refers to it, or it refers to none"  # further down a cascade


def _keys(connection: apsw.Connection) -> list[ForeignKey]:
    """Every foreign key of one column, those that restrict first: they are what holds a row."""
    keys = [key for key in foreign_keys(connection) if len(key.columns) == 1]
    return sorted(keys, key=lambda one: not one.restricts)
