"""The one reader of a SQLite schema: the whole of it, or just what somebody has to know.

Everything is asked of the database itself (``main``), never of what is attached to it. Reading
the whole takes a few queries a table; what must be quick asks for ``objects``, ``stored_tables``
and ``column_names`` alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apsw

from harness.databases import schema as neutral
from harness.databases.schema import ForeignKey, Sequence, Trigger, UniqueKey
from harness.databases.sqlite.ddl import checks_of, is_deferred, words_of
from harness.databases.sqlite.names import folded, free_rowid
from harness.databases.sqlite.stored import (
    FOREIGN_KEYS,
    HIDDEN,
    STORED,
    VIRTUAL,
    ColumnNames,
    column_names,
    is_without_rowid,
    objects,
    table_xinfo,
)

_EXPRESSION = -2  # the column's number that index_xinfo gives for one


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
    """Read all of it; a virtual table whose module is not there is told among the unread."""
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    users = {name for _, name, kind, *_ in listed if _is_users(name, kind)}
    stored_objects = objects(connection)
    without_rowid = {name for _, name, _, _, has_none, _ in listed if has_none}
    keys: defaultdict[str, list[ForeignKey]] = defaultdict(list)
    for key in foreign_keys(connection):
        keys[key.table].append(key)
    tables: dict[str, Table] = {}
    unread: dict[str, str] = {}
    for (kind, name), definition in stored_objects.items():
        if kind == "table" and name in users:
            try:
                tables[name] = _table(
                    connection,
                    name,
                    definition[1:],
                    keys[name],
                    without_rowid=name in without_rowid,
                )
            except apsw.SQLError as error:
                unread[name] = str(error)
    triggers = tuple(
        Trigger(name, owner, sql or "")
        for (kind, name), (owner, _, sql) in stored_objects.items()
        if kind == "trigger"
    )
    return Schema(tables, triggers, tuple(_sequences(connection, tables)), unread)


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


def users_tables(connection: Any) -> list[str]:
    """Name the tables that are a user's, in order: no view, no shadow table of a virtual one."""
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    return sorted(name for _, name, kind, *_ in listed if _is_users(name, kind))


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
            generated=hidden in (VIRTUAL, STORED),
            key=key,
            hidden=hidden == HIDDEN,
            stored=hidden != VIRTUAL,
        )
        for _, column, kind, required, default, key, hidden in table_xinfo(connection, name)
    )


def foreign_keys(connection: Any, name: str | None = None) -> list[ForeignKey]:
    """Read the foreign keys of every table, or of one, as SQLite lists them: the newest first."""
    rows = connection.execute(
        f'SELECT s.name, s.sql, f.id, f."table", f."from", f."to", f.on_delete {FOREIGN_KEYS} '
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
