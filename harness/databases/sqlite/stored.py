"""What verification asks of SQLite's schema: names and tuples alone, which cost next to nothing."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import apsw

from harness.databases.sqlite.names import folded, quoted

HIDDEN, VIRTUAL, STORED = 1, 2, 3  # how table_xinfo marks columns that are no ordinary ones
FOREIGN_KEYS = (
    "FROM main.sqlite_schema AS s, pragma_foreign_key_list(s.name, 'main') AS f "
    "WHERE s.type = 'table' AND s.rootpage"
)


class StoredTable(NamedTuple):
    """A table that holds its rows itself, as verification needs it."""

    name: str
    root: int
    sql: str
    without_rowid: bool


class ColumnNames(NamedTuple):
    """The columns of one table, as verification needs them."""

    every: tuple[str, ...]
    stored: tuple[str, ...]  # all but those computed when they are read
    primary_key: tuple[str, ...]


# (type, name) -> the table it belongs to, the page on which it begins (0 or None where it has
# none), its SQL (None for what SQLite has made by itself)
Objects = dict[tuple[str, str], tuple[str, int, str | None]]


def objects(connection: Any) -> Objects:
    """Read the schema's own table.

    Raises:
        apsw.CorruptError: it cannot be read, or is no text.
    """
    try:
        rows: list[Any] = connection.execute(
            "SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema"
        ).fetchall()
    except UnicodeDecodeError as error:
        raise apsw.CorruptError(f"the schema is no text: {error}") from error
    for kind, name, owner, root, sql in rows:
        if not all(isinstance(text, str) for text in (kind, name, owner, sql or "")) or not (
            root is None or isinstance(root, int)
        ):
            raise apsw.CorruptError(f"the schema has a row that is none of a schema: {name!r}")
    return {(kind, name): (owner, root, sql) for kind, name, owner, root, sql in rows}


def names(connection: Any, kind: str | None = None) -> list[str]:
    """Name every object, or every one of a type, also SQLite's own."""
    rows = connection.execute(
        "SELECT name FROM main.sqlite_schema WHERE ?1 IS NULL OR type = ?1", (kind,)
    )
    return [str(name) for (name,) in rows]


def roots(connection: Any) -> dict[str, int]:
    """Give the page on which each b-tree begins, by the table's or index's name."""
    rows: list[Any] = connection.execute(
        "SELECT name, rootpage FROM main.sqlite_schema "
        "WHERE rootpage > 0 AND typeof(rootpage) = 'integer'"
    ).fetchall()
    return {str(name): int(root) for name, root in rows}


def root_of(connection: Any, name: str) -> int | None:
    """Give the page on which one table or index begins; None where there is none."""
    row = connection.execute(
        "SELECT rootpage FROM main.sqlite_schema WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else row[0]


def stored_tables(connection: Any, known: Objects) -> dict[str, StoredTable]:
    """Give the tables that hold rows themselves: not views, not virtual tables."""
    tables = [
        StoredTable(name, root, sql or "", without_rowid=False)
        for (kind, name), (_, root, sql) in known.items()
        if kind == "table" and root
    ]
    if any("without" in table.sql.lower() for table in tables):
        listed: list[Any] = connection.execute("PRAGMA main.table_list").fetchall()
        without_rowid = {name for _, name, _, _, has_none, _ in listed if has_none}
        tables = [table._replace(without_rowid=table.name in without_rowid) for table in tables]
    return {table.name: table for table in tables}


def is_without_rowid(connection: Any, name: str) -> bool:
    """Whether a table, spelt as its definition spells it, is one WITHOUT ROWID."""
    listed = connection.execute(f"PRAGMA main.table_list({quoted(name)})").fetchall()
    return any(has_none for *_, has_none, _ in listed)


def column_names(connection: Any, name: str) -> ColumnNames:
    """Read the names of a table's columns; nothing where there is none.

    Raises:
        apsw.SQLError: its module is not there.
    """
    rows = table_xinfo(connection, name)
    return ColumnNames(
        tuple(row[1] for row in rows),
        tuple(row[1] for row in rows if row[6] != VIRTUAL),
        tuple(name for _, name in sorted((row[5], row[1]) for row in rows if row[5])),
    )


def referred_tables(connection: Any) -> dict[str, set[str]]:
    """Tell to which tables each table's foreign keys refer."""
    proper = {folded(name): name for name in names(connection, "table")}
    parents: defaultdict[str, set[str]] = defaultdict(set)
    for child, parent in connection.execute(f'SELECT s.name, f."table" {FOREIGN_KEYS}'):
        parents[child].add(proper.get(folded(parent), parent))
    return dict(parents)


def sequence_rows(connection: Any) -> list[tuple[int, Any, Any]]:
    """Read what AUTOINCREMENT remembers: (rowid, table, last number), by rowid.

    SQLite itself writes one row a table; it does not forbid others, nor values of other types.

    Raises:
        apsw.SQLError: the database never had a table with AUTOINCREMENT.
    """
    rows: list[tuple[int, Any, Any]] = connection.execute(
        "SELECT rowid, name, seq FROM main.sqlite_sequence ORDER BY rowid"
    ).fetchall()
    return rows


def table_xinfo(connection: Any, name: str) -> list[Any]:
    """Give (place, name, type, required, default, place in the primary key, kind) of columns."""
    rows: list[Any] = connection.execute(f"PRAGMA main.table_xinfo({quoted(name)})").fetchall()
    return rows
