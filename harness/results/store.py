"""The store of results: run.json and cycles.sqlite in a run's folder, written as it goes."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from harness.errors import MeasurementError, UsageError
from harness.outcomes import CODES
from harness.results import checksums, ledgers, rows
from harness.results.folder import CYCLES, check_same, locked, read_run, refuse_used, write_run
from harness.results.records import CycleRecord

if TYPE_CHECKING:
    from harness.experiment.written.configuration import Experiment

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
_TOTAL = """
INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT (condition) DO UPDATE
SET cycles = cycles + excluded.cycles, checksum = checksum + excluded.checksum
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
            with self._connection:
                self._connection.executemany(rows.INSERT, summed)
                self._connection.executemany("INSERT INTO stories VALUES (?, ?, ?, ?)", stories)
                self._connection.executemany(_TOTAL, rows.totals(summed))
        except apsw.Error as error:
            path = self.folder / CYCLES
            raise MeasurementError(
                f"{path}: cannot store results: {error}; what is there stays. "
                "Make room, then go on with --resume"
            ) from error

    def done(self, condition: str) -> list[range]:
        """Return the cycles stored of ``condition``, as ascending ranges without gaps."""
        return [
            range(first, last + 1)
            for first, last in self._connection.execute(
                "SELECT min(cycle), max(cycle) FROM (SELECT cycle, "
                "cycle - row_number() OVER (ORDER BY cycle) AS island FROM cycles "
                "WHERE condition = ?) GROUP BY island ORDER BY 1",
                (self._ids.get(condition, -1),),
            )
        ]

    def records(self, condition: str) -> Iterator[CycleRecord]:
        """Give the stored cycles of ``condition`` in order of cycle number."""
        query = f"{self._select} WHERE c.condition = ? ORDER BY c.cycle"
        for row in self._connection.execute(query, (self._ids.get(condition, -1),)):
            yield self._read(condition, row)

    def record(self, condition: str, cycle: int) -> CycleRecord | None:
        """Return one stored cycle, or None."""
        query = f"{self._select} WHERE c.condition = ? AND c.cycle = ?"
        for row in self._connection.execute(query, (self._ids.get(condition, -1), cycle)):
            return self._read(condition, row)
        return None

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
        query = "SELECT outcome FROM cycles WHERE condition = ? ORDER BY cycle"
        for (code,) in self._connection.execute(query, (self._ids.get(condition, -1),)):
            yield rows.OUTCOMES.get(code, "harness_error")

    def conditions(self) -> list[str]:
        """Name the conditions of which any cycle was ever stored."""
        return list(self._ids)

    def spoiled(self, condition: str) -> Iterator[tuple[int, str]]:
        """Give number and detail of each cycle that is a harness error."""
        query = "SELECT cycle, coalesce(detail, '') FROM cycles WHERE condition = ? AND outcome = ?"
        codes = (self._ids.get(condition, -1), CODES["harness_error"])
        yield from self._connection.execute(query, codes)

    def remove(self, cycles: Mapping[str, Iterable[int]]) -> None:
        """Remove stored cycles, by condition, in one transaction; MeasurementError where not."""
        try:
            with self._connection:
                for name, numbers in cycles.items():
                    places = [(self._ids[name], number) for number in numbers]
                    self._connection.executemany(_FEWER, places)
                    for table in ("cycles", "stories"):
                        self._connection.executemany(
                            f"DELETE FROM {table} WHERE condition = ? AND cycle = ?", places
                        )
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
        return Counter(dict(self._connection.execute(query, (self._ids.get(condition, -1),))))

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
