"""A chart in SVG: its frame, lines, shaded intervals, bounds with arrows, labels at its edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from harness.analysis.drawn.labels import apart
from harness.analysis.drawn.rates import tick as rate_named
from harness.reports.figures.across import short
from harness.reports.figures.scale import LogScale, Tick, width_px
from harness.reports.figures.svg import Point, label, line, path

LETTER_PX = 11.0
LINE_PX = 13.0  # from one line of a label to the next


class Size(NamedTuple):
    """How big a chart is; right of ``right`` is the room for labels."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float


WIDE = Size(720.0, 400.0, 56.0, 560.0, 36.0, 352.0)
NARROW = Size(310.0, 330.0, 56.0, 198.0, 36.0, 282.0)
CARD = Size(310.0, 270.0, 56.0, 298.0, 30.0, 222.0)


class Chart(NamedTuple):
    """Where values stand in a figure; y grows upwards."""

    size: Size
    x: Callable[[Any], float]
    y: Callable[[float], float]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    x_name: str
    y_name: str

    def place(self, x: Any, y: float) -> Point:
        """Return the point of a value."""
        return self.across(self.x(x)), self.up(self.y(y))

    def across(self, share: float) -> float:
        """Return where a share of the x axis stands."""
        return self.size.left + share * (self.size.right - self.size.left)

    def up(self, share: float) -> float:
        """Return where a share of the y axis stands."""
        return self.size.bottom - share * (self.size.bottom - self.size.top)

    def frame(self) -> str:
        """Draw axes, grid, ticks and the names of both axes."""
        size = self.size
        drawn = ""
        for tick in self.y_ticks:
            y = self.up(tick.at)
            drawn += line((size.left, y), (size.right, y), "grid")
            drawn += label((size.left - 6, y + 4), tick.label, "end") if tick.label else ""
        for tick in self.x_ticks:
            x, wide = self.across(tick.at), width_px(tick.label) / 2
            drawn += line((x, size.bottom), (x, size.bottom + 4), "axis")
            if tick.label:
                x = min(max(x, size.left + wide - 6), size.width - wide - 1)
                drawn += label((x, size.bottom + 17), tick.label)
        drawn += line((size.left, size.bottom), (size.right, size.bottom), "axis")
        letters = int((size.width - 4) / width_px("x"))
        drawn += label((2, 12), short(self.y_name, letters), "start")
        name = short(self.x_name, letters)
        x = (size.left + size.right) / 2
        x = min(max(x, width_px(name) / 2 + 1), size.width - width_px(name) / 2 - 1)
        return drawn + label((x, size.bottom + 36), name)


def rates_up(low: float, high: float) -> tuple[Callable[[float], float], list[Tick]]:
    """Return a logarithmic axis of rates in whole decades, with its ticks."""
    log = LogScale(low, high)
    powers = range(round(math.log10(low)), round(math.log10(high)) + 1)
    return log.at, [Tick(log.at(10.0**power), rate_named(10.0**power)) for power in powers]


def band(lower: Sequence[Point], upper: Sequence[Point], series: int) -> str:
    """Shade between two lines; where there is one point only, draw a bar."""
    kind = f"s{series % 6}"
    if len(lower) == 1:
        return line(lower[0], upper[0], f"range {kind}")
    return path([*lower, *reversed(upper)], f"area band {kind}", closed=True)


def bound(at: Point, series: int, length: float = 20.0) -> str:
    """Draw an upper bound: a bar with an arrow down, away from which nothing is known."""
    x, y = at
    kind = f"bound s{series % 6}"
    end = y + length
    return (
        line((x - 6, y), (x + 6, y), kind)
        + line((x, y), (x, end), kind)
        + path([(x - 4, end - 6), (x, end), (x + 4, end - 6)], kind)
    )


def beside(points: Sequence[tuple[Point, str]]) -> str:
    """Write the number of each point above or below it; where neither is free, leave it out."""
    taken: list[tuple[float, float, float]] = []
    drawn = ""
    for (x, y), text in points:
        wide = width_px(text)
        for up in (y - 9, y + 18):
            if all(abs(up - other) > LETTER_PX or x + wide / 2 < left or right < x - wide / 2
                   for left, right, other in taken):  # fmt: skip
                taken.append((x - wide / 2, x + wide / 2, up))
                drawn += label((x, up), text, "middle note")
                break
    return drawn


class Named(NamedTuple):
    """A label beside the end of a line: where the line ends, its name, and what else is said."""

    end: Point
    series: int
    name: str
    said: str = ""


def direct(size: Size, labels: Sequence[Named]) -> str:
    """Name each line at the right edge of the chart, with a thin line to where it ends."""
    if not labels:
        return ""
    room = int((size.width - size.right - 20) / width_px("x"))
    texts = [[*_broken(one.name, room), *([one.said] if one.said else [])] for one in labels]
    high = size.bottom - size.top
    wanted = [(size.bottom - one.end[1]) / high for one in labels]
    places = apart(wanted, (max(map(len, texts)) * LINE_PX + 3) / high)
    drawn = ""
    for one, said, place in zip(labels, texts, places, strict=True):
        y, x = size.bottom - place * high, size.right + 18
        drawn += path([one.end, (size.right + 6, y), (x - 3, y)], f"leader s{one.series % 6}")
        first = y + 4 - (len(said) - 1) * LINE_PX / 2
        for order, text in enumerate(said):
            kind = "start said" if text == one.said else "start said first"
            drawn += label((x, first + order * LINE_PX), short(text, room), kind)
    return drawn


def _broken(name: str, room: int) -> list[str]:
    """Break a name that is too long into two lines, at the last place where it can be."""
    if len(name) <= room:
        return [name]
    at = max((name.rfind(sign, 1, room + 1) for sign in " +/,-"), default=-1)
    return [name[:at].rstrip(), name[at:].lstrip()] if at > 0 else [name]
