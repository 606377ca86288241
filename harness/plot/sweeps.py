"""Reliability over what was swept, and up to where the target holds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation, Transform

from harness.analysis.drawn.labels import apart
from harness.analysis.loading import Run
from harness.analysis.swept import Curve, ends, measured, words
from harness.errors import UsageError
from harness.plot import style

_HEIGHT_IN = 5.2
_NAME_WIDTH = 30  # characters of a label's line


def curve(
    run: Run,
    name: str | Sequence[str] | None = None,
    frontier: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw reliability over the swept setting, a line for each series.

    A point at which no cycle failed stands at the open end, hollow, its interval reaching down to
    the bound. A dashed line is what independent failures of cleanup and restore would give, a band
    what a stratified condition estimates of the same. Of the frontier, an upright line is drawn up
    to where the target holds (solid), and one from where it breaks (dotted).

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
    ax = style.axes(ax, _HEIGHT_IN)
    scale = _scale(shown, bands)
    for band in bands.values():
        _band(ax, scale, band)
    for order, curve in enumerate(shown):
        look = style.series(order)
        moved = _moved(ax, order, len(shown))
        _measured(ax, scale, curve, look, moved)
        if frontier:
            _frontier(ax, scale, curve, look, moved)
    targets = sorted({curve["frontier"]["target"] for curve in shown if curve.get("frontier")})
    for target in targets:
        ax.axhline(1 - target, color="black", linestyle=":", linewidth=1.3)
    _along(ax, shown, [point["rate"] for band in bands.values() for point in band])
    style.failures_on(ax, ax.yaxis, scale)
    _labels(ax, scale, shown, frontier=frontier)
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
    names = list(dict.fromkeys(curve["name"] for curve in curves))
    for asked in wanted:
        if asked not in names:
            raise UsageError(f"{run.folder}: no sweep is named {asked!r}; there are {names}")
    chosen = [curve for curve in curves if curve["name"] in wanted]
    keys = sorted({curve["key"] for curve in chosen})
    if len(keys) > 1:
        raise UsageError(f"{run.folder}: {wanted} sweep over {' and '.join(keys)}; draw them apart")
    return chosen


def _scale(shown: Sequence[Curve], bands: Mapping[str, Any]) -> style.Scale:
    keys = ("reliability", "lower", "upper", "predicted")
    known = [point.get(name) for curve in shown for point in curve["points"] for name in keys]
    known += [curve["frontier"]["target"] for curve in shown if curve.get("frontier")]
    # far below what was measured a band only falls on: not all of that is of interest
    known += [
        1 - max(point[key], 1e-5)
        for band in bands.values()
        for point in band
        for key in ("estimate", "upper")
    ]
    return style.scale(known)


def _moved(ax: Axes, order: int, series: int) -> Transform:
    """Return where series number ``order`` stands: aside, so that none hides another."""
    shift_pt = min(4.0, 24 / series) * (order - (series - 1) / 2)
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes that draw belong to a figure"  # noqa: S101 - for the type
    return ax.transData + ScaledTranslation(shift_pt / 72, 0, figure.dpi_scale_trans)


def _measured(
    ax: Axes, scale: style.Scale, curve: Curve, look: style.Series, moved: Transform
) -> None:
    points = curve["points"]
    xs = [point["x"] for point in points]
    ys = [scale.at(point["reliability"]) for point in points]
    ax.plot(xs, ys, color=look.colour, linestyle=look.line, linewidth=1.8, transform=moved)
    for x, y, point in zip(xs, ys, points, strict=True):
        ends = [scale.at(point["lower"]), scale.at(point["upper"])]
        ax.plot([x, x], ends, color=look.colour, linewidth=1.2, alpha=0.75, transform=moved)
        fill = look.colour if y > scale.best else "white"
        ax.plot(
            x, y, look.marker, color=look.colour, markerfacecolor=fill, markersize=7,
            transform=moved,
        )  # fmt: skip
    known = [point for point in points if point.get("predicted") is not None]
    ax.plot(
        [point["x"] for point in known],
        [scale.at(point["predicted"]) for point in known],
        color=look.colour, linestyle=(0, (2, 2)), linewidth=1.3, marker="_", markersize=8,
        transform=moved,
    )  # fmt: skip


def _band(ax: Axes, scale: style.Scale, band: Sequence[Mapping[str, float]]) -> None:
    xs = [point["rate"] for point in band]
    # far beyond the axis, which cuts it off: nothing runs along its edge as if measured there
    lows, mids, highs = (
        [max(scale.best / 1e3, point[key]) for point in band]
        for key in ("lower", "estimate", "upper")
    )
    ax.fill_between(xs, lows, highs, color="#999999", alpha=0.3, linewidth=0)
    ax.plot(xs, mids, color="#777777", linewidth=1.2)


def _frontier(
    ax: Axes, scale: style.Scale, curve: Curve, look: style.Series, moved: Transform
) -> None:
    """Draw an upright line, up to the target, where it holds and one where it breaks."""
    lines = {"holds": "-", "breaks": ":"}
    for end in ends(curve):
        xs, ys = [end.at] * 2, [scale.worst * 1.12, 1 - curve["frontier"]["target"]]
        ax.plot(
            xs, ys, color=look.colour, linestyle=lines[end.kind], linewidth=1.6, transform=moved
        )


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


def _labels(ax: Axes, scale: style.Scale, shown: Sequence[Curve], *, frontier: bool) -> None:
    """Name each line to the right of its last point, with its frontier in words."""
    texts = [_label(curve, shown, frontier=frontier) for curve in shown]
    last = [curve["points"][-1] for curve in shown]
    wanted = [scale.height(scale.at(point["reliability"])) for point in last]
    lines = max(text.count("\n") + 1 for text in texts)
    places = apart(wanted, 0.04 * lines + 0.015)
    for order, (point, text, place) in enumerate(zip(last, texts, places, strict=True)):
        look = style.series(order)
        ax.annotate(
            text, (point["x"], scale.at(point["reliability"])), xytext=(1.04, place),
            xycoords=_moved(ax, order, len(shown)), textcoords=ax.transAxes,
            color=look.colour, fontsize=8.5, va="center", annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": look.colour, "linewidth": 0.8, "shrinkB": 5,
                "relpos": (0, 0.5),
            },
        )  # fmt: skip


def _label(curve: Curve, shown: Sequence[Curve], *, frontier: bool) -> str:
    said = [words(value, " + ") for value in (curve.get("series") or {}).values()]
    if len({other["name"] for other in shown}) > 1 or not said:
        said = [curve["name"], *said]
    text = textwrap.fill(", ".join(said), _NAME_WIDTH)
    known = ", ".join(end.said for end in ends(curve))
    return f"{text}\n{known}" if known and frontier else text


def _legend(
    ax: Axes, shown: Sequence[Curve], targets: Sequence[float], *, banded: bool, frontier: bool
) -> None:
    """Explain the kinds of lines in black; which series is which stands beside the lines."""

    def line(label: str, style: Any, **more: Any) -> Line2D:
        return Line2D([], [], color="black", linestyle=style, label=label, **more)

    handles: list[Line2D | Patch] = [line("measured, with interval", "-", marker="o")]
    handles.append(line("no cycle failed", "none", marker="o", markerfacecolor="white"))
    if any(point.get("predicted") is not None for curve in shown for point in curve["points"]):
        handles.append(line("if failures were independent", (0, (2, 2)), marker="_"))
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
