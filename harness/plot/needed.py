"""How many cycles a claim takes, and how far the claims of a run came."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from harness.analysis.drawn.needed import needed as found
from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import style
from harness.plot.edge import Ending, names
from harness.plot.forest import legend
from harness.statistics.digits import sure

_MARKS = {"supported": ("o", "#0f7a43"), "refuted": ("x", "#b3261e"), "undecided": ("D", "#8a5a00")}
_OTHER = ("*", style.QUIET)


def needed(run: Run, ax: Axes | None = None) -> Axes:
    """Draw the cycle at which a claim is supported, by claim, for some numbers of failures.

    Marks are the claims of the run: at the cycle at which each was decided, or as far as it came.

    Args:
        run: from ``harness.load``.
        ax: to draw on; by default a new figure.

    Returns:
        The axes.

    Raises:
        UsageError: the run claims no share below 100%.
    """
    shown = found(run.summary)
    if not shown.claims:
        raise UsageError(
            f"{run.folder}: no share below 100% is claimed; "
            'give a condition claims = ["reliability >= 0.999"] and run it again'
        )
    ax = style.axes(ax, 4.6)
    allowed = [share for share, _ in shown.boundaries[0].points]
    ax.set(xscale="log", yscale="log", xlabel="claimed reliability")
    ax.set_xlim(max(allowed) * 1.3, min(allowed) / 1.3)
    endings = []
    for order, line in enumerate(shown.boundaries):
        look = style.series(order)
        ax.plot([share for share, _ in line.points], [cycles for _, cycles in line.points],
                color=look.colour, linestyle=look.line, linewidth=1.6)  # fmt: skip
        share, cycles = line.points[-1]
        said = f"{line.failures or 'none'} failed: {cycles:,}"
        endings.append(Ending(share, cycles, said, look.colour))
    for verdict in dict.fromkeys(one.verdict for one in shown.claims):
        marker, colour = _MARKS.get(verdict, _OTHER)
        ours = [one for one in shown.claims if one.verdict == verdict]
        ax.plot([one.allowed for one in ours], [one.cycles for one in ours], marker, color=colour,
                markerfacecolor="none", markeredgewidth=1.6, label=verdict)  # fmt: skip
    powers = range(math.ceil(math.log10(min(allowed)) - 1e-9), 0)
    inside = [10.0**power for power in powers if 10.0**power <= max(allowed) * 1.01]
    ax.set_xticks(inside, [f"{100 - 100 * share:.10g}%" for share in inside])
    ax.set_xticks([], minor=True)
    ax.set_ylabel(f"cycles, at {sure(shown.confidence)} confidence")
    ax.yaxis.set_major_formatter(lambda cycles, _: f"{cycles:,.0f}")
    ax.set_yticks([], minor=True)
    style.tidy(ax, "both")
    names(ax, endings)
    legend(ax)
    return ax
