"""Read a run's folder: run.json as it stands, the cycles of a condition as one table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np

from harness.analysis.columns import COLUMNS, TEXTS, Columns, framed, typed
from harness.errors import MeasurementError, UsageError
from harness.experiment.records import OUTCOMES, TIMINGS
from harness.experiment.store import CYCLES, read_run

if TYPE_CHECKING:
    import pandas as pd

    from harness.analysis.parquet import CyclesFile

__all__ = [
    "COLUMNS", "LEDGER", "OUTCOMES", "PARQUET", "SUMMARY", "TIMINGS", "Columns", "Results",
    "framed", "ledger",
]  # fmt: skip

SUMMARY, PARQUET = "summary.json", "cycles.parquet"
LEDGER = ("planned", "fired", "surfaced", "masked")

# The flags of the schema in harness.experiment.store, one column each.
_SELECT = f"""
SELECT cycle, outcome, flags, restored_by, left_behind, backup_bytes, payload_bytes, grown_bytes,
    {", ".join(f"{phase}_us" for phase in TIMINGS)}, faults, coalesce(detail, '')
FROM cycles WHERE condition = (SELECT id FROM conditions WHERE name = ?) ORDER BY cycle
"""
_STORY = """
SELECT cycle, story FROM stories
WHERE condition = (SELECT id FROM conditions WHERE name = ?) ORDER BY cycle LIMIT 1
"""
_NAMES = (
    "cycle", "outcome", "flags", "restored_by", "left_behind", "backup_bytes", "payload_bytes",
    "grown_bytes", *(f"{phase}_ms" for phase in TIMINGS), "faults", "detail",
)  # fmt: skip
_COUNTS = """
SELECT name, (SELECT count(*) FROM cycles WHERE condition = conditions.id) FROM conditions
"""


class Results:
    """The stored results in one folder, for reading.

    Cycles come from cycles.parquet where there is no database (a published run), or where the
    file is newer than the database and has as many cycles of each condition; else from the
    database. Both say the same. UsageError where ``folder`` holds no run or neither of the two.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.run: dict[str, Any] = read_run(self.folder)
        if not any((self.folder / name).exists() for name in (CYCLES, PARQUET)):
            raise UsageError(
                f"{folder}: there is no {CYCLES} and no {PARQUET}; nothing was measured here"
            )

    @property
    def experiment(self) -> dict[str, Any]:
        """The experiment as it ran, every default filled in and every rate solved for."""
        found: dict[str, Any] = self.run["experiment"]
        return found

    @property
    def conditions(self) -> list[dict[str, Any]]:
        """The conditions of the experiment, in its order."""
        return list(self.experiment["conditions"])

    def columns(self, condition: str) -> Columns:
        """Return the cycles of ``condition`` in order of cycle number, a numpy array a column.

        In the order of COLUMNS, each of shape (cycles,): outcome is the index in OUTCOMES (int8);
        rows, exact, says_clean are bool; cleanup_ok and shadow_ok int8, 1 yes, 0 no, -1 where none
        ran; restored_by and faults (JSON) object, text or None; detail object, text; every
        ``*_ms`` float64, nan where it did not take place; the rest int64. MeasurementError when
        the file cannot be read, with its path and what to do.
        """
        if self._file is not None:
            return self._file.columns(condition)
        rows = self._rows(_SELECT, condition)
        found = zip(*rows, strict=True) if rows else ((),) * len(_NAMES)
        return typed(dict(zip(_NAMES, found, strict=True)))

    def cycles(self, condition: str) -> pd.DataFrame:
        """Return the same as a table; none is an empty one.

        outcome is categorical (OUTCOMES), cleanup_ok and shadow_ok nullable bool.
        """
        return framed(self.columns(condition))

    def table(self) -> pd.DataFrame:
        """Return the cycles of all conditions, one after another, in the experiment's order.

        As ``cycles`` with a column ``condition`` before the others; condition and the texts are
        categorical, a text's categories in no order.
        """
        import pandas as pd  # noqa: PLC0415 - slow to import, and a verdict needs none

        names = [condition["name"] for condition in self.conditions]
        if self._file is not None:
            return self._file.table(names)
        frames = [self.cycles(name) for name in names]
        table = pd.concat(frames, ignore_index=True)
        codes = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
        condition = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(names))
        table.insert(0, "condition", pd.Series(condition))
        for name in TEXTS:
            table[name] = table[name].astype("category")
        return table

    def story(self, condition: str) -> tuple[int, dict[str, Any]] | None:
        """Return (cycle, story) of the first cycle of ``condition`` that has one, or None.

        MeasurementError for a story that cannot be read.
        """
        if not (self.folder / CYCLES).exists():
            return None  # a published run: the summary has them
        if not self._rows("SELECT 1 FROM sqlite_schema WHERE name = ?", "stories"):
            return None  # a run from before there were stories
        for cycle, text in self._rows(_STORY, condition):
            story = json.loads(text)
            if story.get("version") == 1:
                return cycle, story
            raise MeasurementError(
                f"{self.folder / CYCLES}: the story of cycle {cycle} of {condition!r} was not "
                "written by this version"
            )
        return None

    @cached_property
    def _file(self) -> CyclesFile | None:
        """The file to read cycles from; None where the database has to be read."""
        database, path = self.folder / CYCLES, self.folder / PARQUET
        if database.exists() and not _newer(path, database):
            return None
        from harness.analysis.parquet import CyclesFile  # noqa: PLC0415 - slow to import

        if not database.exists():
            return CyclesFile(path)
        try:
            file = CyclesFile(path)
            there = file.counts()
        except MeasurementError:
            return None  # the database says all that it says
        here = {name: count for name, count in self._rows(_COUNTS) if count}
        return file if here == {name: count for name, count in there.items() if count} else None

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        path = self.folder / CYCLES
        try:
            connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                connection.set_busy_timeout(10_000)
                found: list[tuple[Any, ...]] = connection.execute(query, values).fetchall()
            finally:
                connection.close()
        except apsw.Error as error:
            beside = f"; {PARQUET} beside it is read once it is gone" * self._has_file()
            raise MeasurementError(
                f"{path}: cannot be read: {error}. Put back a copy of it, or run again with "
                f"another --output{beside}"
            ) from error
        return found

    def _has_file(self) -> bool:
        return (self.folder / PARQUET).exists()


def _newer(path: Path, database: Path) -> bool:
    """Whether the file was written after whatever was last written to the database."""
    if not path.exists():
        return False
    log = database.with_name(f"{database.name}-wal")
    sources = [database, *([log] if log.exists() else [])]
    return all(path.stat().st_mtime_ns > one.stat().st_mtime_ns for one in sources)


def ledger(faults: Iterable[str | None]) -> dict[str, dict[str, int]]:
    """Count by kind what was planned, fired, surfaced and masked, from the column ``faults``.

    One text is a JSON list of entries (kind, phase, operation, attempt, lasting, fired, surfaced,
    evidence); None is a cycle without. Each distinct text is read only once.
    """
    counts = {key: Counter[str]() for key in LEDGER}
    texts = Counter(text for text in faults if text)
    for entries, times in zip(json.loads(f"[{','.join(texts)}]"), texts.values(), strict=True):
        for kind, _, _, _, _, fired, surfaced, *_ in entries:
            counts["planned"][kind] += times
            if fired:
                counts["fired"][kind] += times
                counts["surfaced" if surfaced else "masked"][kind] += times
    return {kind: {key: counts[key][kind] for key in LEDGER} for kind in sorted(counts["planned"])}
