"""One series of a sweep beside what was foretold of it: by independence, by strata, a frontier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.drawn.rates import marks
from harness.analysis.swept import Curve, ends
from harness.reports.figures.chart import CARD, Chart
from harness.reports.figures.panels import Panels, chart_of, drawn, series, targets, told
from harness.reports.figures.scale import width_px
from harness.reports.figures.svg import figure, key, label, line, path, sample
from harness.reports.html_parts.markup import clean


def foretells(curve: Curve, shared: Panels) -> bool:
    """Whether a figure of its own shows more: what was foretold of the series."""
    independent = any(point.get("predicted") is not None for point in curve["points"])
    return independent or bool(_strata_of(curve, shared))


def _strata_of(curve: Curve, shared: Panels) -> list[Mapping[str, Any]]:
    """Return the stratified estimates where the curve has points."""
    strata = shared.strata.get(curve.get("stratified") or "")
    rates = [point["x"] for point in curve["points"] if isinstance(point["x"], int | float)]
    if not strata or not rates:
        return []
    low = min((rate for rate in rates if rate > 0), default=0.0)
    return [
        point
        for point in strata.get("curve") or ()
        if None not in (point["estimate"], point["lower"], point["upper"])
        and low * 0.999 <= point["rate"] <= max(rates) * 1.001
    ]


def foretold(order: int, curve: Curve, shared: Panels) -> str:
    """Return the figure of series number ``order``, as HTML."""
    chart = chart_of([curve], shared, CARD)
    known = _strata_of(curve, shared)
    body = chart.frame() + _strata(chart, known, shared.low) + targets(chart, [curve])
    body += _frontier(chart, curve) + _predicted(chart, curve, shared)
    body += drawn(chart, marks(curve), order)
    made = figure(f"{curve['name']}: {series(curve)}, and what was foretold", told(curve),
                   CARD.width, CARD.height, body)  # fmt: skip
    said = [f"<span>{key(order)}measured</span>"]
    if any(point.get("predicted") is not None for point in curve["points"]):
        said.append(f"<span>{sample('curve expected foretold')}if independent</span>")
    if known:
        said.append(f"<span>{sample('area strata')}stratified</span>")
    return (
        f'<figure class="card"><figcaption><strong>{clean(series(curve))}</strong></figcaption>'
        f'{made}<p class="legend">{"".join(said)}</p></figure>'
    )


def _predicted(chart: Chart, curve: Curve, shared: Panels) -> str:
    expected = [
        chart.place(point["x"], 1 - point["predicted"])
        for point in curve["points"]
        if point.get("predicted") is not None and 1 - point["predicted"] >= shared.low
    ]
    return path(expected, "curve expected foretold")


def _strata(chart: Chart, known: Sequence[Mapping[str, Any]], low: float) -> str:
    if not known:
        return ""
    lower = [chart.place(point["rate"], point["lower"]) for point in known]
    upper = [chart.place(point["rate"], point["upper"]) for point in known]
    middle = [chart.place(p["rate"], p["estimate"]) for p in known if p["estimate"] >= low]
    return path([*lower, *reversed(upper)], "area strata", closed=True) + path(
        middle, "strata-line"
    )


def _frontier(chart: Chart, curve: Curve) -> str:
    """Draw two upright lines with their words at the top, each on a line of its own."""
    heights = {"holds": 12.0, "breaks": 25.0}
    return "".join(_upright(chart, *end, heights[end.kind]) for end in ends(curve))


def _upright(chart: Chart, kind: str, at: Any, said: str, down: float) -> str:
    x, size = chart.across(chart.x(at)), chart.size
    wide = width_px(said) / 2
    place = (min(max(x, size.left + wide + 2), size.width - wide), size.top + down)
    return line((x, size.top), (x, size.bottom), kind) + label(
        place, said, f"middle note {kind}-note"
    )
