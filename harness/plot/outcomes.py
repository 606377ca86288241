"""How the cycles ended: outcomes stacked over what was swept, or condition by condition."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from harness.analysis.drawn.colours import OUTCOMES, SAID
from harness.analysis.drawn.ends import Ended, Series, alone, heights, kinds, sweeps
from harness.analysis.loading import Run
from harness.analysis.swept import number, words
from harness.errors import UsageError
from harness.plot import style
from harness.plot.forest import beside, rows

_COLOURS = OUTCOMES["light"]
_THINNEST = 0.008  # of a bar: an outcome that came about at all is seen
_GAP = 1.0  # bars left out between two series


def outcomes(run: Run, name: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the share of each outcome, the best at the foot, over what was swept.

    Side by side stand the series of a sweep, each with its settings in order; without a sweep each
    condition is a bar of its own. No two conditions are pooled.

    Args:
        run: from ``harness.load``.
        name: of a sweep; by default the first figure that its sweeps make.
        ax: to draw on; by default a new figure.

    Returns:
        The axes.

    Raises:
        UsageError: no cycle ran, or no sweep has this name.
    """
    found = [sweep.series for sweep in sweeps(run.summary)]
    if name is not None:
        chosen = [[one for one in series if one.curve["name"] == name] for series in found]
        found = [series for series in chosen if series]
        if not found:
            raise UsageError(f"{run.folder}: no sweep is named {name!r}")
    if found:
        return _swept(style.axes(ax, 4.4), found[0])
    others = alone(run.summary)
    if not others:
        raise UsageError(f"{run.folder}: no cycle ran; run it with more cycles")
    return _listed(style.axes(ax, 1.5 + 0.3 * len(others)), others)


def _swept(ax: Axes, shown: Sequence[Series]) -> Axes:
    at, ticks = 0.0, []
    for series in shown:
        start = at
        for point in series.points:
            _bar(ax, at, point)
            ticks.append((at, number(point.x)))
            at += 1
        middle = (start + at - 1) / 2
        ax.annotate(_name(series), (middle, 1.02), ha="center", va="bottom", fontsize=9,
                    annotation_clip=False)  # fmt: skip
        at += _GAP
    ax.set_xticks([place for place, _ in ticks], [said for _, said in ticks],
                  rotation=90 if len(ticks) > 12 else 0)  # fmt: skip
    ax.set_xlim(-0.8, at - _GAP - 0.2)
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    ax.set_xlabel(str(shown[0].curve.get("label") or shown[0].curve.get("key") or ""))
    ax.set_ylabel("cycles")
    style.tidy(ax, "y")
    ax.tick_params(axis="x", length=0)
    _legend(ax, [point for series in shown for point in series.points], 1.1)
    return ax


def _name(series: Series) -> str:
    said = [words(value, "\n+ ") for value in (series.curve.get("series") or {}).values()]
    counts = sorted({point.cycles for point in series.points})
    each = f"{counts[0]:,} each" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return "\n".join([*(said or [str(series.curve["name"])]), each])


def _bar(ax: Axes, at: float, point: Ended) -> None:
    foot = 0.0
    for outcome, share in _shares(point):
        ax.bar(at, share, 0.8, foot, color=_COLOURS[outcome], edgecolor="white", linewidth=0.4)
        foot += share


def _shares(point: Ended) -> list[tuple[str, float]]:
    parts = point.parts()
    shares = heights([count for _, count in parts], 1.0, _THINNEST)
    return [(outcome, share) for (outcome, _), share in zip(parts, shares, strict=True)]


def _listed(ax: Axes, shown: Sequence[Ended]) -> Axes:
    for row, point in enumerate(shown):
        left = 0.0
        for outcome, share in _shares(point):
            ax.barh(row, share, 0.7, left, color=_COLOURS[outcome], edgecolor="white",
                    linewidth=0.4)  # fmt: skip
            left += share
        beside(ax, row, f"{point.cycles:,} cycles")
    rows(ax, [point.condition for point in shown])
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    _legend(ax, list(shown), 1.0)
    return ax


def _legend(ax: Axes, points: list[Ended], up: float) -> None:
    handles = [Patch(facecolor=_COLOURS[kind], label=SAID[kind]) for kind in kinds(points)]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, up), ncols=4, frameon=False,
              fontsize=8.5)  # fmt: skip
