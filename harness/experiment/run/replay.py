"""Run one stored cycle again: the same seed gives the same draws, faults and rows."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.experiment.cycle.forking import SITE
from harness.experiment.run import same_baseline
from harness.experiment.run.place import ROOM_FACTOR, Baselines, WorkRoot, size_bytes
from harness.experiment.run.pool import Pool, Task
from harness.experiment.written.configuration import Experiment
from harness.faults.schedule.ledger import LedgerEntry
from harness.outcomes import OUTCOMES, TIMINGS
from harness.printable import printed
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
        return stored, new


def _stored(folder: Path, condition: str, cycle: int) -> CycleRecord | None:
    """Return the stored cycle, of a published run from cycles.parquet; None where it is not."""
    if not (Path(folder) / CYCLES).exists():
        from harness.results.reading import Results  # noqa: PLC0415 - only for published runs

        return _of_columns(condition, cycle, Results(folder).columns(condition))
    store = Store(folder)
    try:
        return store.record(condition, cycle)
    finally:
        store.close()


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


def same(one: CycleRecord | None, other: CycleRecord) -> bool:
    """Whether two records of a cycle are the same, timings apart."""
    return one is not None and one.untimed() == other.untimed()


def side_by_side(stored: CycleRecord | None, new: CycleRecord) -> str:
    """Return a table, field by field: stored, new, and a mark where they differ."""
    lines = [f"  {'':<16} {'stored':<40} new"]
    for field in fields(CycleRecord):
        now = _cell(getattr(new, field.name))
        old = "(not run)" if stored is None else _cell(getattr(stored, field.name))
        if field.name == "story":
            old, now = _stories("" if stored is None else stored.story, new.story)
        mark = "  " if old == now or field.name in ("timings_ms", "cpu_ms") else "! "
        lines += [
            f"{mark if number == 0 else '  '}{field.name if number == 0 else '':<16} {a:<40} {b}"
            for number, (a, b) in enumerate(
                itertools.zip_longest(old.splitlines(), now.splitlines(), fillvalue="")
            )
        ]
    return printed(lines)


def _cell(value: Any) -> str:
    """Return a value as lines of text; nothing is a dash."""
    if isinstance(value, dict):
        return "\n".join(f"{key} {number:.3f}" for key, number in sorted(value.items())) or "-"
    if isinstance(value, tuple):
        return "\n".join(map(_fault, value)) or "-"
    return str(value).strip() or "-"


def _stories(stored: str, new: str) -> tuple[str, str]:
    """Return of two stories only the chapters in which they differ: they are long."""
    old, now = (json.loads(text) if text else {} for text in (stored, new))
    if old == now:
        return ("the same", "the same") if old else ("-", "-")
    keys = [key for key in {**old, **now} if old.get(key) != now.get(key)]
    return _chapters(old, keys), _chapters(now, keys)


def _chapters(story: dict[str, Any], keys: list[str]) -> str:
    return "\n".join(f"{key}: {json.dumps(story[key])}" for key in keys if key in story) or "-"


def _fault(entry: LedgerEntry) -> str:
    fate = "surfaced" if entry.surfaced else "masked" if entry.fired else "did not fire"
    return f"{entry.kind}: {entry.operation} ({entry.attempt}), {entry.lasting}: {fate}"
