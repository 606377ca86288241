"""Make one row after the other for a schema nobody here knows, and have the database judge.

A refused row is tried again with other values in the columns that SQLite names in its refusal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple

import apsw

from harness.databases.schema import ForeignKey
from harness.databases.sqlite.names import quoted
from harness.steps import Entity
from harness.test_rows.attempt import SAMPLES, Attempt, Values
from harness.test_rows.schema import Table
from harness.test_rows.values import fresh, suggestions

TRIES = 60  # of one row
_PARENTS = 20  # of each foreign key
_LAST = 2**63 - 1  # the greatest number a row can have
_LONG = 2000  # a text or blob beyond is copied for nobody's good


class Refused(Exception):
    """The schema takes no row of a table."""

    def __init__(self, table: str, error: str) -> None:
        super().__init__(f"table {table}: no row could be made that it takes; SQLite says: {error}")
        self.table = table


class Row(NamedTuple):
    """A row that the database has taken."""

    given: Values  # what was written
    read: Values  # the whole row as it then stood there
    entity: Entity


class Maker:
    """Makes rows through ``connection``, in a transaction of the caller's.

    Args:
        connection: with foreign keys on.
        tables: the schema.
        seed: the same one makes the same rows on the same database.
        planned: tables of which rows are being made, so that deferred keys may refer to them.
    """

    def __init__(
        self, connection: Any, tables: dict[str, Table], seed: int, planned: tuple[str, ...] = ()
    ) -> None:
        self._connection, self._tables, self._seed = connection, tables, seed
        self._planned = planned
        self.made: defaultdict[str, list[Values]] = defaultdict(list)
        self._sampled: dict[str, list[Values]] = {}
        self._parents: dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]] = {}
        self._suggested: dict[tuple[str, str], list[Any]] = {}
        self._fresh: dict[tuple[str, str], Iterator[Any]] = {}
        # parents that rows already refer to, and that must come to be before the transaction ends
        self._promised: defaultdict[str, list[Values]] = defaultdict(list)

    def row(self, name: str, given: Mapping[str, Any] | None = None) -> Row:
        """Make one row; Refused with the last error of the bounded tries.

        Args:
            name: of the table.
            given: columns that must hold just these values.
        """
        table = self._tables[name]
        promised = self._promised[name].pop(0) if self._promised[name] else {}
        attempt = Attempt(self, table, {**promised, **(given or {})})
        error: Exception | None = None
        for _ in range(TRIES):
            try:
                values = attempt.values()
                row = self.insert(table, values)
            except apsw.Error as refusal:
                error = refusal
                if isinstance(refusal, (apsw.SQLError, apsw.BusyError, apsw.ReadOnlyError)):
                    break  # no other values will help
                attempt.learn(refusal)
                continue
            self.made[name].append(row.read)
            for parent, promised_values in attempt.promises():
                self._promised[parent].append(promised_values)
            return row
        raise Refused(name, str(error)) from error

    def insert(self, table: Table, values: Values) -> Row:
        """Insert; on refusal nothing of it stays."""
        connection = self._connection
        connection.execute("SAVEPOINT making")
        try:
            connection.execute(insert_statement(table, tuple(values)), tuple(values.values()))
            row = self._read(table, values, connection.last_insert_rowid())
        except apsw.Error:
            connection.execute("ROLLBACK TO making")
            raise
        finally:
            connection.execute("RELEASE making")
        return row

    def tried(self, table: Table, values: Values) -> bool:
        """Whether the database takes a row; nothing of it stays."""
        with self.rolled_back():
            try:
                self.insert(table, values)
            except apsw.Error:
                return False
        return True

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Undo in the database whatever is done meanwhile."""
        self._connection.execute("SAVEPOINT trying")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK TO trying")
            self._connection.execute("RELEASE trying")

    def _read(self, table: Table, values: Values, rowid: int) -> Row:
        if not table.key or table.key == (table.alias,) or table.key[0] not in table.readable:
            key: Values = dict.fromkeys(table.key, rowid)
        else:
            key = {name: values.get(name) for name in table.key}
        names = ", ".join(quoted(name) for name in table.readable)
        where = " AND ".join(f"{quoted(name)} = ?" for name in key) or "0"
        row = self._connection.execute(
            f"SELECT {names} FROM {quoted(table.name)} WHERE {where}", tuple(key.values())
        ).fetchone()
        if row is None and key:
            raise apsw.ConstraintError("the row is not there after its INSERT: a trigger's doing?")
        read = dict(zip(table.readable, row or (), strict=False))
        entity = Entity(
            table.name, tuple((name, read.get(name, value)) for name, value in key.items())
        )
        return Row(values, read, entity)

    def count(self, table: Table) -> int:
        """How many rows of the table were made."""
        return len(self.made[table.name])

    def no_next(self, table: Table) -> bool:
        """Whether SQLite would draw the next row's number by lot: the greatest is taken."""
        (top,) = self._connection.execute(
            f"SELECT max({quoted(str(table.alias))}) FROM {quoted(table.name)}"
        ).fetchone()
        return bool(top == _LAST)

    def samples(self, table: Table) -> list[Values]:
        """Some rows that the table holds, without what is long."""
        if table.name not in self._sampled:
            names = list(table.columns)
            listed = ", ".join(quoted(name) for name in names)
            rows = self._connection.execute(
                f"SELECT {listed} FROM {quoted(table.name)} LIMIT {SAMPLES}"
            ).fetchall()
            self._sampled[table.name] = [
                {name: value for name, value in zip(names, row, strict=True) if not _is_long(value)}
                for row in rows
            ]
        return self._sampled[table.name]

    def suggested(self, table: Table, column: str) -> list[Any]:
        """What the column may hold, the likeliest first."""
        key = table.name, column
        if key not in self._suggested:
            held = [row[column] for row in self.samples(table) if column in row]
            self._suggested[key] = suggestions(
                self._connection, table, table.columns[column], self._seed, held
            )
        return self._suggested[key]

    def fresh(self, table: Table, column: str) -> Any:
        """Another value that the column does not hold yet."""
        key = table.name, column
        if key not in self._fresh:
            random = Random(f"fresh {self._seed} {key}")  # noqa: S311 - test data, not secrets
            self._fresh[key] = fresh(
                self._connection,
                table,
                table.columns[column],
                self.suggested(table, column),
                random,
            )
        return next(self._fresh[key])

    def parents(self, table: Table, reference: ForeignKey) -> list[tuple[Any, ...]]:
        """Whom a row may refer to: rows just made first, then those that were there."""
        rows = self.made[reference.parent]
        near = [
            rows[(self.count(table) + step) % len(rows)] for step in range(min(len(rows), _PARENTS))
        ]
        just_made = [tuple(row.get(name) for name in reference.referred) for row in near]
        just_made = [parent for parent in just_made if None not in parent]
        existing = self._existing(reference)
        nobody = [] if table.must_be_set(reference) else [(None,) * len(reference.columns)]
        if any(unique <= set(reference.columns) for unique in table.uniques):
            existing, nobody = nobody, existing  # most of them will have their one child
        return [*just_made, *existing, *nobody]

    def _existing(self, reference: ForeignKey) -> list[tuple[Any, ...]]:
        key = reference.parent, reference.referred
        if key not in self._parents:
            names = ", ".join(quoted(name) for name in reference.referred)
            is_readable = reference.parent in self._tables and reference.referred
            rows = (
                self._connection.execute(
                    f"SELECT {names} FROM {quoted(reference.parent)} LIMIT {_PARENTS}"
                ).fetchall()
                if is_readable
                else []
            )
            self._parents[key] = [row for row in rows if None not in row]
        return self._parents[key]

    def promise(self, table: Table, reference: ForeignKey) -> tuple[Any, ...] | None:
        """Think of a parent that is yet to come; None where that cannot be."""
        is_own_parent = reference.parent == table.name
        if not is_own_parent and not (reference.deferred and reference.parent in self._planned):
            return None
        parent = self._tables[reference.parent]
        if not set(reference.referred) <= parent.columns.keys():
            return None
        return tuple(self.fresh(parent, name) for name in reference.referred)


def insert_statement(table: Table, columns: tuple[str, ...]) -> str:
    """SQL that inserts a row with these columns."""
    if not columns:
        return f"INSERT INTO {quoted(table.name)} DEFAULT VALUES"
    names = ", ".join(quoted(name) for name in columns)
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({marks})"


def _is_long(value: Any) -> bool:
    return isinstance(value, (str, bytes)) and len(value) > _LONG


__all__ = ["Maker", "Refused", "Row", "Values", "insert_statement"]
