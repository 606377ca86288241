"""A forest plot: every condition's reliability with its interval, on a scale of failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import style

_GOOD = ("cleaned", "restored")


def reliability(run: Run, target: float | None = 0.999, ax: Axes | None = None) -> Axes:
    """Draw the reliability of every condition with its interval.

    A condition of which no cycle failed has no point on a logarithmic scale: its interval begins
    at the bound and has an open end.

    Args:
        run: from ``harness.load``.
        target: a share (0 to 1) at which a line is drawn; None for no line.
        ax: to draw on; by default a new figure.

    Returns:
        The axes.

    Raises:
        UsageError: no condition has a cycle.
    """
    shown = [
        condition
        for condition in run.summary["conditions"]
        if condition["reliability"]["estimate"] is not None
    ]
    if not shown:
        raise UsageError(f"{run.folder}: no condition has a reliability; run it with more cycles")
    known = [
        condition["reliability"][end]
        for condition in shown
        for end in ("estimate", "lower", "upper")
    ]
    scale = style.scale([*known, target])
    ax = style.axes(ax, 1.4 + 0.34 * len(shown))
    policies = list(dict.fromkeys(condition["policy"] for condition in shown))
    for row, condition in enumerate(shown):
        look = style.series(policies.index(condition["policy"]))
        interval(ax, scale, row, condition["reliability"], look)
        beside(ax, row, _counted(condition))
    style.failures_on(ax, ax.xaxis, scale)
    rows(ax, [condition["name"] for condition in shown])
    for order, policy in enumerate(policies):
        look = style.series(order)
        ax.plot([], [], color=look.colour, marker=look.marker, linewidth=2.2, label=policy)
    if target is not None:
        label = f"target {100 * target:.10g}%"
        ax.axvline(1 - target, color="black", linestyle=":", linewidth=1.3, label=label)
    legend(ax)
    return ax


def interval(
    ax: Axes,
    scale: style.Scale,
    row: float,
    share: Mapping[str, Any],
    look: style.Series,
    *,
    filled: bool = True,
) -> None:
    """Draw one interval in a row; one that reaches 100% gets an open end, a hollow arrowhead."""
    worst, best = scale.at(share["lower"]), scale.at(share["upper"])
    line = "-" if filled else (0, (3, 1.5))
    ax.plot([worst, best], [row, row], color=look.colour, linewidth=2.2, linestyle=line)
    if share["upper"] is None or best <= scale.best:
        ax.plot(worst, row, "|", color=look.colour, markersize=9, markeredgewidth=2)
        ax.plot(scale.best, row, ">", color=look.colour, markerfacecolor="white", markersize=7)
    estimate = share["estimate"]
    if estimate is not None and scale.at(estimate) > scale.best:
        fill = look.colour if filled else "white"
        ax.plot(
            scale.at(estimate), row, look.marker, color=look.colour, markerfacecolor=fill,
            markersize=7,
        )  # fmt: skip


def beside(ax: Axes, row: float, text: str) -> None:
    """Write ``text`` to the right of a row."""
    ax.annotate(
        text, (1.01, row), xycoords=ax.get_yaxis_transform(), va="center", fontsize=8.5,
        color=style.QUIET, annotation_clip=False,
    )  # fmt: skip


def rows(ax: Axes, names: list[str]) -> None:
    """Name the rows, the first on top."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)


def legend(ax: Axes, columns: int = 4) -> None:
    """Put the legend above the axes, where it covers nothing."""
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, frameon=False, fontsize=9
    )


def _counted(condition: Mapping[str, Any]) -> str:
    if condition.get("strata"):
        return "estimated from strata"
    good = sum(condition["outcomes"].get(outcome, 0) for outcome in _GOOD)
    return f"{condition['cycles'] - good:,} of {condition['cycles']:,} failed"
