"""How long a restore takes over the size of the database: a line for each recovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.drawn.costs import Line, costs, sized
from harness.reports.figures.chart import NARROW, WIDE, Chart, Named, Size, band, direct
from harness.reports.figures.scale import LogScale, Tick, fitting
from harness.reports.figures.svg import figure, mark, path
from harness.reports.html_parts.markup import clean, fold, plain_table
from harness.statistics.digits import milliseconds

TITLE = "What it costs, by the size of the database"
ABOUT = (
    "Lines: the median of all cycles at a size, by the wall clock, both axes logarithmic; shaded: "
    "the middle 90% of the cycles. A level line costs the same at any size."
)
STEPS = ("restore", "backup")


def hero(summary: Mapping[str, Any], step: str = "restore") -> str:
    """Return one step's figure, as HTML; "" where no size was swept or no such step was timed."""
    lines = costs(summary, step)
    if not lines:
        return ""
    ends_ms = [
        ms
        for other in STEPS
        for one in costs(summary, other)
        for at in one.points
        for ms in (at.low_ms, at.high_ms)
    ]
    told = "; ".join(
        f"{one.name}: "
        + ", ".join(f"{milliseconds(at.median_ms)} at {sized(at.size_bytes)}" for at in one.points)
        for one in lines
    )
    title = f"{step} over the size of the database"
    drawn = "".join(
        figure(title, told, size.width, size.height, _body(lines, ends_ms, step, size), kind)
        for size, kind in ((WIDE, "wide"), (NARROW, "narrow"))
    )
    head = f"<figcaption><strong>{clean(step.capitalize())}</strong></figcaption>"
    return f'<figure class="card hero">{head}{drawn}</figure>'


def cost(summary: Mapping[str, Any], besides: bool = False) -> str:
    """Return the figures of restore and backup with their table, as HTML; "" where none is.

    ``besides``: leave out the one that ``hero`` gives, where the page shows that elsewhere.
    """
    shown = STEPS[1:] if besides else STEPS
    drawn = "".join(hero(summary, step) for step in shown)
    if not drawn:
        return ""
    return drawn + fold("The times as a table", _table(summary))


def _body(lines: Sequence[Line], ends_ms: Sequence[float], step: str, size: Size) -> str:
    chart = _chart(lines, ends_ms, step, size)
    drawn, over, labels = chart.frame(), "", []
    for order, one in enumerate(lines):
        middle = [chart.place(at.size_bytes, at.median_ms) for at in one.points]
        drawn += band(
            [chart.place(at.size_bytes, at.low_ms) for at in one.points],
            [chart.place(at.size_bytes, at.high_ms) for at in one.points],
            order,
        )
        over += path(middle, f"curve s{order % 6}") + "".join(mark(at, order) for at in middle)
        labels.append(Named(middle[-1], order, one.name, milliseconds(one.points[-1].median_ms)))
    return drawn + over + direct(size, labels)


def _chart(lines: Sequence[Line], ends_ms: Sequence[float], step: str, size: Size) -> Chart:
    sizes = sorted({at.size_bytes for one in lines for at in one.points})
    across = LogScale(sizes[0], sizes[-1])
    up = LogScale.of(ends_ms)  # of all steps: their figures have one axis

    def x(size_bytes: float) -> float:
        return 0.04 + 0.92 * across.at(size_bytes)

    length = size.right - size.left
    ticks = fitting([Tick(x(at), sized(at)) for at in sizes], length)
    up_ticks = [Tick(up.at(ms), _named(ms)) for ms in up.ticks()]
    return Chart(size, x, up.at, ticks, up_ticks, "size of the database",
                 f"{step}, wall clock (logarithmic)")  # fmt: skip


def _named(ms: float) -> str:
    return f"{ms:,.12g} ms" if ms < 1000 else f"{ms / 1000:,.12g} s"


def _table(summary: Mapping[str, Any]) -> str:
    rows = (
        (one.name, sized(at.size_bytes), step, milliseconds(at.median_ms), milliseconds(at.low_ms),
         milliseconds(at.high_ms), f"{at.cycles:,}")
        for step in STEPS
        for one in costs(summary, step)
        for at in one.points
    )  # fmt: skip
    headings = ("recovery", "size", "step", "median", "5%", "95%", "cycles")
    return plain_table(headings, rows, stack=True)
