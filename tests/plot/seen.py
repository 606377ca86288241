"""What a drawn figure really shows: its texts, where they stand, and its lines."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def texts(ax: Axes) -> list[Text]:
    """Every text in the figure of ``ax`` that is shown and not empty."""
    found = [one for one in ax.figure.findobj(Text) if isinstance(one, Text)]
    return [one for one in found if one.get_visible() and one.get_text().strip()]


def said(ax: Axes) -> str:
    """All of them, a line each."""
    return "\n".join(one.get_text() for one in texts(ax))


def overlapping(ax: Axes) -> list[tuple[str, str]]:
    """The pairs of texts that cover each other when the figure is drawn."""
    ax.figure.canvas.draw()
    shown = []
    for one in _drawn(ax):
        box = Text.get_window_extent(one)  # without an annotation's arrow
        shown.append((one.get_text(), Bbox.from_extents(box.x0, box.y0 + 1, box.x1, box.y1 - 1)))
    pairs = combinations(shown, 2)
    return [(a, b) for (a, here), (b, there) in pairs if here.overlaps(there)]


def _drawn(ax: Axes) -> list[Text]:
    """The texts but for ticks outside the limits, which are not drawn."""
    along, up = (list(axis.get_ticklabels()) for axis in (ax.xaxis, ax.yaxis))
    low, high = sorted(ax.get_xlim()), sorted(ax.get_ylim())
    return [
        one
        for one in texts(ax)
        if not (one in along and not low[0] <= one.get_position()[0] <= low[1])
        and not (one in up and not high[0] <= one.get_position()[1] <= high[1])
    ]


def outside(ax: Axes) -> list[str]:
    """The texts that the figure's edge cuts off when it is drawn."""
    ax.figure.canvas.draw()
    edge = ax.figure.bbox
    boxes = [(one.get_text(), Text.get_window_extent(one)) for one in _drawn(ax)]
    return [
        text
        for text, box in boxes
        if box.x0 < edge.x0 - 1 or box.x1 > edge.x1 + 1 or box.y0 < edge.y0 - 1
        or box.y1 > edge.y1 + 1
    ]  # fmt: skip


def lines(ax: Axes, **wanted: str) -> list[Line2D]:
    """The lines on ``ax`` whose properties are ``wanted``, such as marker="o"."""
    return [
        one
        for one in ax.get_lines()
        if len(np.atleast_1d(one.get_xdata()))
        and all(getattr(one, f"get_{key}")() == value for key, value in wanted.items())
    ]
