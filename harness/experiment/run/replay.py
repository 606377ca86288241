"""Run one stored cycle again: the same seed gives the same draws, faults and rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.experiment.cycle.forking import SITE
from harness.experiment.cycle.story import as_text
from harness.experiment.run import same_baseline
from harness.experiment.run.place import ROOM_FACTOR, Baselines, WorkRoot, size_bytes
from harness.experiment.run.pool import Pool, Task
from harness.experiment.written.configuration import Experiment
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results import ledgers
from harness.results.folder import CYCLES, read_run
from harness.results.records import CycleRecord
from harness.results.store import Store

_NUMBERS = ("left_behind", "backup_bytes", "payload_bytes", "grown_bytes")


def replay(
    folder: Path, condition: str, cycle: int, site: str = SITE, watchdog_s: float = 60.0
) -> tuple[CycleRecord | None, CycleRecord]:
    """Run one stored cycle again, in a worker as before; return (stored, new).

    A cycle that makes no progress for ``watchdog_s`` ends as it does in a run: a harness error.

    UsageError when ``folder`` holds no such condition, MeasurementError when the database has
    changed since its run; the stored one is None when that cycle was not run.
    """
    run = read_run(folder)
    chosen = Experiment.from_json(run["experiment"]).condition(condition)
    chosen = same_baseline.at_its_place(chosen, run, folder)
    stored = _stored(folder, condition, cycle)
    if stored is None and cycle >= chosen.cycles:
        raise UsageError(
            f"--cycle {cycle}: condition {condition!r} of {folder} has the cycles 0 to "
            f"{chosen.cycles - 1}"
        )
    seed = int(run["seed"])
    with WorkRoot(size_bytes(chosen) * ROOM_FACTOR) as root:
        baselines = Baselines(root.path, seed)
        same_baseline.refuse_replay_of_another(run, folder, chosen, baselines)
        pristine = baselines.of(chosen)
        with Pool(site, seed, 1, root.path, watchdog_s=watchdog_s) as pool:
            task = Task(chosen, pristine, range(cycle, cycle + 1))
            ((new,),) = list(pool.run([task]))
    if stored is not None and not stored.story and not (Path(folder) / CYCLES).exists():
        new = replace(new, story="")  # of what is published only the first story is kept
    return stored, new


def _stored(folder: Path, condition: str, cycle: int) -> CycleRecord | None:
    """Return the stored cycle, of a published run from cycles.parquet; None where it is not."""
    if not (Path(folder) / CYCLES).exists():
        from harness.results.reading import Results  # noqa: PLC0415 - only for published runs

        record = _of_columns(condition, cycle, Results(folder).columns(condition))
        return record and replace(record, story=_published_story(folder, condition, cycle))
    store = Store(folder)
    try:
        return store.record(condition, cycle)
    finally:
        store.close()


def _published_story(folder: Path, condition: str, cycle: int) -> str:
    """Return the story of a cycle as the summary of a published run has it; "" for none."""
    from harness.analysis.summary import load  # noqa: PLC0415 - only for published runs

    for story in load(folder).summary.get("stories") or ():
        if (story["condition"], story["cycle"]) == (condition, cycle):
            return as_text(story["story"])
    return ""


def _of_columns(condition: str, cycle: int, columns: Mapping[str, Any]) -> CycleRecord | None:
    """Make the record of a cycle from columns as Results gives them; a story is not among them."""
    places = (columns["cycle"] == cycle).nonzero()[0]
    if not len(places):
        return None
    row = {name: values[places[0]] for name, values in columns.items()}
    found: dict[str, Any] = {name: bool(row[name]) for name in ("rows", "exact", "says_clean")}
    found |= {name: int(row[name]) for name in _NUMBERS}
    for name in ("cleanup_ok", "shadow_ok"):
        found[name] = None if row[name] < 0 else bool(row[name])
    took_ms, cpu_ms = (
        {step: ms for step in TIMINGS if math.isfinite(ms := float(row[f"{step}{which}_ms"]))}
        for which in ("", "_cpu")
    )
    return CycleRecord(
        condition,
        cycle,
        OUTCOMES[row["outcome"]],
        restored_by=row["restored_by"],
        timings_ms=took_ms,
        cpu_ms=cpu_ms,
        faults=ledgers.of_text(row["faults"]),
        detail=row["detail"] or "",
        **found,
    )
