"""cycles.sqlite for those who read stored runs: whole columns, each value of them checked."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from harness.errors import MeasurementError
from harness.outcomes import DURATIONS
from harness.results import blocks, checksums
from harness.results.columns import (
    Columns,
    Stored,
    in_ranges,
    joined,
    of_stored,
    stored,
    told_apart,
)
from harness.results.packed import PackedCycles
from harness.results.sound import Unsound, shown

_NAMES = (
    "cycle", "outcome", "flags", "restored_by", "left_behind", "backup_bytes", "payload_bytes",
    "grown_bytes", *(f"{name}_ms" for name in DURATIONS), "faults", "detail", "checksum",
)  # fmt: skip
Sums = NDArray[np.int64]  # checksums of cycles
_TYPED = _NAMES[:-1]  # all but the checksum
AT_ONCE = 50_000  # rows that are Python's objects at once, some 50 MB
_SELECT = """
SELECT cycle, outcome, flags, restored_by, left_behind, backup_bytes, payload_bytes, grown_bytes,
    {timed}, faults, coalesce(detail, ''), {checksum}
FROM cycles WHERE condition = ? {since} {until} ORDER BY cycle
"""
_STORY = "SELECT cycle, story, {checksum} FROM stories WHERE condition = ? ORDER BY cycle LIMIT 1"
_NEXT = "SELECT min(condition) FROM {table} WHERE condition > ?"


class CyclesDatabase:
    """One cycles.sqlite, for reading; another process may be writing to it.

    MeasurementError where it is damaged, or holds what no run of these conditions has stored: it
    names the file, the row and the column.

    Args:
        path: of the file.
        conditions: the names that run.json knows.
        beside: whether there is a cycles.parquet, which is read once this file is gone.
    """

    def __init__(self, path: Path, conditions: Sequence[str], *, beside: bool) -> None:
        self.path, self._known, self._beside = path, conditions, beside

    def counts(self) -> dict[str, int]:
        """Return {condition: how many cycles of it are here}."""
        with self._open() as connection:
            ids = self._ids(connection)
            packed = PackedCycles(connection)
            query = "SELECT count(*) FROM cycles WHERE condition = ?"
            counted: dict[str, int] = {}
            for name, number in ids.items():
                rows: int = connection.execute(query, (number,)).get
                counted[name] = rows + blocks.CYCLES * len(packed.numbers(number))
        return {name: count for name, count in counted.items() if count}

    def columns(self, condition: str) -> Columns:
        """Return the cycles of ``condition`` in order of cycle number, as Results.columns does."""
        parts, older, sums = [], [np.empty(0, dtype=bool)], 0
        for part, stated in self._parts(condition):
            parts.append(part)
            older.append(_older(stated))
            sums += _sum(stated)
        columns = of_stored(joined(parts) if parts else stored(dict.fromkeys(_TYPED, ())), sums)
        return told_apart(columns, np.concatenate(older))

    def batches(self, condition: str) -> Iterator[Columns]:
        """Give the same some cycles at a time, each of them checked: memory does not grow.

        What is wrong with the condition as a whole shows once the last has been given.
        """
        for part, stated in self._parts(condition):
            yield told_apart(of_stored(part), _older(stated))

    def _parts(self, condition: str) -> Iterator[tuple[Stored, Sequence[Any] | Sums]]:
        """Give what rows and blocks store, in order of cycle number, and the checksums of each."""
        with self._open() as connection:
            number = self._ids(connection).get(condition, -1)
            total, packed = self._total(connection, number), PackedCycles(connection)
            counted, before, since = (0, 0), -1, None
            for block in [*packed.numbers(number), None]:
                until = None if block is None else block * blocks.CYCLES
                cursor = _rows(connection, number, since, until)
                while rows := list(itertools.islice(cursor, AT_ONCE)):
                    part, stated = self._typed(condition, rows, counted[0], before)
                    yield part, stated
                    counted = (counted[0] + len(stated), counted[1] + _sum(stated))
                    before = int(part["cycle"][-1])
                if block is not None:
                    found = self._block(condition, packed, number, block)
                    yield found
                    sums = found.checksums
                    counted = (counted[0] + len(sums), counted[1] + _sum(sums))
                    before, since = int(found.columns["cycle"][-1]), until
        if total is not None and total != counted:
            raise self._changed(
                f"condition {shown(condition)}: {counted[0]:,} cycles are here, and table totals "
                f"says {total[0]:,} were stored"
                if counted[0] != total[0]
                else f"condition {shown(condition)}: its checksum in table totals is another's"
            )

    def _typed(
        self, condition: str, rows: Sequence[tuple[Any, ...]], place: int, before: int
    ) -> tuple[Stored, Sequence[Any]]:
        """Return what some rows store, and their checksums; the first is at ``place``."""
        raw = dict(zip(_NAMES, zip(*rows, strict=True), strict=True))
        stated = raw.pop("checksum")
        try:
            columns = stored(raw)
            if columns["cycle"][0] <= before:
                raise Unsound("cycle", 0, f"{columns['cycle'][0]} is there twice")
            _compare(condition, columns, stated)
        except Unsound as error:
            raise self._unsound(condition, raw["cycle"], error, place) from error
        return columns, stated

    def _block(self, condition: str, packed: PackedCycles, number: int, block: int) -> blocks.Block:
        try:
            found = packed.block(number, block)
            assert found is not None  # noqa: S101 - for the types
            in_ranges(found.columns)
            _compare(condition, found.columns, found.checksums)
        except Unsound as error:
            cycles = range(block * blocks.CYCLES, (block + 1) * blocks.CYCLES)
            raise self._unsound(condition, cycles, error, 0) from error
        return found

    def story(self, condition: str) -> tuple[int, dict[str, Any]] | None:
        """Return (cycle, story) of the first cycle of ``condition`` that has one, or None."""
        with self._open() as connection:
            number = self._ids(connection).get(condition, -1)
            if not _has(connection, "stories", "story"):
                return None  # a run from before there were stories
            has = _has(connection, "stories", "checksum")
            query = _STORY.format(checksum="checksum" if has else "NULL")
            row = connection.execute(query, (number,)).fetchone()
        if row is None:
            return None
        cycle, text, stated = row
        where = f"the story of cycle {cycle} of {shown(condition)}"
        try:
            story = json.loads(text)
        except (TypeError, ValueError) as error:
            raise self._changed(f"{where} is no JSON ({error})") from error
        if stated is not None and stated != checksums.of_text(text) >> 32:
            raise self._changed(f"{where} is not the one that was stored")
        if not isinstance(story, dict) or story.get("version") != 1:
            raise MeasurementError(f"{self.path}: {where} was not written by this version")
        return int(cycle), story

    def _ids(self, connection: apsw.Connection) -> dict[str, int]:
        """Return the number of each condition; MeasurementError where run.json knows one not."""
        ids = {
            name: number for number, name in connection.execute("SELECT id, name FROM conditions")
        }
        numbers: dict[Any, Any] = {number: name for name, number in ids.items()}
        tables = [table for table in ("cycles", "blocks") if _has(connection, table, "condition")]
        for table in tables or ["cycles"]:  # SQLite says it where that is missing
            at: Any = -(2**63)
            while at is not None:
                ((at,),) = connection.execute(_NEXT.format(table=table), (at,)).fetchall()
                if at is not None and numbers.get(at) not in self._known:
                    called = (
                        shown(numbers[at]) if at in numbers else f"number {at}, which has no name"
                    )
                    raise self._changed(
                        f"there are cycles of condition {called}, which run.json does not know"
                    )
        return ids

    def _total(self, connection: apsw.Connection, number: int) -> tuple[int, int] | None:
        """Return how many cycles were stored, and their checksum; None: an older run's."""
        if not _has(connection, "totals", "cycles"):
            return None
        query = "SELECT cycles, checksum FROM totals WHERE condition = ?"
        row = connection.execute(query, (number,)).fetchone()
        return (0, 0) if row is None else row

    @contextmanager
    def _open(self) -> Iterator[apsw.Connection]:
        """Give a connection that sees one state of the file, whoever writes meanwhile."""
        try:
            connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                connection.set_busy_timeout(10_000)
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.close()
        except (apsw.Error, UnicodeDecodeError) as error:
            why = " ".join(str(error).split())  # SQLite may quote a whole definition
            raise MeasurementError(
                f"{self.path}: cannot be read: {why}. {self._advice()}"
            ) from error

    def _unsound(
        self, condition: str, cycles: Sequence[Any], error: Unsound, before: int
    ) -> MeasurementError:
        row = (
            f"row {before + error.place + 1}"
            if error.column == "cycle"
            else f"cycle {cycles[error.place]}"
        )
        return self._changed(f"condition {shown(condition)}, {row}, {error}")

    def _changed(self, what: str) -> MeasurementError:
        return MeasurementError(
            f"{self.path}: {what}, so it was damaged or changed since it was stored. "
            f"{self._advice()}"
        )

    def _advice(self) -> str:
        beside = "; cycles.parquet beside it is read once it is gone" if self._beside else ""
        return f"Put back a copy of it, or run again with another --output{beside}"


def _rows(
    connection: apsw.Connection, number: int, since: int | None, until: int | None
) -> Iterator[tuple[Any, ...]]:
    """Give a condition's rows in order, from and before a cycle where one is given."""
    there = _columns(connection, "cycles")
    timed = (name if name in there else "NULL" for name in checksums.TIMED)
    query = _SELECT.format(
        timed=", ".join(timed),
        checksum="checksum" if "checksum" in there else "NULL",
        since="" if since is None else f"AND cycle >= {since:d}",
        until="" if until is None else f"AND cycle < {until:d}",
    )
    return iter(connection.execute(query, (number,)))


def _older(stated: Sequence[Any] | Sums) -> NDArray[np.bool_]:
    """Tell the cycles from before there were checksums."""
    if isinstance(stated, np.ndarray):
        return np.zeros(len(stated), dtype=bool)
    return np.array([checksum is None for checksum in stated], dtype=bool)


def _sum(stated: Sequence[Any] | Sums) -> int:
    """Return the sum of checksums; a row from before there were any has none."""
    if isinstance(stated, np.ndarray):
        return int(stated.sum())
    return sum(checksum or 0 for checksum in stated)


def _has(connection: apsw.Connection, table: str, column: str) -> bool:
    return column in _columns(connection, table)


def _columns(connection: apsw.Connection, table: str) -> set[str]:
    """Name the columns of a table; none where there is no such table."""
    found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {name for (name,) in found}


def _compare(condition: str, columns: Stored, stated: Sequence[Any] | Sums) -> None:
    """Compare every cycle with its checksum; a row from before there were any has none."""
    texts = {name: columns[name].numbers() for name in checksums.TEXTS}
    computed = checksums.of_cycles(checksums.of_texts([condition]), columns | texts)
    if isinstance(stated, np.ndarray):
        wanted: NDArray[Any] = stated
    else:
        wanted = np.array(
            [-1 if checksum is None else checksum for checksum in stated], dtype=object
        )
    differs = np.flatnonzero((wanted != computed) & (wanted != -1))
    if len(differs):
        raise Unsound("checksum", int(differs[0]), "it is not that of the row's values")
