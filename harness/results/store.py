"""The store of results: run.json and cycles.sqlite in a run's folder, written as it goes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from harness.errors import ConfigurationError, MeasurementError, UsageError
from harness.outcomes import CODES, TIMINGS
from harness.results import checksums, ledgers
from harness.results.records import CycleRecord
from harness.results.run_checks import SUM, check_run, checksum, parsed

if TYPE_CHECKING:
    from harness.experiment.written.configuration import Experiment

RUN, CYCLES = "run.json", "cycles.sqlite"
VERSION = 1  # of run.json and summary.json
_OUTCOMES = {code: outcome for outcome, code in CODES.items()}
_ROWS, _EXACT, _SAYS_CLEAN, _CLEANED_UP, _CLEANUP_OK = 1, 2, 4, 8, 16
_SHADOWED, _SHADOW_OK = 32, 64
_TIMED = tuple(f"{phase}_us" for phase in TIMINGS)
_COLUMNS = (
    "condition", "cycle", "outcome", "flags", "restored_by", "left_behind",
    "backup_bytes", "payload_bytes", "grown_bytes", *_TIMED, "faults", "detail", "checksum",
)  # fmt: skip
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS outcomes (code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS conditions (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
-- flags: 1 clean at grade rows, 2 at grade exact, 4 the guard says clean, 8 a cleanup ran,
-- 16 the cleanup says it worked, 32 a restore was forced as well, 64 and it worked.
-- Timings in microseconds, NULL where it did not take place. checksum: of all the others.
CREATE TABLE IF NOT EXISTS cycles (
    condition INTEGER NOT NULL, cycle INTEGER NOT NULL, outcome INTEGER NOT NULL,
    flags INTEGER NOT NULL, restored_by TEXT, left_behind INTEGER NOT NULL,
    backup_bytes INTEGER NOT NULL, payload_bytes INTEGER NOT NULL, grown_bytes INTEGER NOT NULL,
    {", ".join(f"{column} INTEGER" for column in _TIMED)},
    faults TEXT, detail TEXT, checksum INTEGER NOT NULL, PRIMARY KEY (condition, cycle)
) WITHOUT ROWID, STRICT;
-- What happened, as JSON, of the cycles of conditions that ask for it.
CREATE TABLE IF NOT EXISTS stories (
    condition INTEGER NOT NULL, cycle INTEGER NOT NULL, story TEXT NOT NULL,
    checksum INTEGER, PRIMARY KEY (condition, cycle)
) WITHOUT ROWID, STRICT;
-- How many cycles there are, and the sum of their checksums.
CREATE TABLE IF NOT EXISTS totals (
    condition INTEGER PRIMARY KEY, cycles INTEGER NOT NULL, checksum INTEGER NOT NULL
) STRICT;
"""
# A run from before there were checksums, gone on with: what it had stored has none.
_SINCE = ("cycles", "stories")
_COUNT = """
INSERT INTO totals SELECT condition, count(*), coalesce(sum(checksum), 0) FROM cycles
GROUP BY condition
"""
_INSERT = f"INSERT INTO cycles ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
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
        self._lock = _locked(self.folder) if write else -1
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
                self._connection.execute(_SCHEMA)
                if before:
                    self._count()
                self._connection.executemany(
                    "INSERT OR IGNORE INTO outcomes VALUES (?, ?)",
                    [(code, outcome) for outcome, code in CODES.items()],
                )
        # a run from before there were stories is read as one without
        joined = "s.story FROM cycles AS c LEFT JOIN stories AS s USING (condition, cycle)"
        columns = ", ".join(f"c.{name}" for name in _COLUMNS if name != "checksum")
        self._select = (
            f"SELECT {columns}, {joined if self._has('stories') else 'NULL FROM cycles AS c'}"
        )
        self._ids: dict[str, int] = {
            name: number for number, name in self._connection.execute("SELECT * FROM conditions")
        }

    def _has(self, table: str) -> bool:
        query = "SELECT 1 FROM sqlite_schema WHERE name = ?"
        return self._connection.execute(query, (table,)).fetchone() is not None

    def _count(self) -> None:
        for table in _SINCE:
            columns = self._connection.execute(f"PRAGMA table_info({table})").fetchall()
            if "checksum" not in [column[1] for column in columns]:
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
            rows, names, stories = [], [], []
            for record in records:
                rows.append(self._row(record))
                names.append(record.condition)
                if record.story:
                    one = (*rows[-1][:2], record.story, checksums.of_text(record.story) >> 32)
                    stories.append(one)
            summed = _summed(rows, names)
            with self._connection:
                self._connection.executemany(_INSERT, summed)
                self._connection.executemany("INSERT INTO stories VALUES (?, ?, ?, ?)", stories)
                self._connection.executemany(_TOTAL, _totals(summed))
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
            return _record(condition, row)
        except (LookupError, TypeError, ValueError) as error:
            raise MeasurementError(
                f"{self.folder / CYCLES}: condition {condition!a}, cycle {row[1]!a}: cannot be "
                f"what a run has stored ({error}); 'harness check' says what is wrong with it"
            ) from error

    def outcomes(self, condition: str) -> Iterator[str]:
        """Give the outcomes alone, in order of cycle number."""
        query = "SELECT outcome FROM cycles WHERE condition = ? ORDER BY cycle"
        for (code,) in self._connection.execute(query, (self._ids.get(condition, -1),)):
            yield _OUTCOMES.get(code, "harness_error")

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

    def _row(self, record: CycleRecord) -> tuple[Any, ...]:
        flags = _ROWS * record.rows | _EXACT * record.exact | _SAYS_CLEAN * record.says_clean
        if record.cleanup_ok is not None:
            flags |= _CLEANED_UP | _CLEANUP_OK * record.cleanup_ok
        if record.shadow_ok is not None:
            flags |= _SHADOWED | _SHADOW_OK * record.shadow_ok
        timings = record.timings_ms
        return (
            self._id(record.condition),
            record.cycle,
            CODES[record.outcome],
            flags,
            record.restored_by,
            record.left_behind,
            record.backup_bytes,
            record.payload_bytes,
            record.grown_bytes,
            *(round(timings[phase] * 1000) if phase in timings else None for phase in TIMINGS),
            ledgers.to_text(record.faults),
            record.detail or None,
        )

    def _id(self, condition: str) -> int:
        if condition not in self._ids:
            self._connection.execute("INSERT INTO conditions (name) VALUES (?)", (condition,))
            self._ids[condition] = self._connection.last_insert_rowid()
        return self._ids[condition]


def _summed(rows: list[tuple[Any, ...]], conditions: list[str]) -> list[tuple[Any, ...]]:
    """Add to each row of _COLUMNS its checksum."""
    if not rows:
        return []
    values = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=False))
    stored: dict[str, Any] = {name: values[name] for name in checksums.WHOLE}
    for name in _TIMED:
        stored[name] = [-1 if us is None else us for us in values[name]]
    stored |= {name: checksums.of_texts(values[name]) for name in checksums.TEXTS}
    found = checksums.of_cycles(checksums.of_texts(conditions), stored).tolist()
    return [(*row, checksum) for row, checksum in zip(rows, found, strict=True)]


def _totals(rows: Iterable[tuple[Any, ...]]) -> list[tuple[int, int, int]]:
    """Return (condition, cycles, sum of checksums) of rows."""
    cycles, sums = Counter[int](), Counter[int]()
    for row in rows:
        cycles[row[0]] += 1
        sums[row[0]] += row[-1]
    return [(condition, number, sums[condition]) for condition, number in cycles.items()]


def _record(condition: str, row: tuple[Any, ...]) -> CycleRecord:
    _, cycle, outcome, flags, restored_by, left_behind, backup, payload, grown, *rest = row
    *timings, faults, detail, story = rest
    return CycleRecord(
        condition=condition,
        cycle=cycle,
        outcome=_OUTCOMES[outcome],
        rows=bool(flags & _ROWS),
        exact=bool(flags & _EXACT),
        says_clean=bool(flags & _SAYS_CLEAN),
        cleanup_ok=bool(flags & _CLEANUP_OK) if flags & _CLEANED_UP else None,
        restored_by=restored_by,
        left_behind=left_behind,
        backup_bytes=backup,
        payload_bytes=payload,
        grown_bytes=grown,
        timings_ms={
            phase: us / 1000 for phase, us in zip(TIMINGS, timings, strict=True) if us is not None
        },
        faults=ledgers.of_text(faults),
        detail=detail or "",
        story=story or "",
        shadow_ok=bool(flags & _SHADOW_OK) if flags & _SHADOWED else None,
    )


def fingerprint(experiment: Experiment) -> str:
    """Tell experiments apart: everything that decides what happens in a cycle, as one hash.

    How many cycles are wanted does not count: a run may be resumed with more.
    """
    identity = json.dumps(experiment.identity(), sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()


def refuse_used(folder: Path) -> None:
    """Raise UsageError when ``folder`` holds results already, or can be no folder of results."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not there.is_dir():
        raise UsageError(
            f"{folder} can be no folder: {there} is a file; name another with --output"
        )
    if (folder / RUN).exists() or (folder / CYCLES).exists():
        raise UsageError(
            f"{folder} already holds results, and nothing was overwritten; "
            "go on with --resume, or name another folder with --output"
        )


def refuse_unused(folder: Path) -> None:
    """Raise UsageError when ``folder`` holds nothing that a run could go on with."""
    if not (folder / RUN).exists():
        what = "holds no run" if folder.exists() else "is not there"
        raise UsageError(
            f"{folder}: {what}, so there is nothing to --resume; name the run's folder with "
            "--output, or leave --resume out to begin"
        )
    if not (folder / CYCLES).exists() and any(folder.glob("*.parquet")):
        raise UsageError(
            f"{folder}: was published without its {CYCLES}, so it cannot be gone on with; "
            "run again with another --output"
        )


def check_same(folder: Path, experiment: Experiment) -> dict[str, Any]:
    """Return run.json of ``folder``; ConfigurationError when it is another experiment's."""
    run = read_run(folder)
    if run["fingerprint"] == fingerprint(experiment):
        return run
    from harness.experiment.written.configuration import (  # noqa: PLC0415 - slow, reading needs none
        Experiment,
        differing_keys,
    )

    there = Experiment.from_json(run["configured"])
    keys = differing_keys(there.identity(), experiment.identity())
    raise ConfigurationError(
        f"{folder} holds experiment {there.name!r} with seed {there.seed}, asked for is "
        f"{experiment.name!r} with seed {experiment.seed}; they differ in: {'; '.join(keys)}"
    )


def read_run(folder: Path) -> dict[str, Any]:
    """Read run.json; UsageError where there is no run, MeasurementError where it is damaged."""
    path = Path(folder) / RUN
    try:
        run = parsed(path)
    except FileNotFoundError:
        raise UsageError(f"{folder} is not a run's folder: it has no {RUN}") from None
    except (OSError, ValueError) as error:
        raise MeasurementError(f"{path}: cannot be read: {error}") from error
    check_version(path, run)
    check_run(path, run)
    return dict(run)


def check_version(path: Path, content: Any) -> None:
    """Raise UsageError unless ``content`` is what this version writes to ``path``."""
    version = content.get("version") if isinstance(content, dict) else None
    if version == VERSION:
        return
    if isinstance(version, int) and version > VERSION:
        raise UsageError(
            f"{path}: written by version {version} of the format; "
            f"this harness reads {VERSION}; upgrade it"
        )
    raise UsageError(f"{path}: not written by this version, nor by a newer one")


def write_run(folder: Path, run: Mapping[str, Any]) -> None:
    """Write run.json so that a reader, or the next start, sees all of it or the old one."""
    path = folder / RUN
    half = folder / f".{RUN}.{os.getpid()}"
    try:
        with half.open("w", encoding="utf-8") as file:
            json.dump({**run, SUM: checksum(run)}, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise MeasurementError(f"{path}: cannot be written: {error}") from error


def _locked(folder: Path) -> int:
    """Keep every other run out of ``folder`` until the descriptor is closed (flock(2))."""
    import fcntl  # noqa: PLC0415 - only writing needs it: stored runs can be read where there is none

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise UsageError(f"{folder}: another run is writing there just now") from None
    return descriptor
