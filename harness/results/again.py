"""Cycles that an accident of the machine took: run again on demand, and the record says so.

A worker that somebody killed (the kernel short of memory, an operator) says nothing about the
guard, and yet its cycle is a harness error for good. With ``--resume --again`` such cycles, and no
others, are run again. A worker that died of itself, or hung, stays a harness error: that may be
what the cycle does.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from typing import Any

from harness.results.store import Store

KEY = "again"  # of run.json: [{"condition": name, "cycles": [number, ...]}]
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_KILLED = re.compile(
    rf"worker died \(signal ({'|'.join(str(int(sent)) for sent in _FROM_OUTSIDE)})\) in this cycle"
)


def from_outside(detail: str) -> bool:
    """Whether what `experiment.run.pool` says of a dead worker is that somebody killed it."""
    return _KILLED.fullmatch(detail) is not None


def take_away(store: Store) -> int:
    """Remove the cycles of killed workers, so that they count as not run; return how many.

    Which they were is in run.json before the first of them is gone.
    """
    killed = {
        name: [cycle for cycle, detail in store.spoiled(name) if from_outside(detail)]
        for name in store.conditions()
    }
    killed = {name: cycles for name, cycles in killed.items() if cycles}
    if killed:
        before = told(store.run)
        both = {
            name: sorted({*before.get(name, ()), *killed.get(name, ())})
            for name in dict.fromkeys([*before, *killed])
        }
        store.update_run(**{KEY: [{"condition": n, "cycles": c} for n, c in both.items()]})
        store.remove(killed)
    return sum(map(len, killed.values()))


def told(run: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return which cycles were run again, by condition, as run.json says."""
    return {entry["condition"]: list(entry["cycles"]) for entry in run.get(KEY) or ()}


def sentence(run: Mapping[str, Any]) -> str:
    """Say which cycles were run again; "" where none was."""
    cycles = told(run)
    number = sum(map(len, cycles.values()))
    if not number:
        return ""
    which = "; ".join(f"{name} {', '.join(map(str, some))}" for name, some in cycles.items())
    return (
        f"{number:,} cycle{'' if number == 1 else 's'} run again, whose worker was killed from "
        f"outside: {which}"
    )
