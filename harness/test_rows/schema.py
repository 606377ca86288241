"""A schema as somebody must know it who is to make rows for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from harness.databases.schema import Column, ForeignKey
from harness.databases.sqlite import schema as sqlite
from harness.databases.sqlite.ddl import words_of
from harness.test_rows.checks import Check, check_of


class Table(NamedTuple):
    """One table that holds rows."""

    name: str
    columns: dict[str, Column]  # those that can be written to, by name
    readable: tuple[str, ...]  # these and what is generated
    alias: str | None  # the column that is the rowid's other name
    key: tuple[str, ...]  # what finds a row again; () where nothing does
    uniques: tuple[frozenset[str], ...]  # also partial ones, and those of expressions
    references: tuple[ForeignKey, ...]
    checks: tuple[Check, ...]
    virtual: bool
    copies: bool  # a virtual table that keeps no rows of its own

    def checks_on(self, column: str) -> Iterator[Check]:
        """The CHECKs that look at this column."""
        return (check for check in self.checks if column.lower() in check.names)

    def alone(self, check: Check) -> bool:
        """Whether a CHECK looks at one column only."""
        return sum(name.lower() in check.names for name in self.readable) == 1

    def must_be_set(self, reference: ForeignKey) -> bool:
        """Whether no column of a foreign key may be NULL."""
        return all(self._set(name) for name in reference.columns)

    def _set(self, name: str) -> bool:
        column = self.columns.get(name)
        return column is not None and (not column.nullable or name in self.key)


def read_schema(connection: Any) -> dict[str, Table]:
    """Read every table that can hold rows of a user's: no view, no shadow of a virtual table."""
    tables = {
        name: _table(described) for name, described in sqlite.schema(connection).tables.items()
    }
    return {name: _refers_to_something(table, tables) for name, table in tables.items()}


def _table(described: sqlite.Table) -> Table:
    keys = [key.columns for key in described.unique_keys]
    if described.numbered is None and described.primary_key:
        keys.append(described.primary_key)
    return Table(
        name=described.name,
        columns={
            column.name: column
            for column in described.columns
            if not (column.generated or column.hidden)
        },
        readable=tuple(column.name for column in described.columns if not column.hidden),
        alias=described.numbered,
        key=described.primary_key or ((described.rowid,) if described.rowid else ()),
        uniques=tuple(dict.fromkeys(map(frozenset, keys))),
        # as they were declared: rows are made in this order
        references=described.foreign_keys[::-1],
        checks=tuple(map(check_of, described.checks)),
        virtual=described.virtual,
        copies=described.virtual and "content" in words_of(described.sql),
    )


def _refers_to_something(table: Table, tables: dict[str, Table]) -> Table:
    """Where a foreign key's columns are not known, those that find a row again are meant."""
    return table._replace(
        references=tuple(
            key
            if key.referred or key.parent not in tables
            else replace(key, referred=tables[key.parent].key)
            for key in table.references
        )
    )


def restricted(tables: dict[str, Table]) -> frozenset[str]:
    """Every table that a foreign key with RESTRICT or NO ACTION refers to."""
    return frozenset(
        reference.parent
        for table in tables.values()
        for reference in table.references
        if reference.restricts and reference.parent in tables
    )


__all__ = ["Table", "read_schema", "restricted"]
