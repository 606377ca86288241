"""How long a step takes over the size of the database: a line for each series of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.analysis.swept import Curve, series_name
from harness.statistics.digits import number

SIZE = "workload.size_bytes"
LOW, MIDDLE, HIGH = 0.05, 0.5, 0.95  # of the cycles: the band, and the line in it


class Took(NamedTuple):
    """One step at one size."""

    size_bytes: float
    low_ms: float
    median_ms: float
    high_ms: float
    cycles: int


class Line(NamedTuple):
    """One series."""

    name: str
    points: list[Took]


def costs(summary: Mapping[str, Any], step: str = "restore") -> list[Line]:
    """Return a line for each series that was swept over the size and took ``step``."""
    known = {condition["name"]: condition for condition in summary["conditions"]}
    lines = [
        Line(_name(curve), _points(curve, known, step))
        for curve in summary.get("curves") or ()
        if curve.get("key") == SIZE
    ]
    return [line for line in lines if line.points]


def _name(curve: Curve) -> str:
    series = series_name(curve).rpartition(" ")[2]
    return f"{curve['name']}, {series}" if series else str(curve["name"])


def _points(curve: Curve, known: Mapping[str, Any], step: str) -> list[Took]:
    found = []
    for point in curve["points"]:
        condition = known.get(point.get("condition") or "") or {}
        spread = (condition.get("distributions_ms") or {}).get(step)
        if spread and point["x"] > 0:
            at = [_at(spread, share) for share in (LOW, MIDDLE, HIGH)]
            low, middle, high = at
            found.append(
                Took(point["x"], low, middle, high, condition["timings_ms"][step]["count"])
            )
    return found


def _at(spread: Mapping[str, Any], share: float) -> float:
    """Return the value at the smallest kept share that is not below ``share``."""
    kept = zip(spread["shares"], spread["values"], strict=True)
    return float(next(ms for at, ms in kept if at >= share - 1e-9))


def sized(size_bytes: float) -> str:
    """Name a size: ``2.69 MB``, ``151 MB``."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= unit:
            return f"{number(size_bytes / unit)} {name}"
    return f"{number(size_bytes)} B"
