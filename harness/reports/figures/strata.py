"""The stratified estimate: what each number of faults did, and brute force beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.reports.figures.scale import FailureScale, LogScale, Tick, fitting, width_px
from harness.reports.figures.svg import Point, figure, label, line, path
from harness.reports.html_parts.markup import clean, plain_table
from harness.reports.words.by_strata import ALIKE, assumed, beside_brute_force
from harness.statistics.digits import number, percent

TITLE = "Stratified estimates"
ABOUT = (
    "Cycles with a set number of faults each, weighted by how likely that number is at a rate: "
    "one condition says how reliable the approach is at every rate. The band is its interval, "
    "with every cycle a sample. What follows if the same faults always end alike, as they did "
    "each time they were seen here, is said with that condition, and is no more than that."
)
WIDTH, HEIGHT = 310.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 298.0, 14.0, 204.0


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
    return (
        f'<h3>{clean(name)}</h3>{unsteady}<div class="multiples pair">'
        f'<figure class="card">{_drawing(name, stratified)}'
        f"<p>{clean(_said(stratified))}</p>{_conditional(stratified)}</figure>"
        f"<div>{_strata(stratified)}</div></div>{compared}"
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


def _turned(point: Mapping[str, Any]) -> dict[str, float | None]:
    """Return reliabilities for failure probabilities."""
    keys = (("estimate", "estimate"), ("lower", "upper"), ("upper", "lower"))
    return {to: None if point[of] is None else 1 - point[of] for to, of in keys}


def _drawing(name: str, stratified: Mapping[str, Any]) -> str:
    band = [
        (point["rate"], _turned(point))
        for point in stratified.get("curve") or ()
        if point["rate"] > 0 and None not in (point["estimate"], point["lower"], point["upper"])
    ]
    if not band:
        return ""
    frontier = stratified.get("frontier") or {}
    across = LogScale(band[0][0], band[-1][0])
    up = FailureScale(
        [s for _, bounds in band for s in (bounds["estimate"], bounds["lower"])]
        + [frontier.get("target")]
    )

    def place(rate: float, share: float) -> Point:
        return LEFT + across.at(rate) * (RIGHT - LEFT), BOTTOM - up.at(share) * (BOTTOM - TOP)

    lower = [place(rate, bounds["lower"] or 0.0) for rate, bounds in band]
    upper = [place(rate, bounds["upper"] or 0.0) for rate, bounds in band]
    middle = [place(rate, bounds["estimate"] or 0.0) for rate, bounds in band]
    body = _frame(across, up)
    body += path([*lower, *reversed(upper)], "area strata", closed=True)
    body += path(middle, "curve s0")
    if frontier.get("target") is not None:
        body += line(
            place(across.low, frontier["target"]), place(across.high, frontier["target"]), "target"
        )
    for key, kind in (("holds_to", "holds"), ("breaks_from", "breaks")):
        if frontier.get(key):
            x = place(frontier[key], 0)[0]
            body += line((x, TOP), (x, BOTTOM), kind)
    return figure(f"{name}: reliability at every rate", _said(stratified), WIDTH, HEIGHT, body)


def _frame(across: LogScale, up: FailureScale) -> str:
    length = RIGHT - LEFT
    drawn = line((LEFT, BOTTOM), (RIGHT, BOTTOM), "axis")
    for tick in up.ticks():
        y = BOTTOM - tick.at * (BOTTOM - TOP)
        drawn += line((LEFT, y), (RIGHT, y), "grid") + label((LEFT - 6, y + 4), tick.label, "end")
    for tick in fitting([Tick(across.at(x), f"{x:.6g}") for x in across.ticks()], length):
        x = LEFT + tick.at * length
        drawn += line((x, BOTTOM), (x, BOTTOM + 4), "axis")
        if tick.label:
            x = min(x, WIDTH - 1 - width_px(tick.label) / 2)
            drawn += label((x, BOTTOM + 17), tick.label)
    return drawn + label(((LEFT + RIGHT) / 2, HEIGHT - 8), "fault rate of each slot")
