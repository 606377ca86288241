"""Labels at the right edge of a figure, each with a thin line to where what it names ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.transforms import Transform

from harness.analysis.drawn.labels import apart

_LINE = 0.042  # of the axes' height: one line of a label


class Ending(NamedTuple):
    """Where a line ends, and what is said of it."""

    x: float
    y: float
    text: str
    colour: str
    moved: Transform | None = None  # where x and y stand, if not in the axes' own data


def names(ax: Axes, endings: Sequence[Ending]) -> None:
    """Name every line; labels that would touch are moved apart."""
    if not endings:
        return
    heights = [_height(ax, ending.y) for ending in endings]
    lines = max(ending.text.count("\n") + 1 for ending in endings)
    room = 1 - _LINE * (lines - 1)  # a label stays beside the axes, with all its lines
    wanted = [(height - 0.5) / room + 0.5 for height in heights]
    placed = apart(wanted, (_LINE * lines + 0.015) / room)
    for ending, at in zip(endings, placed, strict=True):
        place = (at - 0.5) * room + 0.5
        ax.annotate(
            ending.text, (ending.x, ending.y), xytext=(1.04, place),
            xycoords=ending.moved or ax.transData, textcoords=ax.transAxes,
            color="black", fontsize=8.5, va="center", annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": ending.colour, "linewidth": 0.9, "shrinkB": 5,
                "relpos": (0, 0.5),
            },
        )  # fmt: skip


def _height(ax: Axes, y: float) -> float:
    """Return where along the axis, 0 at its foot, a value stands."""
    in_pixels = ax.transData.transform((ax.get_xlim()[0], y))
    return float(ax.transAxes.inverted().transform(in_pixels)[1])
