"""How many cycles a claim takes, and how far the claims of this run came."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.analysis.drawn.needed import Needed
from harness.analysis.drawn.needed import needed as found
from harness.reports.figures.across import short
from harness.reports.figures.chart import NARROW, WIDE, Chart, Named, Size, direct
from harness.reports.figures.scale import LogScale, Tick
from harness.reports.figures.svg import figure, path
from harness.reports.html_parts.markup import clean, fold, plain_table
from harness.statistics.digits import sure

TITLE = "Cycles needed, by claim"
ABOUT = (
    "Lines: the cycle at which a claim is supported if so many cycles have failed by then. Marks: "
    "the claims of this run, at the cycle at which they were decided, or as far as they came."
)
_KINDS = {"supported": "good", "not refuted": "good", "refuted": "bad", "undecided": "open"}
_SHAPES = {  # a verdict is told by its shape as well
    "supported": "M{x:.1f} {y:.1f}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
    "refuted": "M{x:.1f} {y:.1f}m-4 -4l8 8m0 -8l-8 8",
    "undecided": "M{x:.1f} {y:.1f}m0 -5l5 5l-5 5l-5 -5Z",
}


def needed(summary: Mapping[str, Any]) -> str:
    """Return the figure with its table, as HTML; "" where no share below 100% is claimed."""
    shown = found(summary)
    if not shown.claims:
        return ""
    told = "; ".join(
        f"{one.condition}: {one.claim}, {one.failures:,} failures in {one.cycles:,} cycles: "
        f"{one.verdict}"
        for one in shown.claims
    )
    drawn = "".join(
        figure(TITLE, told, size.width, size.height, _body(shown, size), kind)
        for size, kind in ((WIDE, "wide"), (NARROW, "narrow"))
    )
    verdicts = dict.fromkeys(one.verdict for one in shown.claims)
    legend = "".join(f"<span>{_sample(verdict)} {clean(verdict)}</span>" for verdict in verdicts)
    return (
        f'<figure class="card hero">{drawn}<p class="legend">{legend}</p>'
        f"<p>Lines at {sure(shown.confidence)} confidence.</p></figure>"
        + fold("Cycles needed, as a table", _table(shown))
    )


def _body(shown: Needed, size: Size) -> str:
    chart = _chart(shown, size)
    drawn, labels = chart.frame(), []
    for order, boundary in enumerate(shown.boundaries):
        points = [chart.place(allowed, cycles) for allowed, cycles in boundary.points]
        drawn += path(points, f"curve thin s{order}")
        name = f"{boundary.failures} failed" if boundary.failures else "none failed"
        labels.append(Named(points[-1], order, name, f"{boundary.points[-1][1]:,}"))
    # the gravest last: where several stand on one place it is seen
    for one in sorted(shown.claims, key=lambda one: one.verdict != "supported"):
        drawn += _mark(*chart.place(one.allowed, one.cycles), one.verdict)
    return drawn + direct(size, labels)


def _chart(shown: Needed, size: Size) -> Chart:
    allowed = [share for share, _ in shown.boundaries[0].points]
    allowed += [one.allowed for one in shown.claims]
    cycles = [number for line in shown.boundaries for _, number in line.points]
    cycles += [one.cycles for one in shown.claims]
    across, up = LogScale(min(allowed), max(allowed)), LogScale.of(cycles)
    powers = range(math.floor(math.log10(max(allowed)) + 1e-9),
                   math.floor(math.log10(min(allowed)) - 1e-9), -1)  # fmt: skip

    def x(share: float) -> float:  # the stricter a claim, the further right
        return 0.96 - 0.92 * across.at(share)

    ticks = [Tick(x(10.0**power), claimed(10.0**power)) for power in powers]
    up_ticks = [Tick(up.at(number), f"{number:,.0f}") for number in up.ticks()]
    return Chart(size, x, up.at, ticks, up_ticks, "claimed reliability", "cycles (logarithmic)")


def claimed(allowed: float) -> str:
    """Name a claim by what it allows: ``99.9%`` for 0.001."""
    return f"{100 - 100 * allowed:.10g}%"


def _mark(x: float, y: float, verdict: str) -> str:
    shape = _SHAPES.get(verdict, _SHAPES["undecided"]).format(x=x, y=y)
    return f'<path d="{shape}" class="stroke {_KINDS.get(verdict, "none")}"/>'


def _sample(verdict: str) -> str:
    drawn = _mark(8.0, 7.0, verdict)
    return f'<svg class="key" aria-hidden="true" width="16" height="14">{drawn}</svg>'


def _table(shown: Needed) -> str:
    headings = ("claim", *(f"{line.failures} failed" for line in shown.boundaries))
    whole = [
        order
        for order, (share, _) in enumerate(shown.boundaries[0].points)
        if abs(math.log10(share) - round(math.log10(share))) < 1e-6
    ]
    lines = (
        (claimed(shown.boundaries[0].points[order][0]),
         *(f"{line.points[order][1]:,}" for line in shown.boundaries))
        for order in whole
    )  # fmt: skip
    rows = (
        (one.condition, short(one.claim, 60), one.verdict, f"{one.failures:,}", f"{one.cycles:,}")
        for one in shown.claims
    )
    own = plain_table(("condition", "claim", "verdict", "failures", "cycles"), rows, stack=True)
    return plain_table(headings, lines) + own
