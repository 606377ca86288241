"""What backup, restore and verification take: by recovery and size where a run sweeps a size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.reports.words.shares import Shown
from harness.statistics.digits import milliseconds, number

STEPS = ("backup", "restore", "verify")
SIZE = "size_bytes"  # how the key of a size ends
TITLE = "What it costs, over size"
ABOUT = "Medians of wall-clock time, which holds what other programs did meanwhile."


class Cost(NamedTuple):
    """How long each step of one condition takes."""

    name: str  # what is swept: a recovery, most of the time
    size_bytes: int
    condition: str
    p50_ms: Mapping[str, float]  # by step; none that did not take place


def asked(summary: Mapping[str, Any]) -> bool:
    """Whether a run can only answer what things cost: it claims nothing, and nothing strikes."""
    conditions = summary["conditions"]
    claims = any(condition.get("claims") or condition.get("claimed") for condition in conditions)
    struck = any(condition.get("faults") for condition in conditions)
    return not (claims or struck or summary.get("rows")) and bool(over_size(summary))


def over_size(summary: Mapping[str, Any]) -> list[Cost]:
    """Return what each condition costs, by what is swept and then by size; [] without a size."""
    found = [cost for condition in summary["conditions"] for cost in _costs(condition)]
    order = {name: at for at, name in enumerate(dict.fromkeys(cost.name for cost in found))}
    return sorted(found, key=lambda cost: (order[cost.name], cost.size_bytes))


def _costs(condition: Mapping[str, Any]) -> Iterator[Cost]:
    sweep = condition.get("sweep") or {}
    for key, value in (sweep.get("axes") or {}).items():
        if not str(key).endswith(SIZE):
            continue
        timings = condition["timings_ms"]
        p50_ms = {
            step: timings[step]["p50"] for step in STEPS if timings[step].get("p50") is not None
        }
        yield Cost(str(sweep["of"]), int(value), condition["name"], p50_ms)


def table(costs: Sequence[Cost]) -> Shown:
    """Return a row for each thing and size."""
    rows = [
        (cost.name, size(cost.size_bytes), *(_took(cost, step) for step in STEPS)) for cost in costs
    ]
    return Shown(TITLE, ("recovery", "size", *STEPS), rows, ABOUT, frozenset(("size", *STEPS)))


def _took(cost: Cost, step: str) -> str:
    return milliseconds(cost.p50_ms.get(step))


def headline(costs: Sequence[Cost]) -> str:
    """Say in one sentence from where to where restores go."""
    took = sorted((cost.p50_ms["restore"], cost) for cost in costs if "restore" in cost.p50_ms)
    if not took:
        return "No restore was made."
    (least, fast), (most, slow) = took[0], took[-1]
    return (
        f"A restore takes {milliseconds(least)} ({_called(fast)}) to {milliseconds(most)} "
        f"({_called(slow)}), each the median of its cycles."
    )


def _called(cost: Cost) -> str:
    return f"{cost.name}, {size(cost.size_bytes)}"


def growth(costs: Sequence[Cost]) -> list[tuple[str, str]]:
    """Say of each thing how its restore grows with the size: (sentence, a condition of it)."""
    said = []
    for name in dict.fromkeys(cost.name for cost in costs):
        own = [cost for cost in costs if cost.name == name and cost.p50_ms.get("restore")]
        if len(own) < 2:
            continue
        small, large = own[0], own[-1]
        times = large.p50_ms["restore"] / small.p50_ms["restore"]
        larger = number(large.size_bytes / small.size_bytes, 2)
        said.append(
            (
                f"{name}: restore {_took(small, 'restore')} at {size(small.size_bytes)} and "
                f"{_took(large, 'restore')} at {size(large.size_bytes)}, {number(times, 2)} times "
                f"as long for {larger} times the size",
                large.condition,
            )
        )
    return said


def size(size_bytes: int) -> str:
    """Return "2.69 MB": three digits, in thousands."""
    for unit, bytes_each in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= bytes_each:
            return f"{number(size_bytes / bytes_each)} {unit}"
    return f"{size_bytes:,} bytes"
