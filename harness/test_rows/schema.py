"""A SQLite schema as somebody must know it who is to make rows for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from harness.test_rows.ddl import Check, checks_of, is_deferred, words_of

_ROWID_NAMES = ("rowid", "_rowid_", "oid")
RESTRICTING = ("RESTRICT", "NO ACTION")


class Column(NamedTuple):
    """One column that can be written to."""

    name: str
    type: str  # as declared, in upper case: "VARCHAR(20)"
    required: bool
    default: str | None  # as SQL


class Reference(NamedTuple):
    """One foreign key."""

    columns: tuple[str, ...]
    parent: str  # as the parent's own definition writes it, where there is such a table
    referred: tuple[str, ...]
    on_delete: str  # "CASCADE"
    deferred: bool  # whether it may be looked at only when the transaction ends

    @property
    def restricts(self) -> bool:
        """Whether a child row keeps its parent from being deleted."""
        return self.on_delete in RESTRICTING


class Table(NamedTuple):
    """One table that holds rows."""

    name: str
    columns: dict[str, Column]  # those that can be written to, by name
    readable: tuple[str, ...]  # these and what is generated
    alias: str | None  # the column that is the rowid's other name
    key: tuple[str, ...]  # what finds a row again; () where nothing does
    uniques: tuple[frozenset[str], ...]  # also partial ones, and those of expressions
    references: tuple[Reference, ...]
    checks: tuple[Check, ...]
    virtual: bool
    copies: bool  # a virtual table that keeps no rows of its own

    def checks_on(self, column: str) -> Iterator[Check]:
        """The CHECKs that look at this column."""
        return (check for check in self.checks if column.lower() in check.names)

    def alone(self, check: Check) -> bool:
        """Whether a CHECK looks at one column only."""
        return sum(name.lower() in check.names for name in self.readable) == 1

    def must_be_set(self, reference: Reference) -> bool:
        """Whether no column of a foreign key may be NULL."""
        return all(self._set(name) for name in reference.columns)

    def _set(self, name: str) -> bool:
        column = self.columns.get(name)
        return column is not None and (column.required or name in self.key)


def read_schema(connection: Any) -> dict[str, Table]:
    """Read every table that can hold rows of a user's: no view, no shadow of a virtual table."""
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    names = [
        (name, kind, bool(without_rowid))
        for schema, name, kind, _, without_rowid, _ in listed
        if schema == "main" and kind in ("table", "virtual") and not name.startswith("sqlite_")
    ]
    order = {
        name: (place, sql or "")
        for place, (name, sql) in enumerate(
            connection.execute("SELECT name, sql FROM main.sqlite_schema WHERE type = 'table'")
        )
    }
    names.sort(key=lambda one: order[one[0]][0])
    proper = {name.lower(): name for name, _, _ in names}
    tables = {
        name: _table(connection, name, order[name][1], kind == "virtual", without, proper)
        for name, kind, without in names
    }
    return {name: _with_proper_names(table, tables) for name, table in tables.items()}


def _table(
    connection: Any,
    name: str,
    sql: str,
    virtual: bool,
    without_rowid: bool,
    proper: dict[str, str],
) -> Table:
    info = connection.execute(
        'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)', (name,)
    ).fetchall()
    indexes = connection.execute(
        'SELECT name, origin FROM pragma_index_list(?) WHERE "unique"', (name,)
    ).fetchall()
    columns = {
        column: Column(column, (kind or "").upper(), bool(required), default)
        for column, kind, required, default, _, hidden in info
        if hidden == 0
    }
    primary = tuple(one[0] for one in sorted(info, key=lambda one: one[4]) if one[4])
    alias = None
    if len(primary) == 1 and not without_rowid and columns[primary[0]].type == "INTEGER":
        alias = None if any(origin == "pk" for _, origin in indexes) else primary[0]
    readable = tuple(one[0] for one in info if one[5] != 1)
    uniques = [_indexed(connection, index, readable) for index, _ in indexes]
    deferred = is_deferred(sql)
    return Table(
        name,
        columns,
        readable,
        alias,
        primary or _rowid_of(readable),
        tuple(dict.fromkeys(uniques)),
        tuple(_references(connection, name, deferred=deferred, proper=proper)),
        () if virtual else checks_of(sql),
        virtual,
        virtual and "content" in words_of(sql),
    )


def _rowid_of(columns: Collection[str]) -> tuple[str, ...]:
    """The name of the rowid that no column has taken."""
    taken = {name.lower() for name in columns}
    return tuple(name for name in _ROWID_NAMES if name not in taken)[:1]


def _indexed(connection: Any, index: str, columns: Collection[str]) -> frozenset[str]:
    """The columns of an index, also those inside its expressions."""
    found = connection.execute(
        "SELECT cid, name FROM pragma_index_xinfo(?) WHERE key", (index,)
    ).fetchall()
    names = {name for cid, name in found if cid >= 0}
    if any(cid == -2 for cid, _ in found):  # an expression
        (sql,) = connection.execute(
            "SELECT sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?", (index,)
        ).fetchone()
        words = words_of(sql)
        names |= {name for name in columns if name.lower() in words}
    return frozenset(names)


def _references(
    connection: Any, name: str, *, deferred: bool, proper: dict[str, str]
) -> Iterator[Reference]:
    rows = connection.execute(
        'SELECT id, "table", "from", "to", on_delete FROM pragma_foreign_key_list(?) '
        "ORDER BY id DESC, seq",
        (name,),
    ).fetchall()
    for number in dict.fromkeys(row[0] for row in rows):
        mine = [row for row in rows if row[0] == number]
        parent = proper.get(mine[0][1].lower(), mine[0][1])
        referred = tuple(row[3] for row in mine if row[3] is not None)
        yield Reference(tuple(row[2] for row in mine), parent, referred, mine[0][4], deferred)


def _with_proper_names(table: Table, tables: dict[str, Table]) -> Table:
    """Write every column of a foreign key as its table does; the parent's key where none is named.

    SQLite does not care about upper and lower case; whoever looks names up must.
    """
    own = {name.lower(): name for name in table.readable}
    references = []
    for reference in table.references:
        parent = tables.get(reference.parent)
        theirs = {name.lower(): name for name in parent.readable} if parent else {}
        referred = reference.referred or (parent.key if parent else ())
        references.append(
            reference._replace(
                columns=tuple(own.get(name.lower(), name) for name in reference.columns),
                referred=tuple(theirs.get(name.lower(), name) for name in referred),
            )
        )
    return table._replace(references=tuple(references))


def restricted(tables: dict[str, Table]) -> frozenset[str]:
    """Every table that a foreign key with RESTRICT or NO ACTION refers to."""
    return frozenset(
        reference.parent
        for table in tables.values()
        for reference in table.references
        if reference.restricts and reference.parent in tables
    )


__all__ = ["Column", "Reference", "Table", "read_schema", "restricted"]
