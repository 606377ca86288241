"""Where reliability stands, condition by condition, on a scale that gives every nine its room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.figures.scale import FailureScale, Tick, fitting
from harness.reports.figures.svg import (
    axis_strip,
    grid_strip,
    strip,
    strip_arrow,
    strip_bar,
    strip_dot,
    strip_line,
)
from harness.reports.html_parts.markup import Cell, badge, clean, drawn_table
from harness.reports.words.shares import share
from harness.statistics.digits import percent

TITLE = "Where reliability stands"
ABOUT = (
    "Dot: measured; bar: its interval. Where nothing failed there is no dot: an arrow leads away "
    "from the lower limit. Dashed: what is claimed. From left to right every step has ten times "
    "fewer failures."
)
NARROWEST_PX = 290.0  # the drawing's column on any screen
ARROW = 0.97  # of the axis: how far an arrow leads


def forest(conditions: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of all conditions with cycles, as HTML; "" where none ran."""
    ran = [
        condition
        for condition in conditions
        if condition["reliability"].get("estimate") is not None
    ]
    if not ran:
        return ""
    goals = {condition["name"]: goal(condition) for condition in ran}
    scale = FailureScale(
        [condition["reliability"][key] for condition in ran for key in ("estimate", "lower")]
        + list(goals.values())
    )
    ticks = fitting(scale.ticks(), NARROWEST_PX)
    about = "reliability on the logarithm of the failure rate"
    headings = (
        Cell("", "condition", "name"),
        Cell("", axis_strip(about, ticks), "drawing"),
        Cell("", "reliability", "reliability"),
        Cell("", "cycles", "figure"),
        Cell("", "verdict", "verdict"),
    )
    return drawn_table(
        headings, (_row(condition, goals[condition["name"]], scale, ticks) for condition in ran)
    )


def goal(condition: Mapping[str, Any]) -> float | None:
    """Return the reliability that is claimed of a condition, the highest where there are more."""
    claimed = [
        float(claim["at_least"])
        for claim in condition.get("claims") or ()
        if claim.get("measure") == "reliability" and claim.get("at_least") is not None
    ]
    for text in str(condition.get("claimed") or "").split(" and "):
        measure, _, least = text.partition(">=")
        if measure.strip() == "reliability":
            claimed.append(float(least))
    # a claim of 100% has no place on a scale on which every step has ten times fewer failures
    return max((share for share in claimed if share < 1), default=None)


def _row(
    condition: Mapping[str, Any], claimed: float | None, scale: FailureScale, ticks: list[Tick]
) -> tuple[Cell, ...]:
    measured = share(condition["reliability"])
    figures, _, interval = measured.partition(" ")
    return (
        Cell("condition", clean(condition["name"]), "name"),
        Cell("", _drawing(condition, claimed, scale, ticks), "drawing"),
        Cell("reliability", f'{figures} <span class="whole">{interval}</span>', "reliability"),
        Cell("cycles", f"{condition['cycles']:,}", "figure"),
        Cell("verdict", badge(condition.get("verdict")), "verdict"),
    )


def _drawing(
    condition: Mapping[str, Any], claimed: float | None, scale: FailureScale, ticks: list[Tick]
) -> str:
    reliability = condition["reliability"]
    estimate = reliability["estimate"]
    low, high = reliability["lower"], reliability["upper"]
    kinds = {"supported": "good", "not refuted": "good", "refuted": "bad", "undecided": "open"}
    kind = kinds.get(condition.get("verdict") or "", "none")
    body = grid_strip(ticks)
    if claimed is not None:
        at = scale.at(claimed)
        body += strip_line(at, at, "claim", (0, 20))
    if estimate >= 1:  # nothing failed: what is known is the lower limit, and nothing beyond
        at = scale.at(low or 0.0)
        body += strip_line(at, at, f"stroke {kind}", (3, 17))
        body += strip_line(at, ARROW, f"stroke {kind}") + strip_arrow(ARROW, f"stroke {kind}")
    else:
        if low is not None and high is not None:
            body += strip_bar(scale.at(low), scale.at(high), f"fill {kind}", 6)
        body += strip_dot(scale.at(estimate), f"fill {kind} ringed")
    said = f"{condition['name']}: {share(reliability)}"
    if claimed is not None:
        said += f", claimed {percent(claimed)}"
    return strip(said, "Reliability with its interval.", body)
