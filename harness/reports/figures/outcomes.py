"""How the cycles ended: outcomes stacked over what was swept, or condition by condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.drawn.colours import SAID
from harness.analysis.drawn.ends import Ended, Series, Sweep, alone, heights, kinds, sweeps
from harness.analysis.swept import number
from harness.reports.figures.across import short
from harness.reports.figures.scale import Tick, fitting, width_px
from harness.reports.figures.svg import figure, label, line, strip
from harness.reports.html_parts.markup import Cell, clean, drawn_table, fold, plain_table

TITLE = "How the cycles ended"
ABOUT = (
    "All cycles of a setting are one bar, from the best outcome at the foot to the worst at the "
    "top; an outcome that came about at all is never thinner than seen. Every setting has cycles "
    "of its own, and none are pooled."
)
WIDTH, HEIGHT = 150.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 38.0, 146.0, 8.0, 152.0
THINNEST_PX = 2.5
FEW = 12  # conditions up to which their list is open


def outcomes(summary: Mapping[str, Any]) -> str:
    """Return the figures of all sweeps and a strip for each other condition, as HTML."""
    found, others = sweeps(summary), alone(summary)
    points = [one for sweep in found for series in sweep.series for one in series.points]
    if not points and not others:
        return ""
    drawn = "".join(_sweep(sweep) for sweep in found)
    strips = _strips(others) if others else ""
    if drawn and strips:
        strips = fold(_further(len(others)), strips, len(others) <= FEW)
    return _legend([*points, *others]) + drawn + strips


def _further(number: int) -> str:
    return f"{number:,} further condition{'' if number == 1 else 's'}"


def _legend(points: list[Ended]) -> str:
    said = "".join(f"<span>{_sample(kind)} {clean(SAID[kind])}</span>" for kind in kinds(points))
    return f'<p class="legend">{said}</p>'


def _sample(outcome: str) -> str:
    return (
        '<svg class="key" aria-hidden="true" width="16" height="14">'
        f'<rect width="16" height="14" class="{_kind(outcome)}"/></svg>'
    )


def _kind(outcome: str) -> str:
    return f"part end-{outcome.replace('_', '-')}"


def _sweep(sweep: Sweep) -> str:
    panels = "".join(_panel(series, len(sweep.series) > 1) for series in sweep.series)
    table = fold("The outcomes as a table", _table(sweep))
    axis = sweep.series[0].curve.get("label") or sweep.series[0].curve.get("key") or ""
    about = "" if axis == sweep.together.name else f" <small>over {clean(axis)}</small>"
    head = f"<h3>{clean(sweep.together.name)}{about}</h3>"
    return f'{head}<div class="facets">{panels}</div>{table}'


def _panel(series: Series, several: bool) -> str:
    name = _name(series) if several else ""
    drawn = figure(
        f"{_name(series)}: how the cycles ended", _told(series), WIDTH, HEIGHT, _bars(series)
    )
    head = f"<figcaption><strong>{clean(name)}</strong></figcaption>" if name else ""
    return f'<figure class="card">{head}{drawn}</figure>'


def _breaking(name: str) -> str:
    return clean(name).replace("+", "+<wbr>").replace("/", "/<wbr>")


def _name(series: Series) -> str:
    said = ", ".join(
        "+".join(map(str, value)) if isinstance(value, list) else str(value)
        for value in (series.curve.get("series") or {}).values()
    )
    return said or str(series.curve["name"])


def _told(series: Series) -> str:
    points = (
        f"{number(one.x)}: " + ", ".join(f"{SAID[kind]} {count:,}" for kind, count in one.parts())
        for one in series.points
    )
    return "; ".join(points)


def _bars(series: Series) -> str:
    drawn = ""
    for share, said in ((0.0, "0%"), (0.5, "50%"), (1.0, "100%")):
        y = BOTTOM - share * (BOTTOM - TOP)
        drawn += line((LEFT, y), (RIGHT, y), "grid") + label((LEFT - 5, y + 4), said, "end")
    each = (RIGHT - LEFT) / max(1, len(series.points))
    for order, point in enumerate(series.points):
        drawn += _bar(point, LEFT + each * (order + 0.12), each * 0.76)
    drawn += line((LEFT, BOTTOM), (RIGHT, BOTTOM), "axis")
    room = int((RIGHT - LEFT) / 2 / width_px("x"))
    ticks = [
        Tick((order + 0.5) / len(series.points), short(number(point.x), room))
        for order, point in enumerate(series.points)
    ]
    for tick in fitting(ticks, RIGHT - LEFT):
        wide = width_px(tick.label) / 2
        x = min(max(LEFT + tick.at * (RIGHT - LEFT), LEFT + wide - 4), WIDTH - wide - 1)
        drawn += label((x, BOTTOM + 16), tick.label) if tick.label else ""
    cycles = sorted({point.cycles for point in series.points})
    said = f"{cycles[0]:,} cycles each" if len(cycles) == 1 else f"{cycles[0]:,} to {cycles[-1]:,}"
    return drawn + label(((WIDTH + 2) / 2, BOTTOM + 33), short(said, 20))


def _bar(point: Ended, x: float, wide: float) -> str:
    parts = point.parts()
    high_px = heights([count for _, count in parts], BOTTOM - TOP, THINNEST_PX)
    drawn, y = "", BOTTOM
    for (outcome, _), high in zip(parts, high_px, strict=True):
        y -= high
        drawn += (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" '
            f'class="{_kind(outcome)}"/>'
        )
    return drawn


def _table(sweep: Sweep) -> str:
    points = [one for series in sweep.series for one in series.points]
    shown = kinds(points)
    rows = (
        (one.condition, number(one.x), f"{one.cycles:,}",
         *(f"{one.counts.get(kind, 0):,}" for kind in shown))
        for one in points
    )  # fmt: skip
    headings = ("condition", "setting", "cycles", *(SAID[kind] for kind in shown))
    return plain_table(headings, rows, stack=True)


def _strips(points: list[Ended]) -> str:
    shown = [kind for kind in kinds(points) if kind not in ("cleaned", "restored")]
    headings = (
        Cell("", "condition", "name"),
        Cell("", "outcomes", "drawing"),
        Cell("", "cycles", "figure"),
        *(Cell("", clean(SAID[kind]), "figure ended") for kind in shown),
    )
    return drawn_table(headings, (_row(point, shown) for point in points))


def _row(point: Ended, shown: Sequence[str]) -> tuple[Cell, ...]:
    parts = point.parts()
    widths = heights([count for _, count in parts], 100.0, 0.6)
    body, x = "", 0.0
    for (outcome, _), wide in zip(parts, widths, strict=True):
        body += (
            f'<rect x="{x:.2f}%" width="{wide:.2f}%" y="3" height="14" class="{_kind(outcome)}"/>'
        )
        x += wide
    said = ", ".join(f"{SAID[kind]} {count:,}" for kind, count in parts)
    return (
        Cell("condition", clean(point.condition), "name"),
        Cell("", strip(f"{point.condition}: {said}", "Outcomes, stacked.", body), "drawing"),
        Cell("cycles", f"{point.cycles:,}", "figure"),
        *(
            Cell(SAID[kind], f"{point.counts.get(kind, 0):,}", "figure ended")
            for kind in shown
        ),
    )  # fmt: skip
