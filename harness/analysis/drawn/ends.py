"""How the cycles ended, setting by setting: counts of outcomes, from the best to the worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.analysis.drawn.rates import Together, together
from harness.analysis.swept import Curve, measured
from harness.outcomes import OUTCOMES


class Ended(NamedTuple):
    """The cycles of one condition."""

    x: Any  # its setting in a sweep; None outside of one
    condition: str
    cycles: int
    counts: Mapping[str, int]

    def parts(self) -> list[tuple[str, int]]:
        """Return the outcomes that there were, the best first."""
        return [(name, self.counts[name]) for name in OUTCOMES if self.counts.get(name)]


class Series(NamedTuple):
    """One series of a sweep."""

    curve: Curve
    points: list[Ended]


class Sweep(NamedTuple):
    """What belongs into one figure."""

    together: Together
    series: list[Series]


def sweeps(summary: Mapping[str, Any]) -> list[Sweep]:
    """Return how the cycles ended at every point of every sweep."""
    known = {condition["name"]: condition for condition in summary["conditions"]}
    found = [
        Sweep(group, [Series(curve, _points(curve, known)) for curve in group.curves])
        for group in together(summary.get("curves") or ())
    ]
    kept = [Sweep(group, [one for one in series if one.points]) for group, series in found]
    return [sweep for sweep in kept if sweep.series]


def _points(curve: Curve, known: Mapping[str, Any]) -> list[Ended]:
    return [
        ended(known[point["condition"]], point["x"])
        for point in measured(curve)
        if point.get("condition") in known
    ]


def alone(summary: Mapping[str, Any]) -> list[Ended]:
    """Return how the cycles ended of every condition that stands in no sweep.

    One with a set number of faults a cycle is left out: its counts are no shares of anything.
    """
    swept = {one.condition for sweep in sweeps(summary) for series in sweep.series
             for one in series.points}  # fmt: skip
    return [
        ended(condition)
        for condition in summary["conditions"]
        if condition["cycles"] and condition["name"] not in swept and not condition.get("strata")
    ]


def ended(condition: Mapping[str, Any], x: Any = None) -> Ended:
    """Return how the cycles of a condition of summary.json ended."""
    return Ended(x, condition["name"], condition["cycles"], condition["outcomes"])


def kinds(points: list[Ended]) -> list[str]:
    """Return the outcomes that any of the points has, the best first."""
    return [name for name in OUTCOMES if any(point.counts.get(name) for point in points)]


def heights(counts: Sequence[int], whole: float, least: float) -> list[float]:
    """Share ``whole`` out by ``counts``, ``least`` to each; the largest gives what that takes.

    So what came about once in ten thousand cycles is seen, if no thicker than that it is seen.
    """
    total = sum(counts)
    shared = [max(least, whole * count / total) for count in counts]
    shared[shared.index(max(shared))] -= sum(shared) - whole
    return shared
