"""Run one stored cycle again: the same seed gives the same draws, faults and rows."""

from __future__ import annotations

import itertools
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from harness.experiment.configuration import Experiment
from harness.experiment.place import ROOM_FACTOR, Baselines, WorkRoot, size_bytes
from harness.experiment.pool import SITE, Pool, Task
from harness.experiment.records import CycleRecord, LedgerEntry
from harness.experiment.store import Store, read_run


def replay(
    folder: Path, condition: str, cycle: int, site: str = SITE, watchdog_s: float = 60.0
) -> tuple[CycleRecord | None, CycleRecord]:
    """Run one stored cycle again, in a worker as before; return (stored, new).

    A cycle that makes no progress for ``watchdog_s`` ends as it does in a run: a harness error.

    UsageError when ``folder`` holds no such condition; the stored one is None when that cycle was
    not run.
    """
    run = read_run(folder)
    chosen = Experiment.from_json(run["experiment"]).condition(condition)
    store = Store(folder)
    try:
        stored = store.record(condition, cycle)
    finally:
        store.close()
    seed = int(run["seed"])
    with WorkRoot(size_bytes(chosen) * ROOM_FACTOR) as root:
        pristine = Baselines(root.path, seed).of(chosen)
        with Pool(site, seed, 1, root.path, watchdog_s=watchdog_s) as pool:
            task = Task(chosen, pristine, range(cycle, cycle + 1))
            ((new,),) = list(pool.run([task]))
        return stored, new


def same(one: CycleRecord | None, other: CycleRecord) -> bool:
    """Whether two records of a cycle are the same, timings apart."""
    return one is not None and replace(one, timings_ms={}) == replace(other, timings_ms={})


def side_by_side(stored: CycleRecord | None, new: CycleRecord) -> str:
    """Return a table, field by field: stored, new, and a mark where they differ."""
    lines = [f"  {'':<16} {'stored':<40} new"]
    for one in fields(CycleRecord):
        now = _cell(getattr(new, one.name))
        old = "(not run)" if stored is None else _cell(getattr(stored, one.name))
        if one.name == "story":
            old, now = _stories("" if stored is None else stored.story, new.story)
        mark = "  " if old == now or one.name == "timings_ms" else "! "
        lines += [
            f"{mark if number == 0 else '  '}{one.name if number == 0 else '':<16} {a:<40} {b}"
            for number, (a, b) in enumerate(
                itertools.zip_longest(old.splitlines(), now.splitlines(), fillvalue="")
            )
        ]
    return "\n".join(lines)


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
