"""How long a step took: for each condition the whole distribution, never a mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.outcomes import TIMINGS
from harness.plot import style
from harness.plot.forest import beside, legend, rows
from harness.statistics.digits import milliseconds


def timings(
    run: Run,
    step: str = "restore",
    conditions: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how long one step took in each condition, by the wall clock, on a logarithmic axis.

    A strip runs from the fastest to the slowest cycle: thin for all, thicker for the middle 90%,
    thickest for the middle half, with a mark at the median.

    Args:
        run: from ``harness.load``.
        step: one of backup, create, cleanup, verify, restore, dispose, truth, cycle.
        conditions: names, in the order to draw; by default all in which the step took place.
        ax: to draw on; by default a new figure.

    Returns:
        The axes.

    Raises:
        UsageError: no such step or condition, or the step took place in none of them.
    """
    if step not in TIMINGS:
        raise UsageError(f"there is no step {step!r}; choose one of {', '.join(TIMINGS)}")
    known = {condition["name"]: condition for condition in run.summary["conditions"]}
    unknown = [name for name in conditions or () if name not in known]
    if unknown:
        raise UsageError(f"{run.folder}: no condition {unknown[0]!r}; there are {', '.join(known)}")
    spread = {
        name: of_step
        for name in (known if conditions is None else conditions)
        if (of_step := (known[name].get("distributions_ms") or {}).get(step))
    }
    if not spread:
        raise UsageError(f"{run.folder}: the step {step!r} took place in no cycle; choose another")
    ax = style.axes(ax, 1.4 + 0.34 * len(spread))
    for row, of_step in enumerate(spread.values()):
        _strip(ax, row, of_step)
    across(ax)
    legend(ax)
    rows(ax, list(spread))
    ax.set_xlabel(f"{step}, wall-clock ms (logarithmic)")
    return ax


def _strip(ax: Axes, row: int, found: Mapping[str, Any]) -> None:
    shares, values_ms = np.array(found["shares"]), np.array(found["values"])
    look = style.series(0)
    labels = ("all cycles", "the middle 90%", "the middle half")
    widths = ((0.0, 1.0, 1.2), (0.05, 0.95, 4.0), (0.25, 0.75, 9.0))
    for label, (low, high, width) in zip(labels, widths, strict=True):
        ends = [_at(shares, values_ms, low), _at(shares, values_ms, high)]
        ax.plot(
            ends, [row, row], color=look.colour, linewidth=width, solid_capstyle="butt",
            label=None if row else label,
        )  # fmt: skip
    ends = [values_ms[0], values_ms[-1]]
    ax.plot(ends, [row, row], "|", color=look.colour, markersize=7)
    median_ms = _at(shares, values_ms, 0.5)
    ax.plot(
        median_ms, row, "o", color="black", markerfacecolor="white", markersize=6,
        label=None if row else "median",
    )  # fmt: skip
    p99_ms = _at(shares, values_ms, 0.99)
    beside(ax, row, f"p50 {milliseconds(median_ms)}, p99 {milliseconds(p99_ms)}")


def _at(shares: np.ndarray, values_ms: np.ndarray, share: float) -> float:
    """Return the value at the smallest stored share that is not below ``share``."""
    return float(values_ms[np.searchsorted(shares, share - 1e-9)])


def across(ax: Axes) -> None:
    """Make x a logarithmic axis whose ticks are plain numbers, enough of them to read."""
    low, high = ax.get_xlim() if ax.get_xlim()[0] > 0 else ax.dataLim.intervalx
    low, high = max(ax.dataLim.minposx, low), max(high, ax.dataLim.minposx * 2)
    ax.set_xscale("log")
    ax.set_xlim(low / 1.15, high * 1.15)
    steps = (1.0,) if high / low > 300 else (1.0, 3.0) if high / low > 30 else (1.0, 2.0, 5.0)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [float(f"{step}e{power}") for power in powers for step in steps]
    ticks = [tick for tick in ticks if low / 1.15 <= tick <= high * 1.15]
    ax.set_xticks(ticks, [f"{tick:,.10g}" for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    style.tidy(ax, "x")
