"""Failure rates over what was swept, as they are drawn: a point, or only a bound.

Where nothing failed nobody knows a rate, only what it is at most: such a mark is the upper
confidence limit, and no line goes through it. A line through 0, or through 100%, would draw what
was tried less often above what was tried more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.analysis.swept import Curve, measured

MOST = 6  # series that one figure can hold apart
DECADES_MOST = 6


class Mark(NamedTuple):
    """What was measured at one setting."""

    x: Any
    rate: float | None  # None: nothing failed, and ``high`` is all that is known
    low: float
    high: float
    failures: int
    cycles: int

    @property
    def counted(self) -> str:
        """Return "3 of 5,300"."""
        return f"{self.failures:,} of {self.cycles:,}"


class Together(NamedTuple):
    """Curves that belong into one figure."""

    name: str
    curves: tuple[Curve, ...]


def marks(curve: Curve) -> list[Mark]:
    """Return a mark for each point at which cycles were counted, in the order of the points."""
    return [_mark(point) for point in measured(curve)]


def _mark(point: Mapping[str, Any]) -> Mark:
    failing = 1 - point["reliability"]
    lower, upper = point.get("lower"), point.get("upper")
    return Mark(
        point["x"],
        failing if failing > 0 else None,
        0.0 if upper is None else max(0.0, 1 - upper),
        1.0 if lower is None else 1 - lower,
        point.get("failures") or 0,
        point.get("cycles") or 0,
    )


def runs(points: Sequence[Mark]) -> list[list[Mark]]:
    """Return the stretches of neighbours that all have a rate: a line goes through each."""
    found: list[list[Mark]] = [[]]
    for mark in points:
        if mark.rate is None:
            found.append([])
        else:
            found[-1].append(mark)
    return [stretch for stretch in found if stretch]


def cycles_each(points: Sequence[Mark]) -> int | None:
    """Return how many cycles every point has; None where they are not equal."""
    counts = {mark.cycles for mark in points}
    return counts.pop() if len(counts) == 1 else None


def together(curves: Iterable[Curve]) -> list[Together]:
    """Part curves into figures: a sweep of several series is one, those of one series share one.

    Over another setting, or beyond as many series as can be told apart, there is a further figure.
    """
    drawable = [curve for curve in curves if measured(curve)]
    names = [curve["name"] for curve in drawable]
    parted: dict[tuple[str, str], list[Curve]] = {}
    for curve in drawable:
        axis = str(curve.get("label") or curve.get("key") or "")
        own = str(curve["name"]) if names.count(curve["name"]) > 1 else ""
        parted.setdefault((own, axis), []).append(curve)
    return [
        Together(own or (axis if len(some) > 1 else str(some[0]["name"])), tuple(some))
        for (own, axis), every in parted.items()
        for some in (every[at : at + MOST] for at in range(0, len(every), MOST))
    ]


def span(rates: Iterable[float | None]) -> tuple[float, float]:
    """Return the whole decades that hold all rates above 0, three at least."""
    known = [rate for rate in rates if rate is not None and 0 < rate <= 1]
    high = math.ceil(math.log10(max(known, default=0.1)) - 1e-9)
    low = math.floor(math.log10(min(known, default=0.001)) + 1e-9)
    return 10.0 ** max(min(low, high - 3), high - DECADES_MOST), 10.0**high


def drawn_rates(curves: Iterable[Curve]) -> list[float | None]:
    """Return every rate that a figure of these curves must have room for."""
    found: list[float | None] = []
    for curve in curves:
        for mark in marks(curve):
            found += [mark.high, mark.rate]
        found += [
            1 - point["predicted"]
            for point in curve["points"]
            if point.get("predicted") is not None
        ]
        target = (curve.get("frontier") or {}).get("target")
        found += [None if target is None else 1 - target]
    return found


def tick(rate: float) -> str:
    """Name a power of ten on an axis of rates: 10%, 0.1%, 0.00001%."""
    return f"{100 * rate:.9f}".rstrip("0").rstrip(".") + "%"
