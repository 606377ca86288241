"""The stratified estimate: what each number of faults did, and brute force beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.drawn.rates import marks, span
from harness.analysis.swept import Curve, measured
from harness.reports.figures.across import across
from harness.reports.figures.chart import NARROW, WIDE, Chart, Named, Size, direct, rates_up
from harness.reports.figures.panels import drawn, targets
from harness.reports.figures.svg import figure, line, path
from harness.reports.html_parts.markup import clean, fold, plain_table
from harness.reports.words.by_strata import ALIKE, assumed, beside_brute_force
from harness.statistics.digits import number, percent

TITLE = "Stratified estimates"
ABOUT = (
    "Cycles with a set number of faults each, weighted by how likely that number is at a rate: "
    "one condition says how often the approach fails at every rate. The band is its interval, "
    "with every cycle a sample; marks were measured at a rate. What follows if the same faults "
    "always end alike, as they did each time they were seen here, is said with that condition, "
    "and is no more than that."
)
RATE = "cycles that would fail (logarithmic)"


def strata(summary: Mapping[str, Any]) -> str:
    """Return a figure and tables for each condition with strata, as HTML; "" for none."""
    return "\n".join(
        _condition(condition, summary)
        for condition in summary["conditions"]
        if condition.get("strata")
    )


def _condition(condition: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    name, stratified = condition["name"], condition["strata"]
    beside = list(beside_brute_force(condition, summary))
    compared = ""
    if beside:
        cycles = sum(stratum.get("cycles") or 0 for stratum in stratified["strata"])
        headings = (
            "rate", "drawn fault by fault", "cycles", f"stratified, {cycles:,} cycles", ALIKE,
        )  # fmt: skip
        compared = f"<h4>Beside brute force</h4>{plain_table(headings, beside, stack=True)}"
    unsteady = (
        ""
        if stratified.get("steady", True)
        else f"<p>{clean(stratified.get('unsteady') or '')}</p>"
    )
    ours = [
        curve
        for curve in summary.get("curves") or ()
        if curve.get("stratified") == name and measured(curve)
    ]
    table = fold("What each number of faults did, as a table", _strata(stratified))
    return (
        f'<h3>{clean(name)}</h3>{unsteady}<figure class="card hero">'
        f"{_drawing(name, stratified, ours)}<p>{clean(_said(stratified))}</p>"
        f"{_conditional(stratified)}</figure>{table}{compared}"
    )


def _said(stratified: Mapping[str, Any]) -> str:
    return " ".join([f"{stratified['slots']:,} slots.", *_holds(stratified.get("frontier") or {})])


def _conditional(stratified: Mapping[str, Any]) -> str:
    """Say under its name what holds on the assumption; "" where there is nothing to say."""
    conditional = assumed(stratified)
    said = " ".join(_holds(conditional.get("frontier") or {}))
    if not said:
        return ""
    name = conditional["assumed"]
    return f"<p>{clean(f'{name[:1].upper()}{name[1:]}: {said}')}</p>"


def _holds(frontier: Mapping[str, Any]) -> list[str]:
    target = frontier.get("target")
    if target is None:
        return []
    holds, breaks = frontier.get("holds_to"), frontier.get("breaks_from")
    parts = [
        f"shown to hold up to a rate of {number(holds)}" if holds is not None else "",
        f"shown to break from {number(breaks)} on" if breaks is not None else "",
    ]
    said = " and ".join(filter(None, parts)) or "neither shown to hold nor to break at any rate"
    return [f"{percent(target)} is {said}."]


def _strata(stratified: Mapping[str, Any]) -> str:
    headings = ("faults", "cycles", "failures", "failed", "sets", "all tried, ended alike")
    return plain_table(
        headings,
        (
            (
                f"{stratum['k']:,}",
                f"{stratum['cycles']:,}",
                f"{stratum['failures']:,}",
                percent(stratum["share"]) if stratum.get("share") is not None else "-",
                f"{stratum['sets']:,}" if stratum.get("sets") is not None else "-",
                "yes" if stratum.get("exact") else "no",
            )
            for stratum in stratified["strata"]
        ),
    )


def _drawing(name: str, stratified: Mapping[str, Any], ours: Sequence[Curve]) -> str:
    """Draw the estimate at every rate with its band, and what was measured at some of them."""
    known = [
        point
        for point in stratified.get("curve") or ()
        if point["rate"] > 0 and None not in (point["estimate"], point["lower"], point["upper"])
    ]
    if not known:
        return ""
    title = f"{name}: failures at every rate"
    return "".join(
        figure(title, _said(stratified), size.width, size.height,
               _body(known, stratified, ours, size), kind)
        for size, kind in ((WIDE, "wide"), (NARROW, "narrow"))
    )  # fmt: skip


def _body(
    known: Sequence[Mapping[str, Any]],
    stratified: Mapping[str, Any],
    ours: Sequence[Curve],
    size: Size,
) -> str:
    frontier = stratified.get("frontier") or {}
    target = frontier.get("target")
    floor = 1e-4 if target is None else (1 - target) / 10
    low, high = span([*(point["upper"] for point in known), floor])
    chart = _chart(known, low, high, size)
    lower = [chart.place(point["rate"], point["lower"]) for point in known]
    upper = [chart.place(point["rate"], point["upper"]) for point in known]
    middle = [chart.place(one["rate"], one["estimate"]) for one in known if one["estimate"] >= low]
    body = chart.frame() + path([*lower, *reversed(upper)], "area strata", closed=True)
    body += targets(chart, [{"frontier": frontier}], "start")
    for key, kind in (("holds_to", "holds"), ("breaks_from", "breaks")):
        if frontier.get(key):
            x = chart.across(chart.x(frontier[key]))
            body += line((x, size.top), (x, size.bottom), kind)
    body += path(middle, "curve s0")
    names = [Named((middle or upper)[-1], 0, "estimated", "from strata")]
    for order, curve in enumerate(ours, 1):
        points = marks(curve)
        body += drawn(chart, points, order)
        last = points[-1]
        at = chart.place(last.x, last.high if last.rate is None else last.rate)
        names.append(Named(at, order, "measured", "at a rate"))
    return body + direct(size, names)


def _chart(known: Sequence[Mapping[str, Any]], low: float, high: float, size: Size) -> Chart:
    """Return the axes: the rates that were estimated, and failures down to below the target."""
    up, ticks = rates_up(low, high)
    x = across([point["rate"] for point in known], size.right - size.left)
    return Chart(size, x.at, up, x.ticks, ticks, "fault rate of each slot", RATE)
