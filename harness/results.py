"""Read a run's folder: run.json as it stands, the cycles of a condition as one table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pandas as pd

from harness.errors import MeasurementError, UsageError
from harness.experiment.records import OUTCOMES, TIMINGS
from harness.experiment.store import CYCLES, read_run

__all__ = [
    "LEDGER", "OUTCOMES", "PARQUET", "SUMMARY", "TIMINGS", "Results", "ledger",
]  # fmt: skip

SUMMARY, PARQUET = "summary.json", "cycles.parquet"
LEDGER = ("planned", "fired", "surfaced", "masked")

# The flags of the schema in harness.experiment.store, one column each.
_SELECT = f"""
SELECT cycle, outcome, flags & 1, flags & 2, flags & 4, flags & 8, flags & 16, restored_by,
    left_behind, backup_bytes, payload_bytes, grown_bytes,
    {", ".join(f"{phase}_us" for phase in TIMINGS)}, faults, coalesce(detail, '')
FROM cycles WHERE condition = (SELECT id FROM conditions WHERE name = ?) ORDER BY cycle
"""
_STORY = """
SELECT cycle, story FROM stories
WHERE condition = (SELECT id FROM conditions WHERE name = ?) ORDER BY cycle LIMIT 1
"""
_NAMES = (
    "cycle", "outcome", "rows", "exact", "says_clean", "cleanup_ran", "cleanup_ok", "restored_by",
    "left_behind", "backup_bytes", "payload_bytes", "grown_bytes",
    *(f"{phase}_ms" for phase in TIMINGS), "faults", "detail",
)  # fmt: skip
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

    def cycles(self, condition: str) -> pd.DataFrame:
        """Return the cycles of ``condition`` in order of cycle number; none is an empty table.

        Columns: cycle, outcome (categorical, one of OUTCOMES), rows, exact, says_clean (bool),
        cleanup_ok (nullable bool), restored_by (text or None), left_behind, backup_bytes,
        payload_bytes, grown_bytes, a ``*_ms`` for each of TIMINGS (nan where it did not take
        place), faults (JSON text or None), detail (text). MeasurementError when the file cannot
        be read.
        """
        rows = self._rows(_SELECT, condition)
        columns = zip(*rows, strict=True) if rows else ((),) * len(_NAMES)
        return _frame(dict(zip(_NAMES, columns, strict=True)))

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


def _frame(raw: Mapping[str, Any]) -> pd.DataFrame:
    """Give every column its type."""
    typed: dict[str, Any] = {name: np.array(raw[name], dtype=np.int64) for name in _WHOLE}
    typed["outcome"] = pd.Categorical.from_codes(
        np.array(raw["outcome"], dtype=np.int8), dtype=pd.CategoricalDtype(list(OUTCOMES))
    )
    for name in ("rows", "exact", "says_clean", "cleanup_ok"):
        typed[name] = np.array(raw[name], dtype=np.int64) != 0
    silent = np.array(raw["cleanup_ran"], dtype=np.int64) == 0
    typed["cleanup_ok"] = pd.arrays.BooleanArray(typed["cleanup_ok"], silent)
    for phase in TIMINGS:
        typed[f"{phase}_ms"] = np.array(raw[f"{phase}_ms"], dtype=np.float64) / 1000  # None: nan
    for name in ("restored_by", "faults", "detail"):
        typed[name] = pd.Series(raw[name], dtype=object)
    return pd.DataFrame({name: typed[name] for name in _NAMES if name != "cleanup_ran"})


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
