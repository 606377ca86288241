"""Pieces of SVG: a figure of its own size, a strip as wide as its place, marks, lines, labels.

Colours are classes of harness.reports.html_parts.style alone, so that both themes and paper have
theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from harness.reports.figures.scale import Tick
from harness.reports.html_parts.markup import clean

SERIES = 6  # colours, each with a mark and a dash pattern of its own
MARKS = ("circle", "square", "triangle", "diamond", "cross", "down")
STRIP_PX = 20  # the height of a strip
Point = tuple[float, float]


def figure(title: str, about: str, width: float, height: float, body: str, kind: str = "") -> str:
    """Return a figure that scales with its place; ``title`` and ``about`` are people's text.

    ``kind``: wide or narrow, for one of two drawings of which a screen shows that which fits.
    """
    kinds = f"figure-svg {kind}".rstrip()
    return (
        f'<svg class="{kinds}" role="img" viewBox="0 0 {width:g} {height:g}">'
        f"<title>{clean(title)}</title><desc>{clean(about)}</desc>{body}</svg>"
    )


def strip(title: str, about: str, body: str, height: int = STRIP_PX) -> str:
    """Return a drawing as wide as its place, where x is in per cent and letters keep their size."""
    return (
        f'<svg class="strip" role="img" width="100%" height="{height}">'
        f"<title>{clean(title)}</title><desc>{clean(about)}</desc>{body}</svg>"
    )


def axis_strip(about: str, ticks: Sequence[Tick]) -> str:
    """Return the axis above a column of strips."""
    labels = "".join(
        f'<text x="{_part(tick.at)}" y="12" class="{_side(tick.at)}">{clean(tick.label)}</text>'
        for tick in ticks
        if tick.label
    )
    marks = "".join(
        f'<line x1="{_part(tick.at)}" x2="{_part(tick.at)}" y1="15" y2="20" class="tick"/>'
        for tick in ticks
    )
    return strip(f"Axis: {about}", "Labels of the scale below.", labels + marks)


def grid_strip(ticks: Iterable[Tick]) -> str:
    """Return the grid lines of a strip."""
    return "".join(strip_line(tick.at, tick.at, "grid", (0, STRIP_PX)) for tick in ticks)


def strip_line(start: float, end: float, kind: str, y: tuple[float, float] | None = None) -> str:
    """Return a line in a strip from ``start`` to ``end`` (0 to 1), at half its height."""
    top, bottom = y or (STRIP_PX / 2, STRIP_PX / 2)
    return (
        f'<line x1="{_part(start)}" x2="{_part(end)}" y1="{top:g}" y2="{bottom:g}" class="{kind}"/>'
    )


def strip_bar(start: float, end: float, kind: str, thick: float) -> str:
    """Return a bar in a strip, ``thick`` px high, round its middle; never thinner than seen."""
    return (
        f'<rect x="{_part(start)}" width="{_part(max(end - start, 0.002))}" '
        f'y="{(STRIP_PX - thick) / 2:g}" height="{thick:g}" class="{kind}"/>'
    )


def strip_dot(at: float, kind: str, radius: float = 4.5) -> str:
    """Return a round mark in a strip."""
    return f'<circle cx="{_part(at)}" cy="{STRIP_PX / 2:g}" r="{radius:g}" class="{kind}"/>'


def strip_arrow(at: float, kind: str) -> str:
    """Return the point of an arrow to the right: an interval that is open at this end."""
    middle = STRIP_PX / 2
    return (
        f'<svg x="{_part(at)}" y="0" overflow="visible"><path d="M-7 {middle - 5:g}L0 {middle:g}'
        f'L-7 {middle + 5:g}" class="{kind} hollow"/></svg>'
    )


def _part(share: float) -> str:
    return f"{100 * share:.4g}%"


def _side(at: float) -> str:
    if at < 0.04:
        return "start"
    return "end" if at > 0.96 else "middle"


def line(start: Point, end: Point, kind: str) -> str:
    """Return a straight line."""
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'class="{kind}"/>'
    )


def path(points: Iterable[Point], kind: str, closed: bool = False) -> str:
    """Return a line through ``points``; ``closed`` makes it an area."""
    drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{drawn}{"Z" if closed else ""}" class="{kind}"/>' if drawn else ""


def steps(points: Sequence[Point]) -> list[Point]:
    """Return ``points`` with a corner before each: x first, then y."""
    corners = [(after[0], before[1]) for before, after in pairwise(points)]
    return [*points[:1], *(p for pair in zip(corners, points[1:], strict=True) for p in pair)]


def label(at: Point, text: str, kind: str = "middle") -> str:
    """Return people's text at a point; ``kind``: start, middle, end, and what style has."""
    return f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" class="{kind}">{clean(text)}</text>'


def mark(at: Point, series: int, hollow: bool = False) -> str:
    """Return the mark of a series: its own shape, so that no colour is needed to tell it."""
    x, y = at
    shapes = {
        "circle": f"M{x - 4:.1f} {y:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
        "square": f"M{x - 3.6:.1f} {y - 3.6:.1f}h7.2v7.2h-7.2Z",
        "triangle": f"M{x:.1f} {y - 4.8:.1f}l4.6 8.4h-9.2Z",
        "diamond": f"M{x:.1f} {y - 5:.1f}l4.6 5l-4.6 5l-4.6 -5Z",
        "cross": f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8",
        "down": f"M{x:.1f} {y + 4.8:.1f}l4.6 -8.4h-9.2Z",
    }
    shape = MARKS[series % SERIES]
    empty = " hollow" if hollow or shape == "cross" else ""
    return f'<path d="{shapes[shape]}" class="mark s{series % SERIES}{empty}"/>'


def key(series: int, alone: bool = False) -> str:
    """Return a legend's sample of a series; one that is ``alone`` in its figure needs no dashes."""
    drawn = line((0, 7), (30, 7), f"curve thin s{series % SERIES}{' alone' if alone else ''}")
    return (
        f'<svg class="key" aria-hidden="true" width="30" height="14">{drawn}'
        f"{mark((15, 7), series)}</svg>"
    )


def sample(kind: str) -> str:
    """Return a legend's sample of a line of ``kind``, or an area where the kind is one."""
    area = "area" in kind.split()
    body = f'<rect width="30" height="14" class="{kind}"/>' if area else line((0, 7), (30, 7), kind)
    return f'<svg class="key" aria-hidden="true" width="30" height="14">{body}</svg>'
