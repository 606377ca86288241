"""Read a run's folder: run.json as it stands, the cycles of a condition as one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import UsageError
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results import ledgers
from harness.results.columns import COLUMNS, TEXTS, Columns, framed
from harness.results.database import CyclesDatabase
from harness.results.folder import CYCLES, read_run
from harness.results.stored_summary import PARQUET, SUMMARY, made_from
from harness.results.texts import Texts

if TYPE_CHECKING:
    import pandas as pd

    from harness.results.parquet import CyclesFile

__all__ = [
    "COLUMNS", "LEDGER", "OUTCOMES", "PARQUET", "SUMMARY", "TIMINGS", "Columns", "Results",
    "framed", "ledger",
]  # fmt: skip

LEDGER = ("planned", "fired", "surfaced", "masked")


class Results:
    """The stored results in one folder, for reading.

    Cycles come from cycles.parquet where there is no database (a published run), or where
    summary.json knows both files by their content as those it was made with; else from the
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
        experiment: dict[str, Any] = self.run["experiment"]
        return experiment

    @property
    def conditions(self) -> list[dict[str, Any]]:
        """The conditions of the experiment, in its order."""
        return list(self.experiment["conditions"])

    def columns(self, condition: str) -> Columns:
        """Return the cycles of ``condition`` in order of cycle number, a numpy array a column.

        In the order of COLUMNS, each of shape (cycles,): outcome is the index in OUTCOMES (int8);
        rows, exact, says_clean are bool; cleanup_ok and shadow_ok int8, 1 yes, 0 no, -1 where none
        ran; restored_by and faults (JSON) and detail are Texts, None where there is none; every
        ``*_ms`` float64, nan where it did not take place; the rest int64. MeasurementError when
        the file cannot be read, with its path and what to do.

        Where summary.json knows cycles.parquet by its content, it is the very file that was
        written from checked values: a column is read when it is asked for. Else all are read
        here, and checked.
        """
        if self._file is None:
            return self._database.columns(condition)
        return self._file.known(condition) if self._is_known else self._file.columns(condition)

    def some(self, condition: str, names: Sequence[str]) -> Columns:
        """Return only these columns, as ``columns`` gives them; of a large run in much less time.

        From cycles.parquet they come unchecked: whoever reads a summary as well, which is made
        from that very file, needs no second check.
        """
        if self._file is not None:
            return self._file.some(condition, names)
        columns = self._database.columns(condition)
        return {name: columns[name] for name in names}

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
        return self._database.story(condition)

    @cached_property
    def _database(self) -> CyclesDatabase:
        names = [str(condition["name"]) for condition in self.conditions]
        beside = (self.folder / PARQUET).exists()
        return CyclesDatabase(self.folder / CYCLES, names, beside=beside)

    @cached_property
    def _is_known(self) -> bool:
        """Whether summary.json was made with just these cycles."""
        beside = [name for name in (PARQUET, CYCLES) if (self.folder / name).exists()]
        return PARQUET in beside and made_from(self.folder, *beside)

    @cached_property
    def _file(self) -> CyclesFile | None:
        """The file to read cycles from; None where the database has to be read."""
        path = self.folder / PARQUET
        if (self.folder / CYCLES).exists() and not self._is_known:
            return None
        from harness.results.parquet import CyclesFile  # noqa: PLC0415 - slow to import

        return CyclesFile(path, [str(condition["name"]) for condition in self.conditions])


def ledger(faults: Texts | Iterable[str | None]) -> dict[str, dict[str, int]]:
    """Count by kind what was planned, fired, surfaced and masked, from the column ``faults``.

    One text is what `harness.results.ledgers` reads; None is a cycle without. Each distinct text
    is read only once.
    """
    counts = {key: Counter[str]() for key in LEDGER}
    texts = faults.counts() if isinstance(faults, Texts) else Counter(filter(None, faults))
    texts.pop("", None)
    for entries, times in zip(ledgers.of_texts(texts), texts.values(), strict=True):
        for entry in entries:
            counts["planned"][entry.kind] += times
            if entry.fired:
                counts["fired"][entry.kind] += times
                counts["surfaced" if entry.surfaced else "masked"][entry.kind] += times
    return {kind: {key: counts[key][kind] for key in LEDGER} for kind in sorted(counts["planned"])}
