"""Reliability over what was swept: every series with its intervals, and where the target breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.analysis.swept import Curve, ends, measured, number, series_name
from harness.reports.figures.scale import (
    FailureScale,
    LinearScale,
    LogScale,
    PlainScale,
    Tick,
    fitting,
    width_px,
)
from harness.reports.figures.svg import Point, figure, key, label, line, mark, path, sample
from harness.reports.html_parts.markup import clean, fold, plain_table
from harness.statistics.digits import number as spelt
from harness.statistics.digits import percent, percent_interval

TITLE = "Reliability over what was swept"
ABOUT = (
    "Marks: measured, with their intervals, hollow where nothing failed. If independent: what "
    "would be measured if cleanup and restore failed independently. Upright lines: up to where the "
    "target is shown to hold (solid), and from where on to break (dashed); between the points this "
    "takes for granted that reliability never rises with what is swept."
)
WIDTH, HEIGHT = 310.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 298.0, 30.0, 222.0


class Axes(NamedTuple):
    """Where values stand in a figure."""

    x: Callable[[Any], float]
    y: FailureScale
    ticks: list[Tick]

    def place(self, x: Any, share: float) -> Point:
        """Return the point of a reliability at a setting."""
        return LEFT + self.x(x) * (RIGHT - LEFT), BOTTOM - self.y.at(share) * (BOTTOM - TOP)


def curves(summary: Mapping[str, Any]) -> str:
    """Return the figures of all sweeps with their tables, as HTML; "" where nothing was swept."""
    strata = {
        condition["name"]: condition["strata"]
        for condition in summary["conditions"]
        if condition.get("strata")
    }
    drawable = [curve for curve in summary.get("curves") or () if measured(curve)]
    count = Counter(curve["name"] for curve in drawable)
    sweeps: dict[str, list[Curve]] = {}
    for curve in drawable:  # those of one series each over the same axis belong side by side
        name = (
            curve["name"] if count[curve["name"]] > 1 else str(curve.get("label") or curve["name"])
        )
        sweeps.setdefault(name, []).append(curve)
    return "\n".join(
        _sweep(name if len(together) > 1 else together[0]["name"], together, strata)
        for name, together in sweeps.items()
    )


def _sweep(name: str, together: Sequence[Curve], strata: Mapping[str, Any]) -> str:
    panels = [_together(name, together)] if len(together) > 1 else []
    panels += [_alone(order, curve, strata) for order, curve in enumerate(together)]
    return f'<h3>{clean(name)}</h3><div class="multiples">{"".join(panels)}</div>' + fold(
        "The points as a table", _data(together)
    )


def _together(name: str, together: Sequence[Curve]) -> str:
    """All series in one figure; each has its own below, with everything else."""
    axes = _axes([point for curve in together for point in curve["points"]], (), together[0])
    body = _frame(axes, together[0]) + "".join(
        _measured(axes, curve, order, bars=len(together) <= 3)
        for order, curve in enumerate(together)
    )
    legend = "".join(
        f"<span>{key(order)}{clean(series(curve))}</span>" for order, curve in enumerate(together)
    )
    drawn = figure(f"{name}: all series", _summary(together[0]), WIDTH, HEIGHT, body)
    return (
        f'<figure class="card"><figcaption><strong>All series</strong></figcaption>{drawn}'
        f'<p class="legend">{legend}</p></figure>'
    )


def _alone(order: int, curve: Curve, strata: Mapping[str, Any]) -> str:
    band = strata.get(curve.get("stratified") or "")
    known = _band(band, curve["points"])
    axes = _axes(curve["points"], known, curve)
    body = _frame(axes, curve) + _strata(axes, known) + _frontier(axes, curve)
    body += _predicted(axes, curve, order) + _measured(axes, curve, order, bars=True, alone=True)
    frontier = curve.get("frontier") or {}
    drawn = figure(f"{curve['name']}: {series(curve)}", _summary(curve), WIDTH, HEIGHT, body)
    return (
        f'<figure class="card"><figcaption><strong>{clean(series(curve))}</strong>'
        f'</figcaption>{drawn}<p class="legend">{_legend(curve, bool(known), order)}</p>'
        f"<p>{clean(frontier.get('sentence') or '')}</p></figure>"
    )


def _legend(curve: Curve, banded: bool, order: int) -> str:
    said = [f"<span>{key(order, alone=True)}measured</span>"]
    if any(point.get("predicted") is not None for point in curve["points"]):
        said.append(f"<span>{sample(f'curve s{order % 6} expected')}if independent</span>")
    if banded:
        said.append(f"<span>{sample('area strata')}stratified</span>")
    frontier = curve.get("frontier") or {}
    if frontier.get("target") is not None:
        said.append(f"<span>{sample('target')}target {percent(frontier['target'])}</span>")
    return "".join(said)


def series(curve: Curve) -> str:
    """Name a series by what tells it from the others; by the sweep where nothing does."""
    return series_name(curve) or str(curve["name"])


def _summary(curve: Curve) -> str:
    return f"Reliability over {curve.get('label') or curve.get('key')}."


def _axes(points: Sequence[Mapping[str, Any]], band: Sequence[Any], curve: Curve) -> Axes:
    frontier = curve.get("frontier") or {}
    keys = ("reliability", "lower", "predicted")
    shares = [point.get(key) for point in points for key in keys]
    shares += [share for point in band for share in point[1:3]] + [frontier.get("target")]
    x, ticks = _across([point["x"] for point in points])
    return Axes(x, FailureScale(shares), ticks)


def _across(values: Sequence[Any]) -> tuple[Callable[[Any], float], list[Tick]]:
    """Return the x axis: logarithmic where that suits, with a place of its own for 0."""
    length = RIGHT - LEFT
    numbers = [
        value for value in values if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    if len(numbers) < len(values):
        plain = PlainScale(values)
        room = int(length / len(plain.values) / width_px("x")) or 1
        named = [Tick(plain.at(value), _short(value, room)) for value in plain.values]
        return plain.at, fitting(named, length)
    above = [float(number) for number in numbers if number > 0]
    if min(numbers) < 0 or not above or max(above) < 8 * min(above):
        even = LinearScale(float(min(numbers)), float(max(numbers)))
        return (lambda x: 0.04 + 0.92 * even.at(float(x))), fitting(
            [Tick(0.04 + 0.92 * even.at(tick), spelt(tick, 6)) for tick in even.ticks()], length
        )
    start = 0.16 if min(numbers) == 0 else 0.04
    log = LogScale(min(above), max(above))

    def at(x: Any) -> float:
        return 0.03 if float(x) <= 0 else start + (0.96 - start) * log.at(float(x))

    zero = [Tick(0.03, "0")] if min(numbers) == 0 else []
    return at, fitting([*zero, *(Tick(at(tick), spelt(tick, 6)) for tick in log.ticks())], length)


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: max(1, letters - 1)] + "…"


def _frame(axes: Axes, curve: Curve) -> str:
    drawn = ""
    for tick in axes.y.ticks():
        y = BOTTOM - tick.at * (BOTTOM - TOP)
        drawn += line((LEFT, y), (RIGHT, y), "grid")
        drawn += label((LEFT - 6, y + 4), tick.label, "end")
    for tick in axes.ticks:
        x = LEFT + tick.at * (RIGHT - LEFT)
        wide = width_px(tick.label) / 2
        drawn += line((x, BOTTOM), (x, BOTTOM + 4), "axis")
        if tick.label:
            drawn += label(
                (min(max(x, LEFT + wide - 6), WIDTH - wide - 1), BOTTOM + 17), tick.label
            )
    drawn += line((LEFT, BOTTOM), (RIGHT, BOTTOM), "axis")
    target = (curve.get("frontier") or {}).get("target")
    if target is not None:
        y = BOTTOM - axes.y.at(target) * (BOTTOM - TOP)
        drawn += line((LEFT, y), (RIGHT, y), "target")
    named = str(curve.get("label") or curve.get("key") or "")
    return drawn + label(((LEFT + RIGHT) / 2, HEIGHT - 10), _short(named, 36))


def _measured(axes: Axes, curve: Curve, order: int, bars: bool, alone: bool = False) -> str:
    points = measured(curve)
    kind = f"s{order % 6}"
    through = [axes.place(point["x"], point["reliability"]) for point in points]
    drawn = "".join(_bar(axes, point, kind) for point in points) if bars else ""
    drawn += path(through, f"curve thin {kind}{' alone' if alone else ''}")
    return drawn + "".join(
        mark(at, order, hollow=point["reliability"] >= 1)
        for at, point in zip(through, points, strict=True)
    )


def _bar(axes: Axes, point: Mapping[str, Any], kind: str) -> str:
    if point.get("lower") is None or point.get("upper") is None:
        return ""
    x, low = axes.place(point["x"], point["lower"])
    high = axes.place(point["x"], point["upper"])[1]
    drawn = line((x, low), (x, high), f"range {kind}") + line(
        (x - 4, low), (x + 4, low), f"range {kind}"
    )
    if point["upper"] >= 1:  # open towards no failure at all
        return drawn + path([(x - 4, high + 6), (x, high), (x + 4, high + 6)], f"range {kind}")
    return drawn + line((x - 4, high), (x + 4, high), f"range {kind}")


def _predicted(axes: Axes, curve: Curve, order: int) -> str:
    expected = [
        axes.place(point["x"], point["predicted"])
        for point in curve["points"]
        if point.get("predicted") is not None
    ]
    return path(expected, f"curve s{order % 6} expected")


def _band(
    strata: Mapping[str, Any] | None, points: Sequence[Mapping[str, Any]]
) -> list[tuple[float, float, float, float]]:
    """Return (rate, reliability, lower, upper) of the stratified curve where points are."""
    rates = [point["x"] for point in points if isinstance(point["x"], int | float)]
    if not strata or not rates:
        return []
    low = min((rate for rate in rates if rate > 0), default=0.0)
    return [
        (at["rate"], 1 - at["estimate"], 1 - at["upper"], 1 - at["lower"])
        for at in strata.get("curve") or ()
        if None not in (at["estimate"], at["lower"], at["upper"])
        and low * 0.999 <= at["rate"] <= max(rates) * 1.001
    ]


def _strata(axes: Axes, band: Sequence[tuple[float, float, float, float]]) -> str:
    if not band:
        return ""
    lower = [axes.place(rate, low) for rate, _, low, _ in band]
    upper = [axes.place(rate, high) for rate, _, _, high in band]
    middle = [axes.place(rate, share) for rate, share, _, _ in band]
    return path([*lower, *reversed(upper)], "area strata", closed=True) + path(
        middle, "strata-line"
    )


def _frontier(axes: Axes, curve: Curve) -> str:
    """Two upright lines with their words above the figure, each on a line of its own."""
    heights = {"holds": 10.0, "breaks": 23.0}
    return "".join(_upright(axes, *end, heights[end.kind]) for end in ends(curve))


def _upright(axes: Axes, kind: str, at: Any, said: str, y: float) -> str:
    x = LEFT + axes.x(at) * (RIGHT - LEFT)
    wide = width_px(said) / 2
    place = (min(max(x, wide), WIDTH - wide), y)
    return line((x, TOP - 3), (x, BOTTOM), kind) + label(place, said, f"middle note {kind}-note")


def _data(together: Sequence[Curve]) -> str:
    axis = str(together[0].get("label") or together[0].get("key"))
    headings = ("series", axis, "condition", "cycles", "failures", "reliability",
                "if independent")  # fmt: skip
    rows = [
        (
            series(curve),
            number(point["x"]),
            point.get("condition") or "-",
            f"{point.get('cycles') or 0:,}",
            f"{point.get('failures') or 0:,}",
            shares(point, "reliability", "lower", "upper"),
            shares(point, "predicted", "predicted_lower", "predicted_upper"),
        )
        for curve in together
        for point in curve["points"]
    ]
    return plain_table(headings, rows, stack=True)


def shares(share: Mapping[str, Any], middle: str, low: str, high: str) -> str:
    """Return ``99.9% [99.8%, 99.95%]``, or - where that is not known."""
    if share.get(middle) is None:
        return "-"
    if share.get(low) is None or share.get(high) is None:
        return percent(share[middle])
    return f"{percent(share[middle])} {percent_interval(share[low], share[high])}"
