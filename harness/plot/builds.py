"""One dirty database every so many builds, and how often that is at a build rate."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from harness.analysis.drawn.builds import PER_DAY, Between, between, every
from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import style
from harness.plot.forest import beside, rows
from harness.plot.steps import across
from harness.statistics.digits import number as spelt


def builds(
    run: Run,
    per_day: float = PER_DAY,
    conditions: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many builds lie between two that leave the database dirty, on a logarithmic axis.

    As if every build were a cycle of the condition. Where no cycle ended dirty only the lower
    limit is known, and an arrow leads away from it. A refusal leaves nothing dirty.

    Args:
        run: from ``harness.load``.
        per_day: builds a day, for the times beside the rows.
        conditions: names, in the order to draw; by default all whose cycles are builds.
        ax: to draw on; by default a new figure.

    Returns:
        The axes.

    Raises:
        UsageError: no such condition, or none whose cycles are builds; a rate that is not above 0.
    """
    if not per_day > 0:
        raise UsageError(f"{per_day} builds a day say nothing; give a number above 0")
    known = {one.condition: one for one in between(run.summary, run.confidence)}
    unknown = [name for name in conditions or () if name not in known]
    if unknown:
        raise UsageError(f"{run.folder}: no condition {unknown[0]!r}; there are {', '.join(known)}")
    shown = [known[name] for name in (known if conditions is None else conditions)]
    if not shown:
        raise UsageError(f"{run.folder}: no condition has cycles; run it with more")
    ax = style.axes(ax, 1.2 + 0.34 * len(shown))
    look = style.series(0)
    for row, one in enumerate(shown):
        _interval(ax, row, one, look)
        beside(ax, row, _said(one, per_day))
    across(ax)
    for row, one in enumerate(shown):
        if one.builds is None:
            ax.annotate(
                "", (1.0, row), xytext=(one.least, row), xycoords=ax.get_yaxis_transform(),
                textcoords=ax.transData,
                arrowprops={"arrowstyle": "->", "color": look.colour, "linewidth": 1.4,
                            "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
    rows(ax, [one.condition for one in shown])
    ax.set_xlabel(
        f"builds between two dirty databases (logarithmic); times at {spelt(per_day)} builds a day"
    )
    return ax


def _interval(ax: Axes, row: int, one: Between, look: style.Series) -> None:
    if one.builds is None or one.most is None:
        ax.plot(one.least, row, "|", color=look.colour, markersize=10, markeredgewidth=2)
        return
    ax.plot([one.least, one.most], [row, row], color=look.colour, linewidth=2.4)
    ax.plot(one.builds, row, look.marker, color=look.colour, markersize=7)


def _said(one: Between, per_day: float) -> str:
    least = "at least " if one.at_least else ""
    return f"{least}{one.said} builds, {every(one.number, per_day)}"
