"""The one reader of a SQLite schema: the whole of it, or just what somebody has to know.

Everything is asked of the database itself (``main``), never of what is attached to it. Reading
the whole takes a few queries a table; what must be quick asks for ``objects``, ``stored_tables``
and ``column_names`` alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.databases import schema as neutral
from harness.databases.schema import ForeignKey, Sequence, Trigger, UniqueKey
from harness.databases.sqlite.ddl import checks_of, is_deferred, words_of
from harness.databases.sqlite.names import folded, free_rowid, quoted

_HIDDEN, _VIRTUAL, _STORED = 1, 2, 3  # how table_xinfo marks columns that are no ordinary ones
_EXPRESSION = -2  # the column's number that index_xinfo gives for one
_KEYS = (
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


@dataclass(frozen=True, slots=True)
class Column(neutral.Column):
    """One column; its type is in upper case, for SQLite compares types so."""

    key: int  # its place in the primary key, from 1; 0 where it is not in it
    hidden: bool  # of a virtual table: SELECT * leaves it out
    stored: bool  # False for a generated column that is computed when it is read


@dataclass(frozen=True, slots=True)
class Table(neutral.Table):
    """One table; ``numbered`` is the column that is the rowid's other name."""

    columns: tuple[Column, ...]
    sql: str
    virtual: bool
    rowid: str | None  # what the rowid can be called; None where there is none, or no name is free


@dataclass(frozen=True, slots=True)
class Schema(neutral.Schema):
    """What a user has defined; shadow tables are what their virtual table keeps for itself."""

    tables: Mapping[str, Table]


def schema(connection: Any) -> Schema:
    """Read all of it.

    Raises:
        apsw.SQLError: a virtual table's module is not there.
    """
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    users = {name for _, name, kind, *_ in listed if _is_users(name, kind)}
    stored_objects = objects(connection)
    without_rowid = {name for _, name, _, _, has_none, _ in listed if has_none}
    keys: defaultdict[str, list[ForeignKey]] = defaultdict(list)
    for key in foreign_keys(connection):
        keys[key.table].append(key)
    tables = {
        name: _table(
            connection, name, definition[1:], keys[name], without_rowid=name in without_rowid
        )
        for (kind, name), definition in stored_objects.items()
        if kind == "table" and name in users
    }
    triggers = tuple(
        Trigger(name, owner, sql or "")
        for (kind, name), (owner, _, sql) in stored_objects.items()
        if kind == "trigger"
    )
    return Schema(tables, triggers, tuple(_sequences(connection, tables)))


def table(connection: Any, name: str) -> Table | None:
    """Read one table, also a shadow table or one of SQLite's own; None where there is none.

    Raises:
        apsw.SQLError: its module is not there.
    """
    row = connection.execute(
        "SELECT name, rootpage, sql FROM main.sqlite_schema "
        "WHERE type = 'table' AND name = ? COLLATE NOCASE",
        (name,),
    ).fetchone()
    if row is None:
        return None
    proper, *root_and_sql = row
    keys = foreign_keys(connection, proper)
    without = is_without_rowid(connection, proper)
    return _table(connection, proper, root_and_sql, keys, without_rowid=without)


def objects(connection: Any) -> Objects:
    """Read the schema's own table."""
    rows: list[Any] = connection.execute(
        "SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema"
    ).fetchall()
    return {(kind, name): (owner, root, sql) for kind, name, owner, root, sql in rows}


def names(connection: Any, kind: str | None = None) -> list[str]:
    """Name every object, or every one of a type, also SQLite's own."""
    rows = connection.execute(
        "SELECT name FROM main.sqlite_schema WHERE ?1 IS NULL OR type = ?1", (kind,)
    )
    return [str(name) for (name,) in rows]


def users_tables(connection: Any) -> list[str]:
    """Name the tables that are a user's, in order: no view, no shadow table of a virtual one."""
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    return sorted(name for _, name, kind, *_ in listed if _is_users(name, kind))


def roots(connection: Any) -> dict[str, int]:
    """Give the page on which each b-tree begins, by the table's or index's name."""
    rows: list[Any] = connection.execute(
        "SELECT name, rootpage FROM main.sqlite_schema WHERE rootpage > 0"
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


def columns(connection: Any, name: str) -> tuple[Column, ...]:
    """Read the columns of one table; () where there is none.

    Raises:
        apsw.SQLError: its module is not there.
    """
    return tuple(
        Column(
            name=column,
            type=(kind or "").upper(),
            nullable=not required,
            default=default,
            generated=hidden in (_VIRTUAL, _STORED),
            key=key,
            hidden=hidden == _HIDDEN,
            stored=hidden != _VIRTUAL,
        )
        for _, column, kind, required, default, key, hidden in _table_xinfo(connection, name)
    )


def column_names(connection: Any, name: str) -> ColumnNames:
    """Read the names of a table's columns; nothing where there is none.

    Raises:
        apsw.SQLError: its module is not there.
    """
    rows = _table_xinfo(connection, name)
    return ColumnNames(
        tuple(row[1] for row in rows),
        tuple(row[1] for row in rows if row[6] != _VIRTUAL),
        tuple(name for _, name in sorted((row[5], row[1]) for row in rows if row[5])),
    )


def referred_tables(connection: Any) -> dict[str, set[str]]:
    """Tell to which tables each table's foreign keys refer."""
    proper = {folded(name): name for name in names(connection, "table")}
    parents: defaultdict[str, set[str]] = defaultdict(set)
    for child, parent in connection.execute(f'SELECT s.name, f."table" {_KEYS}'):
        parents[child].add(proper.get(folded(parent), parent))
    return dict(parents)


def foreign_keys(connection: Any, name: str | None = None) -> list[ForeignKey]:
    """Read the foreign keys of every table, or of one, as SQLite lists them: the newest first."""
    rows = connection.execute(
        f'SELECT s.name, s.sql, f.id, f."table", f."from", f."to", f.on_delete {_KEYS} '
        "AND (?1 IS NULL OR s.name = ?1 COLLATE NOCASE) ORDER BY s.rowid, f.id, f.seq",
        (name,),
    ).fetchall()
    places = connection.execute(
        "SELECT name, rootpage FROM main.sqlite_schema WHERE type = 'table'"
    ).fetchall()
    proper = {folded(table): (table, root) for table, root in places}
    parents: dict[str, ColumnNames] = {}
    deferred: dict[str, bool] = {}
    several: defaultdict[tuple[str, int], list[Any]] = defaultdict(list)
    for child, sql, number, *row in rows:
        several[child, number].append(row)
        if child not in deferred:
            deferred[child] = is_deferred(sql)
    found_keys = []
    for (child, _), key_rows in several.items():
        parent, root = proper.get(folded(key_rows[0][0]), (key_rows[0][0], 0))
        if parent not in parents:
            parents[parent] = column_names(connection, parent) if root else ColumnNames((), (), ())
        found_keys.append(
            ForeignKey(
                table=child,
                columns=tuple(row[1] for row in key_rows),
                parent=parent,
                referred=_referred([row[2] for row in key_rows], parents[parent]),
                on_delete=key_rows[0][3],
                deferred=deferred[child],
            )
        )
    return found_keys


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


def _table_xinfo(connection: Any, name: str) -> list[Any]:
    """Give (place, name, type, required, default, place in the primary key, kind) of columns."""
    rows: list[Any] = connection.execute(f"PRAGMA main.table_xinfo({quoted(name)})").fetchall()
    return rows


def _is_users(name: str, kind: str) -> bool:
    return kind in ("table", "virtual") and not name.startswith("sqlite_")


def _table(
    connection: Any,
    name: str,
    root_and_sql: Iterable[Any],
    keys: Collection[ForeignKey],
    *,
    without_rowid: bool,
) -> Table:
    table_columns = columns(connection, name)
    root, sql = root_and_sql
    key = _primary_key(table_columns)
    indexes = connection.execute(
        "SELECT name, origin, partial FROM pragma_index_list(?, 'main') WHERE \"unique\"", (name,)
    ).fetchall()
    by_index = without_rowid or any(origin == "pk" for _, origin, _ in indexes)
    types = [column.type for column in table_columns if column.key]
    readable = [column.name for column in table_columns if not column.hidden]
    return Table(
        name=name,
        columns=table_columns,
        primary_key=key,
        numbered=key[0] if types == ["INTEGER"] and not by_index else None,
        unique_keys=tuple(
            _unique_key(connection, index, readable, partial=bool(partial))
            for index, origin, partial in indexes
            if origin != "pk"
        ),
        foreign_keys=tuple(keys),
        checks=checks_of(sql or "") if root else (),
        sql=sql or "",
        virtual=not root,
        rowid=None if without_rowid else free_rowid(readable),
    )


def _unique_key(connection: Any, index: str, known: Collection[str], *, partial: bool) -> UniqueKey:
    rows = connection.execute(
        "SELECT cid, name FROM pragma_index_xinfo(?, 'main') WHERE key", (index,)
    ).fetchall()
    key_columns = [name for cid, name in rows if cid >= 0]
    computed = any(cid == _EXPRESSION for cid, _ in rows)
    if computed:
        (sql,) = connection.execute(
            "SELECT sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?", (index,)
        ).fetchone()
        words = words_of(sql)
        key_columns += [name for name in known if name.lower() in words and name not in key_columns]
    return UniqueKey(index, tuple(key_columns), partial, computed)


def _primary_key(known: Collection[Column]) -> tuple[str, ...]:
    """Name the columns of a table's primary key, in the key's order."""
    return tuple(
        column.name for column in sorted(known, key=lambda column: column.key) if column.key
    )


def _referred(named: list[str | None], parent: ColumnNames) -> tuple[str, ...]:
    """The columns that a foreign key names, spelt as the parent does; its key where none is."""
    if None in named:
        return parent.primary_key
    proper = {folded(name): name for name in parent.every}
    return tuple(proper.get(folded(str(name)), str(name)) for name in named)


def _sequences(connection: Any, tables: Mapping[str, Table]) -> Iterator[Sequence]:
    for table in tables.values():
        if table.numbered is not None and not table.virtual:
            *_, remembers = connection.column_metadata("main", table.name, table.numbered)
            if remembers:
                yield Sequence(table.name, table.name, table.numbered)
