"""Look at a user's database: what it holds, and what can be measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from harness.databases.schema import ForeignKey
from harness.databases.sqlite.files import beside, size_of
from harness.databases.sqlite.names import quoted
from harness.databases.sqlite.schema import columns, foreign_keys, users_tables
from harness.databases.sqlite.session import connect
from harness.errors import UsageError
from harness.test_rows.rows import plan_rows


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found."""

    size_bytes: int  # the -wal included
    journal_mode: str
    rows: dict[str, int]  # of each table that can be read
    unread: dict[str, str]  # table -> why it cannot be read or written
    references: tuple[ForeignKey, ...]
    fills: tuple[str, ...]  # the tables that ``create = "auto"`` makes rows in
    refused: dict[str, str] = field(default_factory=dict)  # the others -> why not


def look(copy: Path, called: Path, *, rows: int) -> Looked:
    """Look at a private copy; ``called`` is the name of the database for people.

    Raises:
        UsageError: SQLite cannot read it, or it holds no table.
    """
    size_bytes = sum(max(0, size_of(beside(copy, suffix))) for suffix in ("", "-wal"))
    try:
        with closing(connect(copy)) as connection:
            mode = str(connection.pragma("journal_mode"))
            names = users_tables(connection)
            if not names:
                raise UsageError(
                    f"{called} holds no tables, so there is nothing to measure. "
                    "Run your migrations first, or give another database."
                )
            counted, unread = _counted(connection, names)
            keys = [key for key in foreign_keys(connection) if key.table in counted]
            parts = {name: why for name in counted if (why := _part_of(name, unread))}
            filled = [name for name in counted if name not in parts]
            fills, refused = _fillable(connection, filled, rows)
    except apsw.Error as error:
        raise UsageError(
            f"{called} cannot be read: {type(error).__name__}: {error}. An encrypted or damaged "
            "database cannot be measured; give a plain copy of it."
        ) from error
    references = tuple(sorted(keys, key=lambda key: key.table))
    return Looked(size_bytes, mode, counted, unread, references, fills, refused | parts)


def _part_of(name: str, unread: dict[str, str]) -> str:
    """Say of which unreadable virtual table this must be a shadow; only its module could tell.

    A shadow table is named after its table, https://www.sqlite.org/vtab.html#xshadowname.
    """
    owner = next((owner for owner in unread if name.startswith(f"{owner}_")), None)
    return f"it seems to belong to {owner}" if owner else ""


def _counted(connection: Any, names: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Count the rows of each table; say of the others why SQLite cannot work with them.

    Preparing an order and an insert finds the collations, functions and modules that this SQLite
    lacks; nothing is run.
    """
    rows: dict[str, int] = {}
    unread: dict[str, str] = {}
    for name in names:
        table = f"main.{quoted(name)}"
        try:
            rows[name] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            selected = [column for column in columns(connection, name) if not column.hidden]
            order = ", ".join(str(number + 1) for number in range(len(selected)))
            connection.execute(f"EXPLAIN SELECT * FROM {table} ORDER BY {order}")
            connection.execute(f"EXPLAIN INSERT INTO {table} DEFAULT VALUES")
        except apsw.Error as error:
            rows.pop(name, None)
            unread[name] = str(error)
    return rows, unread


def _fillable(
    connection: Any, names: Sequence[str], rows: int
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Tell the tables that rows can be made for from the others, by trying."""
    if not _why_not(connection, (), rows):
        return tuple(names), {}
    fills: tuple[str, ...] = ()
    refused: dict[str, str] = {}
    for name in names:
        why = _why_not(connection, (*fills, name), rows)
        if why:
            refused[name] = why
        else:
            fills = (*fills, name)
    return fills, refused


def _why_not(connection: Any, tables: Sequence[str], rows: int) -> str:
    """Say why no rows can be made for ``tables`` (all of them when empty); "" when they can."""
    try:
        plan_rows(connection, rows=rows, tables=tables, seed=1)
    except (UsageError, apsw.Error) as error:
        return str(error).partition(";")[0]
    return ""


__all__ = ["Looked", "look"]
