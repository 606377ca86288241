"""Whether cleanup and restore fail independently: the four cells, two ratios, two reliabilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.reports.figures.curves import shares
from harness.reports.figures.scale import LogScale, Tick, fitting
from harness.reports.figures.svg import (
    axis_strip,
    grid_strip,
    strip,
    strip_arrow,
    strip_bar,
    strip_dot,
    strip_line,
)
from harness.reports.html_parts.markup import Cell, clean, drawn_table, fold
from harness.statistics import digits

TITLE = "Do cleanup and restore fail independently?"
ABOUT = (
    "Restores were also made where none was needed, so that there is something to compare. An odds "
    "ratio or a lift of 1, the dashed line, is independence; above it both fail together more "
    "often than that."
)
OPEN_MOST = 3
_RATIOS = (("odds_ratio", "odds ratio"), ("lift", "lift"))


def dependence(summary: Mapping[str, Any]) -> str:
    """Return what all conditions and each of them say, as HTML; "" where none says anything."""
    conditions = [condition for condition in summary["conditions"] if condition.get("dependence")]
    if not conditions:
        return ""
    drawn = _ratios(summary, conditions)
    overall = (summary.get("dependence") or {}).get("sentence") or ""
    each = "\n".join(
        fold(
            f"<strong>{clean(condition['name'])}</strong> "
            f"<span>{clean(condition['dependence'].get('sentence') or '')}</span>",
            _condition(condition["dependence"]),
            opened=len(conditions) <= OPEN_MOST,
        )
        for condition in conditions
    )
    overall = overall[:1].upper() + overall[1:]
    return (f'<p class="question">{clean(overall)}.</p>' if overall else "") + drawn + each


def _ratios(summary: Mapping[str, Any], conditions: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        (condition["name"], said, ratio)
        for condition in conditions
        for key, said in _RATIOS
        if (ratio := condition["dependence"].get(key)) and _drawable(ratio)
    ]
    common = (summary.get("dependence") or {}).get("common")
    if common and _drawable(common):
        rows.append(("all conditions", "common odds ratio", common))
    if not rows:
        return ""
    ends = [ratio.get(key) for _, _, ratio in rows for key in ("estimate", "lower", "upper")]
    known = [end for end in ends if end is not None and end > 0]
    scale = LogScale.of([*known, min([1.0, *known]) / 1.5, max([1.0, *known]) * 1.5])
    ticks = fitting([Tick(scale.at(tick), f"{tick:,.6g}") for tick in scale.ticks()], 290.0)
    headings = (
        Cell("", "condition", "name"),
        Cell("", "ratio", "verdict"),
        Cell("", axis_strip("ratio, 1 is independence", ticks), "drawing"),
        Cell("", "measured", "reliability"),
    )
    return drawn_table(headings, (_row(*row, scale, ticks) for row in rows))


def _drawable(ratio: Mapping[str, Any]) -> bool:
    return any(ratio.get(key) is not None for key in ("estimate", "lower", "upper"))


def _row(
    name: str, said: str, ratio: Mapping[str, Any], scale: LogScale, ticks: list[Tick]
) -> tuple[Cell, ...]:
    low, high, estimate = (ratio.get(key) for key in ("lower", "upper", "estimate"))
    middle = "-" if estimate is None and not low else number(estimate)  # unknown, not infinite
    measured = f"{middle} [{number(low or 0)}, {number(high)}]"
    independent = (low or 0) <= 1 and (high is None or high >= 1)
    kind = "none" if independent else "bad"
    body = grid_strip(ticks) + strip_line(scale.at(1), scale.at(1), "claim", (0, 20))
    end = 1.0 if high is None else scale.at(high)
    body += strip_bar(scale.at(low or 0), end, f"fill {kind}", 6)
    body += strip_arrow(1.0, f"stroke {kind}") if high is None else ""
    if estimate is not None:
        body += strip_dot(scale.at(estimate), f"fill {kind} ringed")
    drawing = strip(f"{name}, {said}: {measured}", "A ratio with its interval.", body)
    return (
        Cell("condition", clean(name), "name"),
        Cell("ratio", clean(said), "verdict"),
        Cell("", drawing, "drawing"),
        Cell("measured", clean(measured), "reliability"),
    )


def number(value: float | None) -> str:
    """Return a ratio for people; what JSON cannot hold is infinite."""
    return "∞" if value is None else digits.number(value)


def _condition(joint: Mapping[str, Any]) -> str:
    cells = joint["cells"]
    failed = cells["both"] + cells["cleanup_only"]
    fine = cells["restore_only"] + cells["neither"]
    table = (
        '<div class="card"><table class="small"><thead><tr><td></td>'
        '<th scope="col" class="figure">restore failed</th>'
        '<th scope="col" class="figure">restore done</th>'
        '<th scope="col" class="figure">all</th></tr></thead><tbody>'
        + _cells("cleanup failed", cells["both"], cells["cleanup_only"], failed)
        + _cells("cleanup done", cells["restore_only"], cells["neither"], fine)
        + "</tbody></table></div>"
    )
    facts = {
        "measured reliability": shares(joint.get("measured") or {}, "estimate", "lower", "upper"),
        "if independent": shares(joint.get("predicted") or {}, "estimate", "lower", "upper"),
        "restore not tried": f"{joint.get('untried') or 0:,}",
        "left out, backup refused": f"{joint.get('refused') or 0:,}",
    }
    listed = "".join(f"<dt>{clean(k)}</dt><dd>{clean(v)}</dd>" for k, v in facts.items())
    beside = f'<div class="card"><dl>{listed}</dl></div>'
    return f'<div class="multiples pair"><div>{table}</div>{beside}</div>'


def _cells(name: str, *counts: int) -> str:
    return (
        f'<tr><th scope="row">{name}</th>'
        + "".join(f'<td class="figure">{count:,}</td>' for count in counts)
        + "</tr>"
    )
