"""What all figures share: colours, marks, the scale of failures, labels that keep apart.

Colours are those of the page, from harness.analysis.drawn.colours: people who cannot tell red from
green can tell them apart. Each series has a mark and a line style of its own besides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from harness.analysis.drawn.colours import SERIES
from harness.analysis.drawn.rates import tick

COLOURS = SERIES["light"]
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = (
    "-", (0, (7, 1.5)), (0, (2, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (9, 1.5, 1, 1.5, 1, 1.5)),
)  # fmt: skip
QUIET = "#5c6570"
WIDTH_IN = 9.0
_LEAST = 1e-7  # failures per cycle: what lies below is drawn at the edge


class Series(NamedTuple):
    """How one series is drawn."""

    colour: str
    marker: str
    line: str | tuple[float, tuple[float, ...]]


class Scale(NamedTuple):
    """A logarithmic axis of failures per cycle, the most reliable last."""

    best: float
    """Where intervals with an open end end: fewer failures than anything measured."""
    worst: float

    def at(self, reliability: float | None) -> float:
        """Return the failures per cycle of a reliability, kept on the axis."""
        return self.best if reliability is None else max(self.best, 1 - reliability)

    def height(self, failures: float) -> float:
        """Return where on the axis, from 0 (the worst) to 1, a share of failures stands."""
        return math.log(self.worst / failures) / math.log(self.worst / self.best)


def series(order: int) -> Series:
    """Return how the series number ``order`` (from 0) is drawn: the first 210 all differ."""
    return Series(
        COLOURS[order % len(COLOURS)],
        MARKERS[order % len(MARKERS)],
        LINES[order % len(LINES)],
    )


def axes(ax: Axes | None, height_in: float) -> Axes:
    """Return ``ax``, or new axes on a figure of its own, ``height_in`` inches high."""
    if ax is not None:
        return ax
    _, made = plt.subplots(figsize=(WIDTH_IN, height_in), layout="constrained")
    return made


def scale(reliabilities: Iterable[float | None]) -> Scale:
    """Return the scale that shows all ``reliabilities`` (0 to 1), and has room for open ends."""
    failing = [1 - reliability for reliability in reliabilities if reliability is not None]
    seen = [value for value in failing if value > _LEAST] or [1e-3]
    return Scale(min(seen) / 3, min(1.0, max(seen) * 1.6))


def failures_on(ax: Axes, which: Axis, shown: Scale) -> None:
    """Make an axis of ``ax`` (``ax.xaxis`` or ``ax.yaxis``) the scale of failures."""
    along_x = which is ax.xaxis
    set_scale, set_limits = (
        (ax.set_xscale, ax.set_xlim) if along_x else (ax.set_yscale, ax.set_ylim)
    )
    set_scale("log")
    set_limits(shown.worst * 1.12, shown.best / 1.12)
    ticks = _ticks(shown)
    which.set_ticks(ticks, [_named(tick) for tick in ticks])
    which.set_ticks([], minor=True)
    text = "reliability, as failures per cycle (logarithmic)"
    if along_x:
        ax.set_xlabel(text)
    else:
        ax.set_ylabel(text)
    tidy(ax, "x" if along_x else "y")


def rates_up(ax: Axes, low: float, high: float, text: str) -> None:
    """Make y a logarithmic axis of rates in whole decades, more failures higher up."""
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    powers = range(round(math.log10(low)), round(math.log10(high)) + 1)
    ax.set_yticks([10.0**power for power in powers], [tick(10.0**power) for power in powers])
    ax.set_yticks([], minor=True)
    ax.set_ylabel(text)
    tidy(ax, "y")


def tidy(ax: Axes, grid: Literal["x", "y", "both"]) -> None:
    """Draw the grid behind everything, and no frame where no axis is."""
    ax.grid(axis=grid, color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _ticks(shown: Scale) -> list[float]:
    """Return powers of ten; where there are hardly two, halves and fifths of them as well."""
    steps = (1.0,) if shown.worst / shown.best > 50 else (1.0, 2.0, 5.0)
    powers = range(math.floor(math.log10(shown.best)), 1)
    ticks = [float(f"{step}e{power}") for power in powers for step in steps]
    return [value for value in ticks if shown.best < value <= shown.worst * 1.1 and value <= 1]


def _named(failures: float) -> str:
    """Name a tick twice: ``99.9%`` and ``1 in 1,000``."""
    return f"{100 * (1 - failures):.10g}%\n1 in {round(1 / failures):,}"
