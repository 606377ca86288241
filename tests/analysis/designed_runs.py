"""Stored runs with strata, of a system whose failures are known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.analysis.stratified import stratified
from harness.experiment.plan.strata import StrataPlanner
from harness.experiment.written.designs import StrataSetting
from harness.faults import Planned, Slot
from harness.faults.schedule.ledger import LedgerEntry
from harness.faults.schedule.plan import Chance
from harness.results.reading import Results
from harness.results.records import CycleRecord
from tests.stored_runs import cycle, make_run

SLOTS = [("io_error", Slot("restore", "file_copy", n)) for n in (1, 2, 3)] + [
    ("timeout", Slot("cleanup", f"delete bots {n}", 1)) for n in (1, 2, 3, 4)
]
RATES = {"io_error": 0.01, "timeout": 0.02}
LASTING = {"io_error": {"attempt": 1.0}, "timeout": {"attempt": 0.75, "phase": 0.25}}
ALLOCATED = {"0": 1000, "3": 600, "4": 200, "5": 100, "6": 100, "7": 100}
STRATA = {
    "enumerate": 2, "repeats": 2, "lowest_rate": 1e-4, "highest_rate": 0.3,
    "slots": {"io_error": 3, "timeout": 4}, "allocated": ALLOCATED,
}  # fmt: skip
CONDITION: dict[str, Any] = {
    "name": "one",
    "faults": {kind: {"rate": RATES[kind], "lasting": LASTING[kind]} for kind in RATES},
    "strata": STRATA,
}
Struck = Mapping[int, str]  # slot number -> how long its fault lasts
Fails = Callable[[Struck], bool]


def meets(struck: Struck) -> bool:
    """Fail where the first error meets a timeout that lasts the phase, or the three errors meet."""
    lasting = any(held == "phase" for slot, held in struck.items() if slot > 2)
    return (0 in struck and lasting) or {0, 1, 2} <= set(struck)


def true_at(rates: Mapping[str, float], fails: Fails) -> float:
    """Add up the probability of everything that fails."""
    total = 0.0
    for k in range(8):
        for chosen in itertools.combinations(range(7), k):
            for held in itertools.product(*(list(LASTING[SLOTS[slot][0]]) for slot in chosen)):
                if fails(dict(zip(chosen, held, strict=True))):
                    total += _chance(rates, dict(zip(chosen, held, strict=True)))
    return total


def _chance(rates: Mapping[str, float], struck: Struck) -> float:
    parts = []
    for slot, (kind, _) in enumerate(SLOTS):
        weights = LASTING[kind]
        held = struck.get(slot)
        share = weights[held] / sum(weights.values()) if held else 0
        parts.append(rates[kind] * share if held else 1 - rates[kind])
    return math.prod(parts)


def planned() -> StrataPlanner:
    """Make the planner whose cycles are stored here."""
    chances = {kind: Chance(RATES[kind], LASTING[kind]) for kind in RATES}
    return StrataPlanner(7, "one", SLOTS, chances, StrataSetting.model_validate(STRATA))


def records(fails: Fails = meets, failing: str = "dirty_known") -> list[CycleRecord]:
    """Run every planned cycle on a system that fails where it is said to."""
    planner = planned()
    return [
        _record(number, planner.draw(number)[1], fails, failing)
        for number in range(planner.numbering.total)
    ]


def _record(number: int, faults: list[Planned], fails: Fails, failing: str) -> CycleRecord:
    struck = {SLOTS.index((fault.kind, fault.slot)): fault.lasting for fault in faults}
    entries = tuple(
        LedgerEntry(
            f.kind, f.slot.phase, f.slot.operation, f.slot.attempt, f.lasting, True, True, "seen"
        )
        for f in faults
    )
    return cycle(number, failing if fails(struck) else "cleaned", faults=entries)


def run_of(folder: Path, cycles: list[CycleRecord], **more: Any) -> Results:
    """Store cycles."""
    return make_run(folder / "run", cycles, conditions=[CONDITION | more])


def found_in(results: Results) -> dict[str, Any]:
    """Estimate from what is stored."""
    found = stratified(results.conditions[0], results.columns("one"), 0.95)
    assert found is not None
    return asdict(found)
