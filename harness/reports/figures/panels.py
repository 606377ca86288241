"""What the figures of all sweeps share: one axis of rates, how a series is drawn and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from harness.analysis.drawn.rates import (
    Mark,
    Together,
    cycles_each,
    drawn_rates,
    marks,
    runs,
    span,
    together,
)
from harness.analysis.swept import Curve, measured, number, series_name
from harness.reports.figures.across import across
from harness.reports.figures.chart import Chart, Size, band, beside, bound, rates_up
from harness.reports.figures.svg import label, line, mark, path
from harness.statistics.digits import sure

RATE = "cycles that failed (logarithmic)"


class Panels(NamedTuple):
    """What all figures of a run share."""

    low: float
    high: float
    strata: Mapping[str, Any]  # by condition
    xs: Mapping[str, Sequence[Any]]  # what was measured anywhere over an axis, by its name
    interval: str  # what the shaded areas are called
    refused: Mapping[str, int]  # by condition: cycles in which no test was run


def drawable(summary: Mapping[str, Any]) -> list[Together]:
    """Return what has a failure to draw: of the rest a sentence says all there is."""
    return [group for group in together(summary.get("curves") or ()) if failed(group)]


def failed(group: Together) -> bool:
    """Whether any cycle failed in a group of curves."""
    return any(one.failures for curve in group.curves for one in marks(curve))


def panels(summary: Mapping[str, Any]) -> Panels:
    """Return what the figures of a run share."""
    every = summary.get("curves") or ()
    failing = [curve for group in drawable(summary) for curve in group.curves]
    strata = {
        condition["name"]: condition["strata"]
        for condition in summary["conditions"]
        if condition.get("strata")
    }
    xs: dict[str, list[Any]] = {}
    for curve in every:
        xs.setdefault(label_of(curve), []).extend(point["x"] for point in measured(curve))
    known = (one.get("reliability") or {} for one in summary["conditions"])
    confidence = next((one["confidence"] for one in known if one.get("confidence")), None)
    interval = f"{sure(confidence)} interval" if confidence else "interval"
    refused = {
        condition["name"]: (condition.get("outcomes") or {}).get("refused", 0)
        for condition in summary["conditions"]
    }
    return Panels(*span(drawn_rates(failing or every)), strata, xs, interval, refused)


def chart_of(curves: Sequence[Curve], shared: Panels, size: Size) -> Chart:
    """Return the axes for some of the curves: the same wherever the same was swept."""
    length = size.right - size.left
    x = across(shared.xs[label_of(curves[0])], length)
    up, ticks = rates_up(shared.low, shared.high)
    return Chart(size, x.at, up, x.ticks, ticks, label_of(curves[0]), RATE)


def label_of(curve: Curve) -> str:
    """Name what was swept."""
    return str(curve.get("label") or curve.get("key") or "")


def targets(chart: Chart, curves: Sequence[Curve], side: Literal["start", "end"] = "end") -> str:
    """Draw the failures that each target allows, with its name at one end of the line."""
    found: set[float] = {
        curve["frontier"]["target"]
        for curve in curves
        if (curve.get("frontier") or {}).get("target") is not None
    }
    left, right = chart.size.left, chart.size.right
    x = right - 2 if side == "end" else left + 4
    lines = ""
    for target in sorted(found):
        y = chart.up(chart.y(1 - target))
        lines += line((left, y), (right, y), "target")
        lines += label((x, y + 12), f"{100 * target:.10g}% holds below", f"{side} note")
    return lines


def drawn(chart: Chart, points: Sequence[Mark], order: int, shift: float = 0.0) -> str:
    """Draw the marks of a series, its lines and shaded intervals, ``shift`` px aside."""

    def at(x: Any, rate: float) -> tuple[float, float]:
        across, up = chart.place(x, rate)
        return across + shift, up

    under, over = "", ""
    for stretch in runs(points):
        lower = [at(one.x, one.low) for one in stretch]
        upper = [at(one.x, one.high) for one in stretch]
        under += band(lower, upper, order)
        middle = [at(one.x, one.rate or 0.0) for one in stretch]
        over += path(middle, f"curve s{order % 6}") + "".join(mark(one, order) for one in middle)
    over += "".join(bound(at(one.x, one.high), order) for one in points if one.rate is None)
    if cycles_each(points) is None:
        over += beside([(at(m.x, m.high if m.rate is None else m.rate), m.counted)
                        for m in points])  # fmt: skip
    return under + over


def told(curve: Curve) -> str:
    """Say a curve in words, for those who hear a page."""
    points = ", ".join(f"{one.counted} at {number(one.x)}" for one in marks(curve))
    return f"{series(curve)}: {points}."


def series(curve: Curve) -> str:
    """Name a series by what tells it from the others; by the sweep where nothing does."""
    return series_name(curve) or str(curve["name"])
