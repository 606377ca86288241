"""Whether cleanup and restore fail independently: what that would give, beside what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from typing import Any

from matplotlib.axes import Axes

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import style
from harness.plot.forest import beside, interval, legend, rows
from harness.statistics.dependence import in_two_digits

_PARTS = ("predicted", "measured")
_ENDS = ("estimate", "lower", "upper")


def independence(run: Run, ax: Axes | None = None) -> Axes:
    """Draw, for each condition with forced restores, predicted above measured reliability.

    Predicted is what independent failures of cleanup and restore would give. The odds ratio beside
    a row is 1 where they are independent, and above 1 where they come together.

    Args:
        run: from ``harness.load``.
        ax: to draw on; by default a new figure.

    Returns:
        The axes.

    Raises:
        UsageError: no condition forced a restore, so nothing can be said.
    """
    shown = {
        name: dependence
        for name, dependence in run.dependence.items()
        if any(dependence[part]["estimate"] is not None for part in _PARTS)
    }
    if not shown:
        raise UsageError(
            f"{run.folder}: no condition has forced restores; "
            "give its experiment shadow = 0.1 and run it again"
        )
    known = [
        dependence[part][end] for dependence in shown.values() for part in _PARTS for end in _ENDS
    ]
    scale = style.scale(known)
    ax = style.axes(ax, 1.5 + 0.62 * len(shown))
    looks = {"predicted": style.series(1), "measured": style.series(0)}
    for row, dependence in enumerate(shown.values()):
        for part, shift in zip(_PARTS, (-0.15, 0.15), strict=True):
            if dependence[part]["lower"] is not None:
                measured = part == "measured"
                interval(ax, scale, row + shift, dependence[part], looks[part], filled=measured)
        beside(ax, row, _odds(dependence["odds_ratio"]))
    style.failures_on(ax, ax.xaxis, scale)
    rows(ax, list(shown))
    for part, words in zip(_PARTS, ("if they failed independently", "measured"), strict=True):
        look, measured = looks[part], part == "measured"
        ax.plot(
            [], [], color=look.colour, marker=look.marker, linewidth=2.2, label=words,
            linestyle="-" if measured else (0, (3, 1.5)),
            markerfacecolor=look.colour if measured else "white",
        )  # fmt: skip
    legend(ax)
    return ax


def _odds(odds: Mapping[str, Any]) -> str:
    """Say an odds ratio on two lines, its bounds rounded outwards."""
    if odds["lower"] == 0 and odds["upper"] is None:
        return "odds ratio unknown"
    estimate, high = "infinite", "no upper bound"
    if odds["estimate"] is not None:
        estimate = in_two_digits(odds["estimate"], ROUND_HALF_EVEN)
    if odds["upper"] is not None:
        high = in_two_digits(odds["upper"], ROUND_CEILING)
    return f"odds ratio {estimate}\n[{in_two_digits(odds['lower'], ROUND_FLOOR)}, {high}]"
