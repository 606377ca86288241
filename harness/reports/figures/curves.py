"""Failure rates over what was swept: the series of a sweep in one figure, then what each foretold.

All figures of a run have the same axis of rates, so that they can be compared by eye.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
from harness.analysis.swept import Curve, ends, measured, number, series_name, words
from harness.reports.figures.across import across
from harness.reports.figures.chart import (
    CARD,
    NARROW,
    WIDE,
    Chart,
    Named,
    Size,
    band,
    beside,
    bound,
    direct,
    rates_up,
)
from harness.reports.figures.scale import width_px
from harness.reports.figures.svg import figure, key, label, line, mark, path, sample
from harness.reports.html_parts.markup import clean, fold, plain_table
from harness.statistics.digits import percent, percent_interval

TITLE = "Failures over what was swept"
ABOUT = (
    "Each mark is the share of cycles that did not end cleaned or restored, on a logarithmic axis; "
    "shaded is its interval. A bar with an arrow: nothing failed, and the rate is at most this "
    "(the upper limit of the interval); no line goes through it. Every figure has the same axis of "
    "rates."
)
RATE = "cycles that failed (logarithmic)"
LONGEST = 26  # letters that a name beside its line has room for, in two lines on a phone


class Panels(NamedTuple):
    """What all figures of a run share."""

    low: float
    high: float
    strata: Mapping[str, Any]  # by condition
    xs: Mapping[str, Sequence[Any]]  # what was measured anywhere over an axis, by its name


def hero(summary: Mapping[str, Any]) -> str:
    """Return the figure with the most to tell of all sweeps, as HTML; "" where nothing failed."""
    drawn = _drawable(summary)
    if not drawn:
        return ""
    most = max(drawn, key=lambda group: sum(len(measured(curve)) for curve in group.curves))
    return _together(most, _panels(summary))


def curves(summary: Mapping[str, Any], besides: bool = False) -> str:
    """Return the figures of all sweeps with their tables, as HTML; "" where nothing was swept.

    ``besides``: leave out the figure that ``hero`` gives, where the page shows that elsewhere.
    """
    shared = _panels(summary)
    shown = hero(summary) if besides else ""
    return "\n".join(
        _sweep(group, shared, shown) for group in together(summary.get("curves") or ())
    )


def _drawable(summary: Mapping[str, Any]) -> list[Together]:
    """Return what has a failure to draw: of the rest a sentence says all there is."""
    return [group for group in together(summary.get("curves") or ()) if _failed(group)]


def _failed(group: Together) -> bool:
    return any(one.failures for curve in group.curves for one in marks(curve))


def _panels(summary: Mapping[str, Any]) -> Panels:
    every = summary.get("curves") or ()
    failing = [curve for group in _drawable(summary) for curve in group.curves]
    strata = {
        condition["name"]: condition["strata"]
        for condition in summary["conditions"]
        if condition.get("strata")
    }
    xs: dict[str, list[Any]] = {}
    for curve in every:
        xs.setdefault(_label(curve), []).extend(point["x"] for point in measured(curve))
    return Panels(*span(drawn_rates(failing or every)), strata, xs)


def _sweep(group: Together, shared: Panels, shown: str) -> str:
    head, table = f"<h3>{clean(group.name)}</h3>", fold("The points as a table", _data(group))
    if not _failed(group):
        return f"{head}<p>{clean(_none_failed(group))}</p>{table}"
    drawn = _together(group, shared)
    panels = "".join(
        _alone(order, curve, shared)
        for order, curve in enumerate(group.curves)
        if _has_more(curve, shared)
    )
    beside = f'<div class="multiples">{panels}</div>' if panels else ""
    return f"{head}{'' if drawn == shown else drawn}{beside}{table}"


def _none_failed(group: Together) -> str:
    every = [one for curve in group.curves for one in marks(curve)]
    most = max(one.high for one in every)
    each = cycles_each(every)
    cycles = f"{each:,} cycles each" if each else "cycles in the table"
    return f"Nothing failed at any of {len(every)} points, {cycles}: at most {percent(most)} do."


def _together(group: Together, shared: Panels) -> str:
    """Draw all series in one figure, for wide screens and for narrow ones."""
    about = f"Failure rates over {_label(group.curves[0])}. " + " ".join(map(_told, group.curves))
    drawn = "".join(
        figure(group.name, about, size.width, size.height, _body(group, shared, size), kind)
        for size, kind in ((WIDE, "wide"), (NARROW, "narrow"))
    )
    names = _names(group)
    legend = "".join(
        f"<span>{key(order)}{clean(name)}</span>"
        for order, name in enumerate(names)
        if len(name) > LONGEST  # beside its line it is cut short
    )
    said = "".join(
        f"<li>{clean(name)}: {clean(sentence)}</li>"
        for name, curve in zip(names, group.curves, strict=True)
        if (sentence := (curve.get("frontier") or {}).get("sentence"))
    )
    told = fold("Up to where the target holds, in words", f"<ul>{said}</ul>") if said else ""
    return (
        f'<figure class="card hero">{drawn}<p class="legend">{legend}{_kinds(group)}</p>{told}'
        "</figure>"
    )


def _names(group: Together) -> list[str]:
    """Name each series as briefly as tells them apart: by its values, else by keys as well."""
    brief = [
        ", ".join(words(value) for value in (curve.get("series") or {}).values())
        or str(curve["name"])
        for curve in group.curves
    ]
    return brief if len(set(brief)) == len(brief) else [series(curve) for curve in group.curves]


def _kinds(group: Together) -> str:
    every = [one for curve in group.curves for one in marks(curve)]
    said = f"<span>{sample('area band s0')}interval</span>"
    if any(one.rate is None for one in every):
        drawn = f'<svg class="key" aria-hidden="true" width="20" height="16">{_sample()}</svg>'
        said += f"<span>{drawn}nothing failed: at most this</span>"
    return said


def _sample() -> str:
    return bound((10.0, 2.0), 0, 12.0)


def _told(curve: Curve) -> str:
    """Say a curve in words, for those who hear a page."""
    points = ", ".join(f"{one.counted} at {number(one.x)}" for one in marks(curve))
    return f"{series(curve)}: {points}."


def _body(group: Together, shared: Panels, size: Size) -> str:
    chart = _chart(group.curves, shared, size)
    drawn, labels = chart.frame() + _targets(chart, group.curves), []
    for order, (name, curve) in enumerate(zip(_names(group), group.curves, strict=True)):
        shift = min(5.0, 24 / len(group.curves)) * (order - (len(group.curves) - 1) / 2)
        drawn += _series(chart, marks(curve), order, shift)
        last = marks(curve)[-1]
        x, y = chart.place(last.x, last.high if last.rate is None else last.rate)
        each = cycles_each(marks(curve))
        said = (
            f"{each:,} cycles each" if each and size is WIDE else f"{each:,} each" if each else ""
        )
        labels.append(Named((x + shift, y), order, name, said))
    return drawn + direct(size, labels)


def _chart(curves: Sequence[Curve], shared: Panels, size: Size) -> Chart:
    length = size.right - size.left
    x = across(shared.xs[_label(curves[0])], length)
    up, ticks = rates_up(shared.low, shared.high)
    return Chart(size, x.at, up, x.ticks, ticks, _label(curves[0]), RATE)


def _label(curve: Curve) -> str:
    return str(curve.get("label") or curve.get("key") or "")


def _targets(chart: Chart, curves: Sequence[Curve]) -> str:
    """Draw the failures that each target allows, with its name on the line."""
    found: set[float] = {
        curve["frontier"]["target"]
        for curve in curves
        if (curve.get("frontier") or {}).get("target") is not None
    }
    drawn = ""
    for target in sorted(found):
        y = chart.up(chart.y(1 - target))
        drawn += line((chart.size.left, y), (chart.size.right, y), "target")
        drawn += label(
            (chart.size.right - 2, y + 12), f"{100 * target:.10g}% holds below", "end note"
        )
    return drawn


def _series(chart: Chart, points: Sequence[Mark], order: int, shift: float = 0.0) -> str:
    def at(x: Any, rate: float) -> tuple[float, float]:
        across, up = chart.place(x, rate)
        return across + shift, up

    drawn, over = "", ""
    for stretch in runs(points):
        lower = [at(one.x, one.low) for one in stretch]
        upper = [at(one.x, one.high) for one in stretch]
        drawn += band(lower, upper, order)
        middle = [at(one.x, one.rate or 0.0) for one in stretch]
        over += path(middle, f"curve s{order % 6}") + "".join(mark(one, order) for one in middle)
    over += "".join(bound(at(one.x, one.high), order) for one in points if one.rate is None)
    if cycles_each(points) is None:
        over += beside([(at(m.x, m.high if m.rate is None else m.rate), m.counted)
                        for m in points])  # fmt: skip
    return drawn + over


def _has_more(curve: Curve, shared: Panels) -> bool:
    """Whether a figure of its own shows more: what was foretold of the series."""
    foretold = any(point.get("predicted") is not None for point in curve["points"])
    return foretold or bool(_strata_of(curve, shared))


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


def _alone(order: int, curve: Curve, shared: Panels) -> str:
    chart = _chart([curve], shared, CARD)
    known = _strata_of(curve, shared)
    body = chart.frame() + _strata(chart, known, shared.low) + _targets(chart, [curve])
    body += _frontier(chart, curve) + _predicted(chart, curve, shared)
    body += _series(chart, marks(curve), order)
    drawn = figure(f"{curve['name']}: {series(curve)}, and what was foretold", _told(curve),
                   CARD.width, CARD.height, body)  # fmt: skip
    said = [f"<span>{key(order)}measured</span>"]
    if any(point.get("predicted") is not None for point in curve["points"]):
        said.append(f"<span>{sample('curve expected foretold')}if independent</span>")
    if known:
        said.append(f"<span>{sample('area strata')}stratified</span>")
    return (
        f'<figure class="card"><figcaption><strong>{clean(series(curve))}</strong></figcaption>'
        f'{drawn}<p class="legend">{"".join(said)}</p></figure>'
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


def series(curve: Curve) -> str:
    """Name a series by what tells it from the others; by the sweep where nothing does."""
    return series_name(curve) or str(curve["name"])


def _data(group: Together) -> str:
    headings = ("series", _label(group.curves[0]), "condition", "cycles", "failures",
                "reliability", "if independent")  # fmt: skip
    rows = [
        (
            series(curve),
            number(point["x"]),
            point.get("condition") or "-",
            f"{point.get('cycles') or 0:,}",
            f"{point.get('failures') or 0:,}",
            shares(point, "reliability", "lower", "upper"),
            shares(point, "predicted", "predicted_lower", "predicted_upper"),
        )
        for curve in group.curves
        for point in curve["points"]
    ]
    return plain_table(headings, rows, stack=True)


def shares(share: Mapping[str, Any], middle: str, low: str, high: str) -> str:
    """Return ``99.9% [99.8%, 99.95%]``, or - where that is not known."""
    if share.get(middle) is None:
        return "-"
    if share.get(low) is None or share.get(high) is None:
        return percent(share[middle])
    return f"{percent(share[middle])} {percent_interval(share[low], share[high])}"
