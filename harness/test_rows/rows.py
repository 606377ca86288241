"""``create = "auto"``: rows for any SQLite schema, thought out once, written in every cycle.

Before the first cycle the rows are made and tried on a private copy in memory, several versions of
each. A cycle starts from the very same bytes, so the database takes them again: a cycle's seed
chooses among the versions, and nothing has to be thought of. Keys are the same in every version:
a cleanup can be told before the first cycle what it will meet.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import closing
from random import Random
from typing import Any, NamedTuple

import apsw

from harness.databases.errors import is_transient
from harness.errors import UsageError
from harness.processes.actions import Action, Connect, Part
from harness.processes.context import Context
from harness.steps import Entity
from harness.test_rows.making import Maker, Refused, Row, Values, insert_statement
from harness.test_rows.schema import Table, read_schema

OPERATION = "rows"
_VERSIONS = 6  # of each row, where the schema takes as many
_MANY = 20  # rows of a table: beyond, they differ enough among themselves
_INSTEAD = 'write create = ["INSERT ..."] yourself, or name other tables to fill: tables = ["..."]'


class Planned(NamedTuple):
    """One row of every cycle."""

    sql: str
    versions: tuple[tuple[Any, ...], ...]  # the first is the one the others were tried around
    entity: Entity

    def payload_bytes(self, version: int) -> int:
        """Count the bytes written: UTF-8 for text, 8 for a number."""
        return sum(_size(value) for value in self.versions[version])


def _size(value: Any) -> int:
    if isinstance(value, (str, bytes)):
        return len(value.encode() if isinstance(value, str) else value)
    return 0 if value is None else 8


class AutoRows(Action):
    """Make the planned rows, in one transaction."""

    def __init__(self, planned: Sequence[Planned]) -> None:
        self.planned = planned
        # a row that nothing finds again (columns hide every name of its number) is for verification
        self.entities = tuple(row.entity for row in planned if row.entity.key)
        self.payload_bytes = 0  # of the rows made last

    @property
    def operations(self) -> tuple[str, ...]:
        """All rows are one operation."""
        return (OPERATION,)

    @property
    def attempts(self) -> bool:
        """What was rolled back has done nothing."""
        return True

    @property
    def steady(self) -> bool:
        """As many rows in the same tables."""
        return True

    def worth(self, error: Exception) -> bool:
        """Try again what may pass: a lock, a full disk."""
        return is_transient(error)

    def parts(self, context: Context, connect: Connect) -> Iterator[Part]:
        """Give the one transaction."""
        with closing(connect(context.database)) as connection:
            yield Part(OPERATION, lambda: self.make(connection, context.seed))

    def make(self, connection: Any, seed: int) -> None:
        """Make all rows; the same ``seed`` makes the same rows."""
        random = Random(seed)  # noqa: S311 - test data, not secrets
        chosen = [int(random.random() * len(row.versions)) for row in self.planned]
        try:
            self._write(connection, chosen)
        except apsw.ConstraintError:  # versions that do not go together: a trigger compares rows
            chosen = [0] * len(self.planned)
            self._write(connection, chosen)
        self.payload_bytes = sum(
            row.payload_bytes(version) for row, version in zip(self.planned, chosen, strict=True)
        )

    def _write(self, connection: Any, chosen: Sequence[int]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for row, version in zip(self.planned, chosen, strict=True):
                connection.execute(row.sql, row.versions[version])
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def plan_rows(connection: Any, *, rows: int, tables: Sequence[str], seed: int) -> AutoRows:
    """Think the rows out for the database that ``connection`` is open on; nothing is written to it.

    Args:
        connection: on the baseline.
        rows: wanted of each table; where a schema takes fewer, so many as it takes.
        tables: to fill, and whatever they refer to; all when empty.
        seed: of the experiment.

    Raises:
        UsageError: a table takes no row that could be thought of, or is none.
    """
    schema = read_schema(connection)
    names = _chosen(schema, tables)
    order = in_order(schema, names)
    with closing(apsw.Connection(":memory:")) as private:
        with private.backup("main", connection, "main") as copying:
            copying.step()
        private.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)
        private.execute("BEGIN")
        planned = _planned(private, schema, order, rows, seed, insist=bool(tables))
        _end(private)
    if not planned:
        raise UsageError(f"the database has no table to fill; {_INSTEAD}")
    return AutoRows(planned)


def _planned(
    private: Any,
    schema: dict[str, Table],
    order: Sequence[str],
    rows: int,
    seed: int,
    *,
    insist: bool,
) -> list[Planned]:
    maker = Maker(private, schema, seed, tuple(order))
    most = _VERSIONS if rows <= _MANY else 2
    planned: list[Planned] = []
    for name in order:
        table, made_before = schema[name], len(planned)
        kept_columns = _kept(table, schema)
        try:
            for _ in range(rows):
                planned.append(_versions(maker, table, kept_columns, most))  # noqa: PERF401 - what was made counts
        except Refused as error:
            # a virtual table may be anybody's; of others at least one row is expected
            if made_before == len(planned) and (insist or not table.virtual):
                raise UsageError(f"{error}; {_INSTEAD}") from error
    return planned


def _versions(maker: Maker, table: Table, kept_columns: set[str], most: int) -> Planned:
    """Make one row, and try others in its place that have the same values where ``kept``."""
    with maker.rolled_back():
        row = maker.row(table.name)
    versions = [tuple(row.given.values())]
    for values in _others(maker, table, row, kept_columns):
        if tuple(values.values()) not in versions and maker.tried(table, values):
            versions.append(tuple(values.values()))
        if len(versions) == most:
            break
    maker.insert(table, row.given)
    return Planned(insert_statement(table, tuple(row.given)), tuple(versions), row.entity)


def _kept(table: Table, schema: dict[str, Table]) -> set[str]:
    """The columns that are the same in every version: keys, and what refers or is referred to."""
    kept_columns = {*table.key, *(name for unique in table.uniques for name in unique)}
    kept_columns.update(name for reference in table.references for name in reference.columns)
    for referring in schema.values():
        for reference in referring.references:
            if reference.parent == table.name:
                kept_columns.update(reference.referred)
    return kept_columns


def _others(maker: Maker, table: Table, row: Row, kept_columns: set[str]) -> Iterator[Values]:
    free = [name for name in row.given if name not in kept_columns]
    if not free or table.virtual:  # any column of a virtual table may be its key
        return
    samples = maker.samples(table)
    for sample in samples:
        yield {**row.given, **{name: sample[name] for name in free if name in sample}}
    for number in range(0 if samples else 2 * _VERSIONS):
        varied = {}
        for name in free:
            suggested = maker.suggested(table, name)
            if suggested and row.given[name] is not None:
                alike = [value for value in suggested if type(value) is type(row.given[name])]
                varied[name] = alike[number % len(alike)] if alike else row.given[name]
        yield {**row.given, **varied}


def _end(private: Any) -> None:
    """Commit on the copy: what is deferred is looked at only then."""
    try:
        private.execute("COMMIT")
    except apsw.ConstraintError as error:
        orphans = private.execute("PRAGMA foreign_key_check").fetchall()
        where = f"table {orphans[0][0]}" if orphans else "some table"
        raise UsageError(
            f"{where}: no row could be made that it takes; SQLite says, when the transaction "
            f"ends: {error}; {_INSTEAD}"
        ) from error


def _chosen(schema: dict[str, Table], tables: Sequence[str]) -> list[str]:
    """The tables to fill: those named and all they refer to, or every one."""
    if not tables:
        return [name for name, table in schema.items() if not table.copies]
    proper = {name.lower(): name for name in schema}
    waiting, chosen = [], set()
    for name in tables:
        if name.lower() not in proper:
            near = difflib.get_close_matches(name, schema, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}? " if near else ""
            known = ", ".join(schema)
            raise UsageError(f"tables: there is no table {name!r}; {hint}known: {known}")
        waiting.append(proper[name.lower()])
    while waiting:
        name = waiting.pop()
        if name not in chosen:
            chosen.add(name)
            waiting += [
                reference.parent
                for reference in schema[name].references
                if reference.parent in schema
            ]
    return [name for name in schema if name in chosen]


def in_order(schema: dict[str, Table], names: Sequence[str]) -> list[str]:
    """Order tables: those referred to first, in a circle where it costs least, virtual ones last.

    Triggers write to virtual tables under numbers of their own choice; rows that stood there
    already would be in their way.
    """
    waiting = list(names)
    order: list[str] = []
    while waiting:
        costs = [_cost(schema[name], set(waiting)) for name in waiting]
        order.append(waiting.pop(costs.index(min(costs))))
    return [name for name in order if not schema[name].virtual] + [
        name for name in order if schema[name].virtual
    ]


def _cost(table: Table, waiting: set[str]) -> int:
    """What it costs to fill ``table`` before those in ``left`` that it refers to."""
    cost = 0
    for reference in table.references:
        if reference.parent in waiting and reference.parent != table.name:
            must = table.must_be_set(reference)
            cost += 100 if must and not reference.deferred else 10 if must else 1
    return cost


__all__ = ["OPERATION", "AutoRows", "Planned", "in_order", "plan_rows"]
