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

from harness.errors import MeasurementError
from harness.outcomes import DURATIONS
from harness.results import checksums
from harness.results.columns import TEXTS, Columns, checksums_of, told_apart, typed
from harness.results.sound import Unsound, shown

_NAMES = (
    "cycle", "outcome", "flags", "restored_by", "left_behind", "backup_bytes", "payload_bytes",
    "grown_bytes", *(f"{name}_ms" for name in DURATIONS), "faults", "detail", "checksum",
)  # fmt: skip
_TYPED = _NAMES[:-1]  # all but the checksum
AT_ONCE = 50_000  # rows that are Python's objects at once, some 50 MB
_SELECT = """
SELECT cycle, outcome, flags, restored_by, left_behind, backup_bytes, payload_bytes, grown_bytes,
    {timed}, faults, coalesce(detail, ''), {checksum}
FROM cycles WHERE condition = ? ORDER BY cycle
"""
_STORY = "SELECT cycle, story, {checksum} FROM stories WHERE condition = ? ORDER BY cycle LIMIT 1"
_NEXT = "SELECT min(condition) FROM cycles WHERE condition > ?"


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
            query = "SELECT count(*) FROM cycles WHERE condition = ?"
            counted: dict[str, list[tuple[int]]] = {
                name: list(connection.execute(query, (number,))) for name, number in ids.items()
            }
        return {name: count for name, ((count,),) in counted.items() if count}

    def columns(self, condition: str) -> Columns:
        """Return the cycles of ``condition`` in order of cycle number, as Results.columns does."""
        parts = list(self.batches(condition)) or [typed(dict.fromkeys(_TYPED, ()))]
        texts: dict[str, str] = {}  # one object for all cycles that say the same
        columns: Columns = {}
        for name in list(parts[0]):
            whole = np.concatenate([part.pop(name) for part in parts])
            if name in TEXTS:
                whole[:] = [text and texts.setdefault(text, text) for text in whole]
            columns[name] = whole
        return columns

    def batches(self, condition: str) -> Iterator[Columns]:
        """Give the same some cycles at a time, each of them checked: memory does not grow.

        What is wrong with the condition as a whole shows once the last has been given.
        """
        with self._open() as connection:
            number = self._ids(connection).get(condition, -1)
            there = _columns(connection, "cycles")
            timed = (name if name in there else "NULL" for name in checksums.TIMED)
            query = _SELECT.format(
                timed=", ".join(timed), checksum="checksum" if "checksum" in there else "NULL"
            )
            total = self._total(connection, number)
            cursor, counted, before = connection.execute(query, (number,)), (0, 0), -1
            while rows := list(itertools.islice(cursor, AT_ONCE)):
                columns, stated = self._typed(condition, rows, counted[0], before)
                yield told_apart(columns, np.array([s is None for s in stated], dtype=bool))
                counted = (
                    counted[0] + len(stated),
                    counted[1] + sum(checksum or 0 for checksum in stated),
                )
                before = int(columns["cycle"][-1])
        if total is not None and total != counted:
            raise self._changed(
                f"condition {shown(condition)}: {counted[0]:,} cycles are here, and table totals "
                f"says {total[0]:,} were stored"
                if counted[0] != total[0]
                else f"condition {shown(condition)}: its checksum in table totals is another's"
            )

    def _typed(
        self, condition: str, rows: Sequence[tuple[Any, ...]], place: int, before: int
    ) -> tuple[Columns, Sequence[Any]]:
        """Return some rows as columns, and their checksums as stored; the first is at ``place``."""
        raw = dict(zip(_NAMES, zip(*rows, strict=True), strict=True))
        stated = raw.pop("checksum")
        try:
            columns = typed(raw)
            if columns["cycle"][0] <= before:
                raise Unsound("cycle", 0, f"{before} is there twice")
            _compare(condition, columns, stated)
        except Unsound as error:
            raise self._unsound(condition, raw["cycle"], error, place) from error
        return columns, stated

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
        at: Any = -(2**63)
        while True:
            ((at,),) = connection.execute(_NEXT, (at,)).fetchall()
            if at is None:
                return ids
            if numbers.get(at) not in self._known:
                called = shown(numbers[at]) if at in numbers else f"number {at}, which has no name"
                raise self._changed(
                    f"there are cycles of condition {called}, which run.json does not know"
                )

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


def _has(connection: apsw.Connection, table: str, column: str) -> bool:
    return column in _columns(connection, table)


def _columns(connection: apsw.Connection, table: str) -> set[str]:
    """Name the columns of a table; none where there is no such table."""
    found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {name for (name,) in found}


def _compare(condition: str, columns: Columns, stated: Sequence[Any]) -> None:
    """Compare every row with its checksum; a row from before there were any has none."""
    summed = {name: checksums.of_texts(columns[name].tolist()) for name in checksums.TEXTS}
    computed = checksums_of(checksums.of_texts([condition]), columns | summed)
    wanted = np.array([-1 if checksum is None else checksum for checksum in stated], dtype=object)
    differs = np.flatnonzero((wanted != computed) & (wanted != -1))
    if len(differs):
        raise Unsound("checksum", int(differs[0]), "it is not that of the row's values")
