"""From a figure to its place on an axis, and the ticks that fit beside it without touching."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

LETTER = 0.64  # of the font size: the mean width of a digit, on the safe side of common fonts
GAP = 6.0  # px at least between two labels
DECADES_MOST = 6  # an axis that shows more nines than this shows nothing else
_BEYOND = 0.2  # of a failure scale's length: the room behind its last decade


class Tick(NamedTuple):
    """One mark on an axis."""

    at: float  # 0 to 1 along it
    label: str


def width_px(text: str, size_px: float = 11.0) -> float:
    """Estimate how wide ``text`` is set in a font of ``size_px``."""
    return LETTER * size_px * len(text)


def fitting(ticks: Iterable[Tick], length_px: float, size_px: float = 11.0) -> list[Tick]:
    """Return ``ticks`` with the labels taken off those that would touch one before.

    The first and the last keep theirs; labels stand centred, at the two ends flush with the axis.
    """
    given = sorted(ticks)
    taken: list[tuple[float, float]] = []
    kept = {}
    for order in _ends_first(len(given)):
        tick = given[order]
        left, right = _span(tick, length_px, size_px)
        if tick.label and all(right + GAP <= low or left >= high + GAP for low, high in taken):
            taken.append((left, right))
            kept[order] = tick.label
    return [Tick(tick.at, kept.get(order, "")) for order, tick in enumerate(given)]


def _ends_first(number: int) -> list[int]:
    return [*dict.fromkeys([0, number - 1])][:number] + list(range(1, number - 1))


def _span(tick: Tick, length_px: float, size_px: float) -> tuple[float, float]:
    wide, centre = width_px(tick.label, size_px), tick.at * length_px
    left = min(max(centre - wide / 2, 0.0), max(0.0, length_px - wide))
    return left, left + wide


class FailureScale:
    """Reliability on the logarithm of the failure rate: every nine takes the same room.

    The axis begins at the nines that all of ``shares`` have (0 for 0%, 1 for 90%) and goes on for
    as many as the best of them has. Behind that a room is left for what is beyond: 100%, which no
    logarithm reaches, stands at its end, and whatever has more nines than the axis between.

    Args:
        shares: every reliability that is to be told apart, 0 to 1; None and what is no number
            are passed over.
    """

    def __init__(self, shares: Iterable[float | None]) -> None:
        depths = [nines(share) for share in shares if share is not None and math.isfinite(share)]
        finite = [depth for depth in depths if math.isfinite(depth)]
        self.last = min(DECADES_MOST, max(3, math.ceil(max(finite, default=3.0) - 1e-9)))
        self.first = max(0, min(math.floor(min(finite, default=0.0) + 1e-9), self.last - 2))

    def at(self, share: float) -> float:
        """Return the place of a reliability, 0 to 1 along the axis."""
        depth = nines(share)
        if depth > self.last:
            return 1 - _BEYOND * math.exp2(self.last - depth)
        return max(depth - self.first, 0.0) / (self.last - self.first) * (1 - _BEYOND)

    def ticks(self) -> list[Tick]:
        """Return a tick for each nine, and one for 100%."""
        depths = range(self.first, self.last + 1)
        return [
            *(Tick(self.at(1 - 10.0**-depth), _written(depth)) for depth in depths),
            Tick(1.0, "100%"),
        ]


def _written(depth: int) -> str:
    return f"{100 - 100 * 10.0**-depth:.{max(0, depth - 2)}f}%"


def nines(share: float) -> float:
    """Return how many nines a reliability has: 1 for 90%, 3 for 99.9%, inf for no failure."""
    failing = min(max(1 - share, 0.0), 1.0)
    return -math.log10(failing) if failing > 0 else math.inf


class LogScale:
    """Numbers above 0 on a logarithmic axis that reaches from ``low`` to ``high``."""

    def __init__(self, low: float, high: float) -> None:
        low, high = (end if end > 0 and math.isfinite(end) else 1.0 for end in (low, high))
        self.low, self.high = (low, high) if high > low * 1.0001 else (low / 2, high * 2)

    @classmethod
    def of(cls, values: Iterable[float | None]) -> LogScale:
        """Return the scale of all positive ``values``, rounded outwards to 1, 2 or 5."""
        known = [
            value for value in values if value is not None and math.isfinite(value) and value > 0
        ]
        if not known:
            return cls(1.0, 10.0)
        low = [number for number in _round_numbers(min(known)) if number <= min(known) * 1.0001]
        high = [number for number in _round_numbers(max(known)) if number >= max(known) / 1.0001]
        return cls(max(low), min(high))

    def at(self, value: float) -> float:
        """Return the place of ``value``, 0 to 1; what is outside stands at the nearer end."""
        if value <= 0:
            return 0.0
        along = math.log(value / self.low) / math.log(self.high / self.low)
        return min(max(along, 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Return the numbers that ticks belong to: powers of ten, with 2 and 5 where few."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        inside = [
            number * 10.0**power
            for power in range(first, last + 1)
            for number in (1, 2, 5)
            if self.low / 1.001 <= number * 10.0**power <= self.high * 1.001
        ]
        tens = [tick for tick in inside if abs(math.log10(tick) - round(math.log10(tick))) < 1e-9]
        return tens if len(tens) >= 4 else inside


def _round_numbers(value: float) -> list[float]:
    power = math.floor(math.log10(value))
    return [number * 10.0 ** (power + more) for more in (0, 1) for number in (1, 2, 5)]


class LinearScale:
    """Numbers on an even axis from ``low`` to ``high``."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high if high > low else low + 1

    def at(self, value: float) -> float:
        """Return the place of ``value``, 0 to 1; what is outside stands at the nearer end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def ticks(self, most: int = 5) -> list[float]:
        """Return up to ``most`` round numbers on the axis."""
        step = self._step(most)
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        return [(first + order) * step for order in range(count)]

    def _step(self, most: int) -> float:
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.9999)


class PlainScale:
    """Names, or numbers without an order worth a scale, at equal distances."""

    def __init__(self, values: Sequence[object]) -> None:
        self.values = list(dict.fromkeys(map(str, values)))

    def at(self, value: object) -> float:
        """Return the place of one of the values, 0 to 1."""
        return (self.values.index(str(value)) + 0.5) / len(self.values)
