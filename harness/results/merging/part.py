"""One of the folders that are merged: what it holds, and whether all of it is there and whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import MeasurementError, UsageError
from harness.results import shards
from harness.results.database import CyclesDatabase
from harness.results.folder import CYCLES, read_run
from harness.results.stored_summary import PARQUET


@dataclass(frozen=True, slots=True)
class Part:
    """A shard, or a whole run that shards go on with."""

    folder: Path
    run: dict[str, Any]  # its run.json
    cycles: dict[str, range]  # of each condition, in the experiment's order

    @property
    def whole(self) -> bool:
        """Whether it is a run that was judged by itself."""
        return shards.range_of(self.run) is None

    @property
    def range(self) -> range:
        """The cycles it was asked for; of a whole run those of its longest condition."""
        cycles = shards.range_of(self.run)
        return max(self.cycles.values(), key=len) if cycles is None else cycles

    @property
    def database(self) -> Path:
        """Where its cycles are."""
        return self.folder / CYCLES


def opened(folder: Path) -> Part:
    """Open a folder to be merged; nothing of its cycles is read yet.

    Raises:
        UsageError: there is no run, or one that has not run all its cycles, with how to go on.
        MeasurementError: run.json is damaged.
    """
    run = read_run(folder)
    if not (folder / CYCLES).exists():
        published = (folder / PARQUET).exists()
        raise UsageError(
            f"{folder}: there is no {CYCLES}, "
            + ("it was published without; " if published else "so nothing was measured there; ")
            + "merge the folder that 'harness run' has written"
        )
    cycles = shards.range_of(run)
    if run.get("finished") is None or run.get("rates") is None:
        what = "the run" if cycles is None else f"the shard of {shards.named(cycles)}"
        range_ = "" if cycles is None else f" --cycles {shards.asked(cycles)}"
        raise UsageError(
            f"{folder}: {what} is not finished; go on with 'harness run EXPERIMENT.toml --resume"
            f"{range_} --output {folder}', then merge"
        )
    conditions = run["experiment"]["conditions"]
    of_each = {one["name"]: range(int(one["cycles"])) for one in conditions}
    if cycles is not None:
        of_each = {
            name: range(min(cycles.start, every.stop), min(cycles.stop, every.stop))
            for name, every in of_each.items()
        }
    else:
        _refuse_ended_early(folder, of_each)
    return Part(folder, run, of_each)


def _refuse_ended_early(folder: Path, of_each: Mapping[str, range]) -> None:
    """Raise UsageError where a whole run has fewer cycles of a condition than were asked for."""
    counts = CyclesDatabase(folder / CYCLES, list(of_each), beside=False).counts()
    for name, wanted in of_each.items():
        if counts.get(name, 0) < len(wanted):
            raise UsageError(
                f"{folder}: condition {name!a} ended at {counts.get(name, 0):,} of {len(wanted):,} "
                "cycles, as it was decided or its budget was spent, so it is no part of a longer "
                "run; merge shards, or runs of a number of cycles that all were run"
            )


def check(part: Part) -> None:
    """Read all its cycles, some at a time, and raise MeasurementError where one is damaged."""
    database = CyclesDatabase(part.database, list(part.cycles), beside=False)
    for condition, wanted in part.cycles.items():
        number, first, last = 0, -1, -1
        for columns in database.batches(condition):
            if number == 0:
                first = int(columns["cycle"][0])
            last = int(columns["cycle"][-1])
            number += len(columns["cycle"])
        there = (number, first, last)
        if there != ((len(wanted), wanted.start, wanted.stop - 1) if wanted else (0, -1, -1)):
            raise MeasurementError(
                f"{part.database}: condition {condition!a}: {number:,} cycles are here, and the "
                f"run was finished with {len(wanted):,}"
                + (f", {shards.named(wanted)}" if wanted else "")
                + "; it was changed since. Run it again into another folder"
            )
