"""Read a run's folder: run.json as it stands, the cycles of a condition as one table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np
from numpy.typing import NDArray

from harness.errors import MeasurementError, UsageError
from harness.experiment.records import OUTCOMES, TIMINGS
from harness.experiment.store import CYCLES, read_run

if TYPE_CHECKING:
    import pandas as pd

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
COLUMNS = (
    "cycle", "outcome", "rows", "exact", "says_clean", "cleanup_ok", "shadow_ok", "restored_by",
    "left_behind", "backup_bytes", "payload_bytes", "grown_bytes",
    *(f"{phase}_ms" for phase in TIMINGS), "faults", "detail",
)  # fmt: skip
Columns = dict[str, NDArray[Any]]
_WHOLE = ("cycle", "left_behind", "backup_bytes", "payload_bytes", "grown_bytes")


class Results:
    """The stored results in one folder, for reading.

    UsageError where ``folder`` holds no run or nothing was measured.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.run: dict[str, Any] = read_run(self.folder)
        if not (self.folder / CYCLES).exists():
            raise UsageError(f"{folder}: there is no {CYCLES}; nothing was measured here")

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
        the file cannot be read.
        """
        rows = self._rows(_SELECT, condition)
        found = zip(*rows, strict=True) if rows else ((),) * len(_NAMES)
        return _columns(dict(zip(_NAMES, found, strict=True)))

    def cycles(self, condition: str) -> pd.DataFrame:
        """Return the same as a table; none is an empty one.

        outcome is categorical (OUTCOMES), cleanup_ok and shadow_ok nullable bool.
        """
        return framed(self.columns(condition))

    def story(self, condition: str) -> tuple[int, dict[str, Any]] | None:
        """Return (cycle, story) of the first cycle of ``condition`` that has one, or None.

        MeasurementError for a story that cannot be read.
        """
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

    def _rows(self, query: str, value: str) -> list[tuple[Any, ...]]:
        path = self.folder / CYCLES
        try:
            connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                connection.set_busy_timeout(10_000)
                found: list[tuple[Any, ...]] = connection.execute(query, (value,)).fetchall()
            finally:
                connection.close()
        except apsw.Error as error:
            raise MeasurementError(f"{path}: cannot be read: {error}") from error
        return found


def _columns(raw: Mapping[str, Any]) -> Columns:
    """Give every column its type."""
    flags = np.array(raw["flags"], dtype=np.int64)
    typed: Columns = {name: np.array(raw[name], dtype=np.int64) for name in _WHOLE}
    typed["outcome"] = np.array(raw["outcome"], dtype=np.int8)
    for name, bit in (("rows", 1), ("exact", 2), ("says_clean", 4)):
        typed[name] = flags & bit != 0
    for name, ran, ok in (("cleanup_ok", 8, 16), ("shadow_ok", 32, 64)):
        typed[name] = np.where(flags & ran != 0, flags & ok != 0, -1).astype(np.int8)
    for phase in TIMINGS:
        typed[f"{phase}_ms"] = np.array(raw[f"{phase}_ms"], dtype=np.float64) / 1000  # None: nan
    for name in ("restored_by", "faults", "detail"):
        typed[name] = np.empty(len(flags), dtype=object)
        typed[name][:] = raw[name]
    return {name: typed[name] for name in COLUMNS}


def framed(columns: Columns) -> pd.DataFrame:
    """Make a table of pandas' types of columns as Results.columns gives them."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and a verdict needs none

    typed: dict[str, Any] = dict(columns)
    typed["outcome"] = pd.Categorical.from_codes(
        columns["outcome"],
        dtype=pd.CategoricalDtype(list(OUTCOMES)),
    )
    for name in ("cleanup_ok", "shadow_ok"):
        typed[name] = pd.arrays.BooleanArray(columns[name] == 1, columns[name] < 0)
    for name in ("restored_by", "faults", "detail"):
        typed[name] = pd.Series(columns[name], dtype=object)
    return pd.DataFrame(typed)


def ledger(faults: Iterable[str | None]) -> dict[str, dict[str, int]]:
    """Count by kind what was planned, fired, surfaced and masked, from the column ``faults``.

    One text is a JSON list of entries (kind, phase, operation, attempt, lasting, fired, surfaced,
    evidence); None is a cycle without.
    """
    counts = {key: Counter[str]() for key in LEDGER}
    texts = [text for text in faults if text]
    for kind, _, _, _, _, fired, surfaced, *_ in (
        entry for cycle in json.loads(f"[{','.join(texts)}]") for entry in cycle
    ):
        counts["planned"][kind] += 1
        if fired:
            counts["fired"][kind] += 1
            counts["surfaced" if surfaced else "masked"][kind] += 1
    return {kind: {key: counts[key][kind] for key in LEDGER} for kind in sorted(counts["planned"])}
