"""The store of results: run.json and cycles.sqlite in a run's folder, written as it goes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np

from harness.errors import MeasurementError, UsageError
from harness.outcomes import CODES
from harness.results import blocks, checksums, ledgers, rows
from harness.results.blocks import Block
from harness.results.folder import CYCLES, check_same, locked, read_run, refuse_used, write_run
from harness.results.packed import Filling, PackedCycles
from harness.results.records import CycleRecord
from harness.results.sound import Unsound

if TYPE_CHECKING:
    from harness.experiment.written.configuration import Experiment

AT_ONCE = 500  # rows that are read together
_ISLANDS = """
SELECT min(cycle), max(cycle) FROM (
    SELECT cycle, cycle - row_number() OVER (ORDER BY cycle) AS island FROM cycles
    WHERE condition = ?
) GROUP BY island
"""
# A run from before there were checksums, gone on with: what it had stored has none.
_SINCE = ("cycles", "stories")
_COUNT = """
INSERT INTO totals SELECT condition, count(*), coalesce(sum(checksum), 0) FROM cycles
GROUP BY condition
"""
_FEWER = """
UPDATE totals SET cycles = totals.cycles - 1,
    checksum = totals.checksum - coalesce(gone.checksum, 0)
FROM (SELECT condition, checksum FROM cycles WHERE condition = ? AND cycle = ?) AS gone
WHERE totals.condition = gone.condition
"""


class Store:
    """The results in one folder. Open one for writing with ``create`` or ``resume``.

    Its memory does not grow with the cycles: batches go straight to the file, and ``records``
    reads row by row.
    """

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        """Open the results in ``folder`` for reading; UsageError when there are none."""
        self.folder = Path(folder)
        self.run = read_run(self.folder)
        path = self.folder / CYCLES
        if not write and not path.exists():
            raise UsageError(f"{folder}: there is no {CYCLES}; nothing was measured here")
        self._lock = locked(self.folder) if write else -1
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        try:
            self._connection = apsw.Connection(
                str(path), flags=flags if write else apsw.SQLITE_OPEN_READONLY
            )
            self._prepare(write)
        except apsw.Error as error:
            self._unlock()
            raise MeasurementError(f"{path}: cannot be opened: {error}") from error

    def _prepare(self, write: bool) -> None:
        self._connection.set_busy_timeout(10_000)
        if write:
            self._connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
            with self._connection:
                before = self._has("cycles") and not self._has("totals")
                self._connection.execute(rows.SCHEMA)
                self._widen()
                if before:
                    self._count()
                self._connection.executemany(
                    "INSERT OR IGNORE INTO outcomes VALUES (?, ?)",
                    [(code, outcome) for outcome, code in CODES.items()],
                )
            self._filling = Filling(self._connection)
        self._packed = PackedCycles(self._connection)
        # a run from before there were stories is read as one without
        joined = "s.story FROM cycles AS c LEFT JOIN stories AS s USING (condition, cycle)"
        there = self._columns("cycles")  # one from before there were cpu timings has none
        columns = ", ".join(
            f"c.{name}" if name in there else "NULL" for name in rows.COLUMNS if name != "checksum"
        )
        self._select = (
            f"SELECT {columns}, {joined if self._has('stories') else 'NULL FROM cycles AS c'}"
        )
        self._ids: dict[str, int] = {
            name: number for number, name in self._connection.execute("SELECT * FROM conditions")
        }

    def _has(self, table: str) -> bool:
        query = "SELECT 1 FROM sqlite_schema WHERE name = ?"
        return self._connection.execute(query, (table,)).fetchone() is not None

    def _columns(self, table: str) -> list[str]:
        return [column[1] for column in self._connection.execute(f"PRAGMA table_info({table})")]

    def _widen(self) -> None:
        """Add to a run from before the columns that there are by now; its rows have no value."""
        there = self._columns("cycles")
        for name in checksums.TIMED:
            if name not in there:
                self._connection.execute(f"ALTER TABLE cycles ADD COLUMN {name} INTEGER")

    def _count(self) -> None:
        for table in _SINCE:
            if "checksum" not in self._columns(table):
                self._connection.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER")
        self._connection.execute(_COUNT)

    @classmethod
    def create(cls, folder: Path, run: Mapping[str, Any]) -> Store:
        """Start a run in ``folder``; UsageError when one is there already: nothing is touched."""
        refuse_used(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder} cannot be made: {error}; name another") from error
        write_run(folder, run)
        return cls(folder, write=True)

    @classmethod
    def resume(cls, folder: Path, experiment: Experiment) -> Store:
        """Go on in ``folder``; ConfigurationError when another experiment's results are there."""
        check_same(folder, experiment)
        return cls(folder, write=True)

    def append(self, records: Iterable[CycleRecord]) -> None:
        """Store a batch in one transaction: all of it or nothing.

        MeasurementError when it cannot be written (the disk is full, a cycle is there twice);
        what was stored before stays.
        """
        try:
            values, names, stories = [], [], []
            for record in records:
                number = self._id(record.condition)
                values.append(rows.row_of(record, number))
                names.append(record.condition)
                if record.story:
                    checksum = checksums.of_text(record.story) >> 32
                    stories.append((number, record.cycle, record.story, checksum))
            summed = rows.summed(values, names)
            places = [(row[0], row[1]) for row in summed]
            if (again := self._filling.first_packed(places)) is not None:
                raise apsw.ConstraintError(f"cycle {again} is there already")
            with self._connection:
                self._connection.executemany(rows.INSERT, summed)
                self._connection.executemany("INSERT INTO stories VALUES (?, ?, ?, ?)", stories)
                self._connection.executemany(rows.ADD_TOTAL, rows.totals(summed))
                committed = self._filling.add(places)
            committed()
        except apsw.Error as error:
            path = self.folder / CYCLES
            raise MeasurementError(
                f"{path}: cannot store results: {error}; what is there stays. "
                "Make room, then go on with --resume"
            ) from error

    def done(self, condition: str) -> list[range]:
        """Return the cycles stored of ``condition``, as ascending ranges without gaps."""
        number = self._ids.get(condition, -1)
        with self._connection:  # one state of the file, whoever writes meanwhile
            ranges = [
                range(first, last + 1)
                for first, last in self._connection.execute(_ISLANDS, (number,))
            ]
            ranges += [
                range(n * blocks.CYCLES, (n + 1) * blocks.CYCLES)
                for n in self._packed.numbers(number)
            ]
        done: list[range] = []
        for one in sorted(ranges, key=lambda each: each.start):
            if done and done[-1].stop == one.start:
                done[-1] = range(done[-1].start, one.stop)
            else:
                done.append(one)
        return done

    def records(self, condition: str) -> Iterator[CycleRecord]:
        """Give the stored cycles of ``condition`` in order of cycle number."""
        number = self._ids.get(condition, -1)
        for block, row_wise in self._pieces(number, self._select, "c.condition", "c.cycle"):
            found = row_wise if block is None else self._rows(number, block)
            for row in found:
                yield self._read(condition, row)

    def _pieces(
        self, number: int, select: str, condition: str = "condition", cycle: str = "cycle"
    ) -> Iterator[tuple[Block | None, list[Any]]]:
        """Give a condition's cycles in order: a block, or some rows of ``select``, cycle second."""
        query = (
            f"{select} WHERE {condition} = ? AND {cycle} >= ? AND {cycle} < ? "
            f"ORDER BY {cycle} LIMIT {AT_ONCE}"
        )
        at = 0
        while True:
            with self._connection:  # one state of the file, whoever writes meanwhile
                packed = next(
                    (n for n in self._packed.numbers(number) if n >= at // blocks.CYCLES), None
                )
                end = sys.maxsize if packed is None else packed * blocks.CYCLES
                found = list[Any](self._connection.execute(query, (number, at, end)))
                block = None
                if not found and packed is not None:
                    block = self._block(number, packed)
            if block is None and not found:
                return
            if block is None:
                at = found[-1][1] + 1
            else:
                block = block.since(at)  # some were rows when they were read
                at = end + blocks.CYCLES
            yield block, found

    def record(self, condition: str, cycle: int) -> CycleRecord | None:
        """Return one stored cycle, or None."""
        number = self._ids.get(condition, -1)
        query = f"{self._select} WHERE c.condition = ? AND c.cycle = ?"
        with self._connection:  # one state of the file, whoever writes meanwhile
            row = self._connection.execute(query, (number, cycle)).fetchone()
            block = None if row is not None else self._block(number, cycle // blocks.CYCLES)
        if block is not None:
            row = next(self._rows(number, block, cycle % blocks.CYCLES))
        return None if row is None else self._read(condition, row)

    def _block(self, number: int, block: int) -> Block | None:
        try:
            return self._packed.block(number, block)
        except Unsound as error:
            raise MeasurementError(
                f"{self.folder / CYCLES}: block {block} of condition number {number}: {error.why}; "
                "'harness check' says what is wrong with it"
            ) from error

    def _rows(self, number: int, block: Block, place: int | None = None) -> Iterator[Any]:
        """Give a block's cycles, or one of them, as the rows that they were."""
        columns, first = block.columns, int(block.columns["cycle"][0])
        if place is not None:
            columns = {name: values[place : place + 1] for name, values in columns.items()}
        query = "SELECT cycle, story FROM stories WHERE condition = ? AND cycle >= ? AND cycle < ?"
        known = (number, first, first + blocks.CYCLES)
        stories = dict(self._connection.execute(query, known)) if self._has("stories") else {}
        for row in blocks.rows(columns):
            yield (number, *row, stories.get(row[0]))

    def _read(self, condition: str, row: tuple[Any, ...]) -> CycleRecord:
        try:
            return rows.record_of(condition, row)
        except (LookupError, TypeError, ValueError) as error:
            raise MeasurementError(
                f"{self.folder / CYCLES}: condition {condition!a}, cycle {row[1]!a}: cannot be "
                f"what a run has stored ({error}); 'harness check' says what is wrong with it"
            ) from error

    def outcomes(self, condition: str) -> Iterator[str]:
        """Give the outcomes alone, in order of cycle number."""
        select = "SELECT outcome, cycle FROM cycles"
        for block, found in self._pieces(self._ids.get(condition, -1), select):
            codes = (code for code, _ in found) if block is None else block.columns["outcome"]
            for code in codes:
                yield rows.OUTCOMES.get(int(code), "harness_error")

    def conditions(self) -> list[str]:
        """Name the conditions of which any cycle was ever stored."""
        return list(self._ids)

    def spoiled(self, condition: str) -> Iterator[tuple[int, str]]:
        """Give number and detail of each cycle that is a harness error."""
        bad = CODES["harness_error"]
        select = f"SELECT coalesce(detail, ''), cycle, outcome = {bad} FROM cycles"
        for block, found in self._pieces(self._ids.get(condition, -1), select):
            if block is None:
                yield from ((cycle, detail) for detail, cycle, spoiled in found if spoiled)
                continue
            for place in np.flatnonzero(block.columns["outcome"] == bad).tolist():
                yield int(block.columns["cycle"][place]), block.columns["detail"][place] or ""

    def remove(self, cycles: Mapping[str, Iterable[int]]) -> None:
        """Remove stored cycles, by condition, in one transaction; MeasurementError where not."""
        try:
            with self._connection:
                for name, numbers in cycles.items():
                    places = [(self._ids[name], number) for number in numbers]
                    for block in {number // blocks.CYCLES for _, number in places}:
                        self._filling.unpack(self._ids[name], block)
                    self._connection.executemany(_FEWER, places)
                    for table in ("cycles", "stories"):
                        self._connection.executemany(
                            f"DELETE FROM {table} WHERE condition = ? AND cycle = ?", places
                        )
            self._filling = Filling(self._connection)
            self._packed.forget()
        except apsw.Error as error:
            path = self.folder / CYCLES
            raise MeasurementError(f"{path}: cannot be changed: {error}; nothing was") from error

    def fired(self, condition: str) -> Counter[str]:
        """Count how often each kind of fault fired in ``condition``."""
        query = (
            f"SELECT f.value ->> '{ledgers.sql_path('kind')}', count(*) "
            "FROM cycles, json_each(faults) AS f "
            f"WHERE condition = ? AND f.value ->> '{ledgers.sql_path('fired')}' GROUP BY 1"
        )
        number = self._ids.get(condition, -1)
        with self._connection:  # one state of the file, whoever writes meanwhile
            fired = Counter[str](dict(self._connection.execute(query, (number,))))
            for block in self._packed.numbers(number):
                found = self._block(number, block)
                texts = found.columns["faults"].counts() if found is not None else Counter[str]()
                for entries, times in zip(ledgers.of_texts(texts), texts.values(), strict=True):
                    for entry in entries:
                        fired[entry.kind] += times * entry.fired
        return +fired

    def update_run(self, **values: Any) -> None:
        """Put ``values`` into run.json, atomically."""
        self.run = {**self.run, **values}
        write_run(self.folder, self.run)

    def close(self) -> None:
        """Close the file; what was written leaves it whole, with no -wal beside it."""
        if self._lock >= 0:
            with contextlib.suppress(apsw.Error):  # disk full, a reader: the -wal stays
                self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _id(self, condition: str) -> int:
        if condition not in self._ids:
            self._connection.execute("INSERT INTO conditions (name) VALUES (?)", (condition,))
            self._ids[condition] = self._connection.last_insert_rowid()
        return self._ids[condition]
