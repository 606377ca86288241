"""The axis of what was swept: logarithmic where that suits, even or by name where it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from harness.reports.figures.scale import (
    LinearScale,
    LogScale,
    PlainScale,
    Tick,
    fitting,
    width_px,
)
from harness.statistics.digits import number

_ZERO, _AFTER_ZERO = 0.03, 0.16  # the place of 0 on a logarithmic axis, and where that begins
_FIRST, _LAST = 0.04, 0.96


class Across(NamedTuple):
    """From a setting to its place, 0 to 1, and the ticks."""

    at: Callable[[Any], float]
    ticks: list[Tick]


def across(values: Sequence[Any], length_px: float) -> Across:
    """Return the axis of ``values``: numbers, with a place for 0, or names."""
    numbers = [
        value for value in values if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    if len(numbers) < len(values):
        return _named(values, length_px)
    above = [float(value) for value in numbers if value > 0]
    if min(numbers) < 0 or not above or max(above) < 8 * min(above):
        return _even(float(min(numbers)), float(max(numbers)), length_px)
    return _by_decades(above, min(numbers) == 0, length_px)


def _named(values: Sequence[Any], length_px: float) -> Across:
    plain = PlainScale(values)
    room = int(length_px / len(plain.values) / width_px("x")) or 1
    named = [Tick(plain.at(value), short(value, room)) for value in plain.values]
    return Across(plain.at, fitting(named, length_px))


def _even(low: float, high: float, length_px: float) -> Across:
    even = LinearScale(low, high)

    def at(x: Any) -> float:
        return _FIRST + (_LAST - _FIRST) * even.at(float(x))

    return Across(at, fitting([Tick(at(tick), number(tick, 6)) for tick in even.ticks()],
                              length_px))  # fmt: skip


def _by_decades(above: Sequence[float], has_zero: bool, length_px: float) -> Across:
    start = _AFTER_ZERO if has_zero else _FIRST
    log = LogScale(min(above), max(above))

    def at(x: Any) -> float:
        return _ZERO if float(x) <= 0 else start + (_LAST - start) * log.at(float(x))

    zero = [Tick(_ZERO, "0")] if has_zero else []
    ticks = [Tick(at(tick), number(tick, 6)) for tick in log.ticks()]
    return Across(at, fitting([*zero, *ticks], length_px))


def short(text: str, letters: int) -> str:
    """Return ``text`` in so many letters at most, its end told by three dots."""
    return text if len(text) <= letters else text[: max(1, letters - 1)] + "…"
