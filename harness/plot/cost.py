"""How long a step takes over the size of the database: a line for each recovery."""

from __future__ import annotations

from matplotlib.axes import Axes

from harness.analysis.drawn.costs import costs, sized
from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import style
from harness.plot.edge import Ending, names
from harness.statistics.digits import milliseconds


def cost(run: Run, step: str = "restore", ax: Axes | None = None) -> Axes:
    """Draw how long one step took over the size of the database, both axes logarithmic.

    A line is the median of all cycles at a size, shaded the middle 90% of them.

    Args:
        run: from ``harness.load``.
        step: one of backup, create, cleanup, verify, restore, dispose, truth, cycle.
        ax: to draw on; by default a new figure.

    Returns:
        The axes.

    Raises:
        UsageError: no size was swept, or the step took place at none.
    """
    lines = costs(run.summary, step)
    if not lines:
        raise UsageError(
            f"{run.folder}: no step {step!r} was timed over sizes; "
            'give a condition each = { "workload.size_bytes" = [...] } and run it again'
        )
    ax = style.axes(ax, 4.6)
    ax.set(xscale="log", yscale="log", xlabel="size of the database")
    endings = []
    for order, one in enumerate(lines):
        look = style.series(order)
        xs = [at.size_bytes for at in one.points]
        ax.fill_between(xs, [at.low_ms for at in one.points], [at.high_ms for at in one.points],
                        color=look.colour, alpha=0.17, linewidth=0)  # fmt: skip
        ax.plot(xs, [at.median_ms for at in one.points], color=look.colour, linestyle=look.line,
                marker=look.marker, markersize=7, linewidth=1.8)  # fmt: skip
        last = one.points[-1]
        text = f"{one.name}\n{milliseconds(last.median_ms)}"
        endings.append(Ending(last.size_bytes, last.median_ms, text, look.colour))
    sizes = sorted({at.size_bytes for one in lines for at in one.points})
    ax.set_xticks(sizes, [sized(size) for size in sizes])
    ax.set_xticks([], minor=True)
    ax.yaxis.set_major_formatter(lambda ms, _: f"{ms:,.10g} ms")
    ax.set_yticks([], minor=True)
    ax.set_ylabel(f"{step}, wall clock (logarithmic)")
    style.tidy(ax, "y")
    names(ax, endings)
    return ax
