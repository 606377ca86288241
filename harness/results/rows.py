"""How a cycle is kept in cycles.sqlite: the tables, and a record as a row of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from harness.outcomes import CODES, DURATIONS, TIMINGS
from harness.results import checksums, ledgers
from harness.results.records import CycleRecord

OUTCOMES = {code: outcome for outcome, code in CODES.items()}
# of the column flags
ROWS, EXACT, SAYS_CLEAN, CLEANUP_RAN, CLEANUP_OK, SHADOW_RAN, SHADOW_OK = (1 << n for n in range(7))
_TIMED = tuple(f"{name}_us" for name in DURATIONS)
COLUMNS = (
    "condition", "cycle", "outcome", "flags", "restored_by", "left_behind",
    "backup_bytes", "payload_bytes", "grown_bytes", *_TIMED, "faults", "detail", "checksum",
)  # fmt: skip
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS outcomes (code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS conditions (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
-- flags: 1 clean at grade rows, 2 at grade exact, 4 the guard says clean, 8 a cleanup ran,
-- 16 the cleanup says it worked, 32 a restore was forced as well, 64 and it worked.
-- Timings in microseconds, NULL where it did not take place, and those of the processor (cpu)
-- also where they are not known. checksum: of all the others.
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
-- Of 16,384 consecutive cycles that are all there, packed: they are no rows of cycles any more.
-- block: the first cycle's number divided by 16,384; content: see harness/results/blocks.py.
CREATE TABLE IF NOT EXISTS blocks (
    condition INTEGER NOT NULL, block INTEGER NOT NULL, layout INTEGER NOT NULL,
    content BLOB NOT NULL, PRIMARY KEY (condition, block)
) STRICT;
-- How many cycles there are, and the sum of their checksums.
CREATE TABLE IF NOT EXISTS totals (
    condition INTEGER PRIMARY KEY, cycles INTEGER NOT NULL, checksum INTEGER NOT NULL
) STRICT;
"""
INSERT = f"INSERT INTO cycles ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"

ADD_TOTAL = """
INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT (condition) DO UPDATE
SET cycles = cycles + excluded.cycles, checksum = checksum + excluded.checksum
"""


def row_of(record: CycleRecord, condition: int) -> tuple[Any, ...]:
    """Return the values of COLUMNS but the checksum; ``condition`` is its number."""
    flags = ROWS * record.rows | EXACT * record.exact | SAYS_CLEAN * record.says_clean
    if record.cleanup_ok is not None:
        flags |= CLEANUP_RAN | CLEANUP_OK * record.cleanup_ok
    if record.shadow_ok is not None:
        flags |= SHADOW_RAN | SHADOW_OK * record.shadow_ok
    timings = record.timings_ms | {f"{phase}_cpu": ms for phase, ms in record.cpu_ms.items()}
    return (
        condition,
        record.cycle,
        CODES[record.outcome],
        flags,
        record.restored_by,
        record.left_behind,
        record.backup_bytes,
        record.payload_bytes,
        record.grown_bytes,
        *(round(timings[name] * 1000) if name in timings else None for name in DURATIONS),
        ledgers.to_text(record.faults),
        record.detail or None,
    )


def summed(rows: list[tuple[Any, ...]], conditions: list[str]) -> list[tuple[Any, ...]]:
    """Add to each row of COLUMNS its checksum."""
    if not rows:
        return []
    values = dict(zip(COLUMNS, zip(*rows, strict=True), strict=False))
    stored: dict[str, Any] = {name: values[name] for name in checksums.WHOLE}
    for name in _TIMED:
        stored[name] = [-1 if us is None else us for us in values[name]]
    stored |= {name: checksums.of_texts(values[name]) for name in checksums.TEXTS}
    sums = checksums.of_cycles(checksums.of_texts(conditions), stored).tolist()
    return [(*row, checksum) for row, checksum in zip(rows, sums, strict=True)]


def totals(rows: Iterable[tuple[Any, ...]]) -> list[tuple[int, int, int]]:
    """Return (condition, cycles, sum of checksums) of rows."""
    cycles, sums = Counter[int](), Counter[int]()
    for row in rows:
        cycles[row[0]] += 1
        sums[row[0]] += row[-1]
    return [(condition, number, sums[condition]) for condition, number in cycles.items()]


def record_of(condition: str, row: tuple[Any, ...]) -> CycleRecord:
    """Return the cycle of a row: COLUMNS but the checksum, then its story (or None).

    LookupError, TypeError or ValueError where no run has stored it.
    """
    _, cycle, outcome, flags, restored_by, left_behind, backup, payload, grown, *rest = row
    *timings, faults, detail, story = rest
    spent_ms = {
        name: us / 1000 for name, us in zip(DURATIONS, timings, strict=True) if us is not None
    }
    return CycleRecord(
        condition=condition,
        cycle=cycle,
        outcome=OUTCOMES[outcome],
        rows=bool(flags & ROWS),
        exact=bool(flags & EXACT),
        says_clean=bool(flags & SAYS_CLEAN),
        cleanup_ok=bool(flags & CLEANUP_OK) if flags & CLEANUP_RAN else None,
        restored_by=restored_by,
        left_behind=left_behind,
        backup_bytes=backup,
        payload_bytes=payload,
        grown_bytes=grown,
        timings_ms={phase: spent_ms[phase] for phase in TIMINGS if phase in spent_ms},
        cpu_ms={phase: spent_ms[name] for phase in TIMINGS if (name := f"{phase}_cpu") in spent_ms},
        faults=ledgers.of_text(faults),
        detail=detail or "",
        story=story or "",
        shadow_ok=bool(flags & SHADOW_OK) if flags & SHADOW_RAN else None,
    )
