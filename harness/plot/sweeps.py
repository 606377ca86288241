"""Failure rates over what was swept, and up to where the target holds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation, Transform

from harness.analysis.drawn.rates import Mark, cycles_each, drawn_rates, marks, runs, span
from harness.analysis.loading import Run
from harness.analysis.swept import Curve, ends, measured, words
from harness.errors import UsageError
from harness.plot import style
from harness.plot.edge import Ending, names

_HEIGHT_IN = 5.2
_NAME_WIDTH = 30  # characters of a label's line
_ARROW = 1.55  # how many times less an arrow leads to, on the logarithmic axis


def curve(
    run: Run,
    name: str | Sequence[str] | None = None,
    frontier: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw failure rates over the swept setting, a line with its shaded interval for each series.

    A point at which no cycle failed is a bound: a bar at the upper limit of its interval, with an
    arrow, and no line goes through it. A dashed line is what independent failures of cleanup and
    restore would give, a grey band what a stratified condition estimates of the same. Of the
    frontier, an upright line is drawn up to where the target holds (solid), and one from where it
    breaks (dotted). All sweeps of a run have the same axis of rates, and beside each name stands
    how many cycles its points have.

    Args:
        run: from ``harness.load``.
        name: of a sweep, or of several; by default all over the same setting as the first.
        frontier: whether to draw it.
        ax: to draw on; by default a new figure.

    Returns:
        The axes.

    Raises:
        UsageError: nothing was swept, no such sweep, or sweeps over different settings.
    """
    shown = _chosen(run, name)
    bands = {
        condition["name"]: condition["strata"]["curve"]
        for condition in run.summary["conditions"]
        if (condition.get("strata") or {}).get("curve")
        and any(condition["name"] == each.get("stratified") for each in shown)
    }
    low, high = span(drawn_rates(run.summary["curves"]))
    ax = style.axes(ax, _HEIGHT_IN)
    _along(ax, shown, [point["rate"] for band in bands.values() for point in band])
    style.rates_up(ax, low, high, "cycles that failed (logarithmic)")
    for band in bands.values():
        _strata(ax, low, band)
    endings = []
    for order, curve in enumerate(shown):
        look, moved = style.series(order), _moved(ax, order, len(shown))
        points = marks(curve)
        _series(ax, points, low, look, moved)
        _predicted(ax, curve, low, look, moved)
        if frontier:
            _frontier(ax, curve, look, moved)
        last = points[-1]
        at = last.high if last.rate is None else last.rate
        text = _label(curve, shown, frontier=frontier)
        endings.append(Ending(last.x, at, text, look.colour, moved))
    targets = sorted({curve["frontier"]["target"] for curve in shown if curve.get("frontier")})
    for target in targets:
        ax.axhline(1 - target, color="black", linestyle=":", linewidth=1.3)
    names(ax, endings)
    _legend(ax, shown, targets, banded=bool(bands), frontier=frontier)
    return ax


def _chosen(run: Run, name: str | Sequence[str] | None) -> list[Curve]:
    curves = [curve | {"points": measured(curve)} for curve in run.summary.get("curves") or ()]
    curves = [curve for curve in curves if curve["points"]]
    if not curves:
        raise UsageError(
            f"{run.folder}: nothing was swept over numbers; "
            'give a condition each = { "faults.*.rate" = [...] } and run it again'
        )
    if name is None:
        return [curve for curve in curves if curve["key"] == curves[0]["key"]]
    wanted = [name] if isinstance(name, str) else list(name)
    known = list(dict.fromkeys(curve["name"] for curve in curves))
    for asked in wanted:
        if asked not in known:
            raise UsageError(f"{run.folder}: no sweep is named {asked!r}; there are {known}")
    chosen = [curve for curve in curves if curve["name"] in wanted]
    keys = sorted({curve["key"] for curve in chosen})
    if len(keys) > 1:
        raise UsageError(f"{run.folder}: {wanted} sweep over {' and '.join(keys)}; draw them apart")
    return chosen


def _moved(ax: Axes, order: int, series: int) -> Transform:
    """Return where series number ``order`` stands: aside, so that none hides another."""
    shift_pt = min(4.0, 24 / series) * (order - (series - 1) / 2)
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes that draw belong to a figure"  # noqa: S101 - for the type
    return ax.transData + ScaledTranslation(shift_pt / 72, 0, figure.dpi_scale_trans)


def _series(
    ax: Axes, points: Sequence[Mark], low: float, look: style.Series, moved: Transform
) -> None:
    for stretch in runs(points):
        xs = [mark.x for mark in stretch]
        lows, highs = [max(low, mark.low) for mark in stretch], [mark.high for mark in stretch]
        if len(stretch) == 1:
            ax.plot(xs * 2, [*lows, *highs], color=look.colour, linewidth=1.2, transform=moved)
        ax.fill_between(
            xs, lows, highs, color=look.colour, alpha=0.17, linewidth=0, transform=moved
        )
        ax.plot(
            xs, [mark.rate or 0.0 for mark in stretch], color=look.colour, linestyle=look.line,
            linewidth=1.8, marker=look.marker, markersize=7, transform=moved,
        )  # fmt: skip
    for mark in points:
        if mark.rate is None:
            _bound(ax, mark, look, moved)
    if cycles_each(points) is None:  # equal ones are told once, beside the name
        for mark in points:
            at = mark.high if mark.rate is None else mark.rate
            ax.annotate(mark.counted, (mark.x, at), xytext=(0, 8), xycoords=moved,
                        textcoords="offset points", ha="center", fontsize=7)  # fmt: skip


def _bound(ax: Axes, mark: Mark, look: style.Series, moved: Transform) -> None:
    """Draw what a rate is at most: a bar, and an arrow to what is not known."""
    ax.plot(mark.x, mark.high, "_", color=look.colour, markersize=11, markeredgewidth=1.8,
            transform=moved)  # fmt: skip
    ax.annotate(
        "", (mark.x, mark.high / _ARROW), xytext=(mark.x, mark.high), xycoords=moved,
        textcoords=moved, annotation_clip=False,
        arrowprops={"arrowstyle": "->", "color": look.colour, "linewidth": 1.6, "shrinkA": 0,
                    "shrinkB": 0},
    )  # fmt: skip


def _predicted(ax: Axes, curve: Curve, low: float, look: style.Series, moved: Transform) -> None:
    known = [point for point in curve["points"] if point.get("predicted") is not None]
    known = [point for point in known if 1 - point["predicted"] >= low]
    if known:
        ax.plot(
            [point["x"] for point in known], [1 - point["predicted"] for point in known],
            color=look.colour, linestyle=(0, (1, 2)), linewidth=1.5, transform=moved,
        )  # fmt: skip


def _strata(ax: Axes, low: float, band: Sequence[Mapping[str, float]]) -> None:
    xs = [point["rate"] for point in band]
    # far beyond the axis, which cuts it off: nothing runs along its edge as if measured there
    lows, mids, highs = (
        [max(low / 1e3, point[key]) for point in band] for key in ("lower", "estimate", "upper")
    )
    ax.fill_between(xs, lows, highs, color="#999999", alpha=0.3, linewidth=0)
    ax.plot(xs, mids, color="#777777", linewidth=1.2)


def _frontier(ax: Axes, curve: Curve, look: style.Series, moved: Transform) -> None:
    """Draw an upright line, up to the target, where it holds and one where it breaks."""
    lines = {"holds": "-", "breaks": ":"}
    for end in ends(curve):
        ax.plot(
            [end.at] * 2, [ax.get_ylim()[0], 1 - curve["frontier"]["target"]], color=look.colour,
            linestyle=lines[end.kind], linewidth=1.6, transform=moved,
        )  # fmt: skip


def _along(ax: Axes, shown: Sequence[Curve], rates: Sequence[float]) -> None:
    """Scale x logarithmically where it spans much, and tick it where cycles were measured."""
    measured = sorted({point["x"] for curve in shown for point in curve["points"]})
    least, most = min([*measured, *rates]), max([*measured, *rates])
    ax.set_xlabel(shown[0]["label"])
    if least > 0 and most >= 8 * least:
        ax.set_xscale("log")
        ax.set_xlim(least / 1.25, most * 1.25)
        measured = _readable(measured, 1.5)
        if rates:
            tens = [10.0**power for power in range(-7, 1)]
            measured = _readable([*measured, *(at for at in tens if at < measured[0] / 2)], 1.0)
            measured = [at for at in measured if least <= at <= most]
    else:
        room = 0.06 * (most - least) or 1.0
        ax.set_xlim(least - room, most + room)
    if len(measured) <= 12:
        ax.set_xticks(sorted(measured), [f"{at:.3g}" for at in sorted(measured)])
        ax.set_xticks([], minor=True)


def _readable(values: Sequence[float], ratio: float) -> list[float]:
    """Return ascending values, without those too close to the one before to be labelled."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value >= kept[-1] * ratio:
            kept.append(value)
    return kept


def _label(curve: Curve, shown: Sequence[Curve], *, frontier: bool) -> str:
    said = [words(value, " + ") for value in (curve.get("series") or {}).values()]
    if len({other["name"] for other in shown}) > 1 or not said:
        said = [curve["name"], *said]
    lines = [textwrap.fill(", ".join(said), _NAME_WIDTH)]
    each = cycles_each(marks(curve))
    lines += [f"{each:,} cycles each"] if each else []
    known = ", ".join(end.said for end in ends(curve))
    return "\n".join([*lines, known] if known and frontier else lines)


def _legend(
    ax: Axes, shown: Sequence[Curve], targets: Sequence[float], *, banded: bool, frontier: bool
) -> None:
    """Explain the kinds of lines in black; which series is which stands beside the lines."""

    def line(label: str, style: Any, **more: Any) -> Line2D:
        return Line2D([], [], color="black", linestyle=style, label=label, **more)

    handles: list[Line2D | Patch] = [line("measured, shaded: interval", "-", marker="o")]
    if any(mark.rate is None for curve in shown for mark in marks(curve)):
        handles.append(line("none failed: at most this", "none", marker=r"$\downarrow$",
                            markersize=9))  # fmt: skip
    if any(point.get("predicted") is not None for curve in shown for point in curve["points"]):
        handles.append(line("if failures were independent", (0, (1, 2))))
    if banded:
        handles.append(Patch(facecolor="#999999", alpha=0.4, label="estimated from strata"))
    if targets:
        named = " and ".join(f"{100 * target:.10g}%" for target in targets)
        words = ": upright lines show where it holds (solid), breaks (dotted)" if frontier else ""
        handles.append(line(f"target {named}{words}", ":"))
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False,
        fontsize=8.5,
    )  # fmt: skip
