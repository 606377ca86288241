"""Shards in real folders, cut from the cycles of one made-up run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.experiment.written.configuration import Experiment
from harness.results import shards
from harness.results.folder import fingerprint, write_run
from harness.results.merging.part import Part, opened
from harness.results.records import CycleRecord
from harness.results.store import Store
from tests.stored_runs import cycle, struck

NAMES = ("one", "two")
VERSIONS = {"harness": "1", "python": "3", "apsw": "3", "sqlite": "3", "numpy": "2"}
TIMES = {"started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:01:00+00:00"}


def record(condition: str, number: int, took_ms: float = 1.0) -> CycleRecord:
    """One cycle, which follows from its number but for the time it took."""
    made = cycle(number, "restored" if number % 7 == 3 else "cleaned", condition=condition)
    faults = (struck("timeout"),) if number % 7 == 3 else ()
    return replace(made, faults=faults, timings_ms={"backup": took_ms, "cycle": took_ms * 2})


def shard(
    folder: Path,
    cycles: range,
    *,
    whole: bool = False,
    took_ms: float = 1.0,
    change: Callable[[CycleRecord], CycleRecord] = lambda one: one,
    **run: Any,
) -> Path:
    """Write a finished shard, or a whole run, of both conditions; ``run``: other values of it."""
    conditions = [
        {"name": name, "cycles": cycles.stop, "recoveries": ["file_copy"], "demands": "rows",
         "claims": ["reliability >= 0.5"]}
        for name in NAMES
    ]  # fmt: skip
    experiment = Experiment.from_json({"name": "made", "seed": 7, "conditions": conditions})
    content: dict[str, Any] = {
        "version": 1,
        "seed": 7,
        "fingerprint": fingerprint(experiment),
        "experiment": experiment.to_json(),
        "configured": experiment.to_json(),
        "rates": {},
        "versions": VERSIONS,
        "machine": {"cpu": "this one", "cores": 2},
        "revision": None,
        "workers": 2,
        "wall_s": 1.5,
        "wall_s_by_condition": {"one": 1.0, "two": 0.5},
        "looked": False,
        **TIMES,
        **({} if whole else shards.noted(cycles)),
    } | run
    store = Store.create(folder, content)
    for name in NAMES:
        store.append([change(record(name, number, took_ms)) for number in cycles])
    store.close()
    return folder


def parts(folders: Sequence[Path]) -> list[Part]:
    """Open them."""
    return [opened(folder) for folder in folders]


def rewritten(folder: Path, **values: Any) -> Path:
    """Change run.json as a run of another kind would have written it."""
    run = json.loads((folder / "run.json").read_text())
    write_run(folder, {key: value for key, value in run.items() if key != "sha256"} | values)
    return folder
