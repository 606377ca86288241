"""The failure probability over the rate of the slots, and where on the way a target breaks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.design import Design
from harness.experiment.written.designs import StrataSetting
from harness.statistics.strata import Curve, Stratum, curve
from harness.statistics.struck import at_heights

TARGET = 0.999  # the reliability whose frontier is given
POINTS = 61  # of the curve


@dataclass(frozen=True, slots=True)
class Point:
    """The failure probability (0..1) at one rate."""

    rate: float  # of the kind with the highest; the odds of the others keep their proportions
    estimate: float
    lower: float
    upper: float
    untested: float


@dataclass(frozen=True, slots=True)
class Frontier:
    """Up to which rate the target is shown to hold, and from which it is shown to be broken."""

    target: float
    holds_to: float | None  # None: nowhere
    breaks_from: float | None
    confidence: float


@dataclass(frozen=True, slots=True)
class RateCurve:
    """The curve, and where it crosses the target."""

    points: list[Point]
    frontier: Frontier


def rate_curve(design: Design, strata: Sequence[Stratum], confidence: float) -> RateCurve:
    """Draw the curve over the rates of a design.

    Args:
        design: whose slots are struck.
        strata: what came of each.
        confidence: of the interval at each rate by itself.

    Returns:
        POINTS points, with equal ratios between their rates, and the frontier, between them too.
    """
    rates = _grid(design.setting)
    columns = _at(design, strata, rates, confidence)
    points = [Point(*map(float, values)) for values in zip(rates, *columns, strict=True)]
    return RateCurve(points, _frontier(design, strata, points, confidence))


def _at(
    design: Design, strata: Sequence[Stratum], rates: Sequence[float], confidence: float
) -> Curve:
    return curve(strata, at_heights(design.rates, rates), design.rates, confidence)


def _grid(setting: StrataSetting) -> list[float]:
    ends = setting.lowest_rate, setting.highest_rate
    inner = np.geomspace(*ends, POINTS)[1:-1]
    return [ends[0], *map(float, inner), ends[1]]


def _frontier(
    design: Design, strata: Sequence[Stratum], points: Sequence[Point], confidence: float
) -> Frontier:
    """Find up to where the target holds, and from where it is broken, between the points too."""
    most = 1 - TARGET
    rates = [point.rate for point in points]

    def holds(rate: float) -> bool:
        return bool(_at(design, strata, [rate], confidence).upper[0] <= most)

    def not_broken(rate: float) -> bool:
        return bool(_at(design, strata, [rate], confidence).lower[0] <= most)

    fails = [number for number, point in enumerate(points) if point.upper > most]
    open_ = [number for number, point in enumerate(points) if point.lower <= most]
    holds_to: float | None = rates[-1]
    if fails:
        first = fails[0]
        holds_to = None if first == 0 else _last(holds, rates[first - 1], rates[first])[0]
    breaks_from: float | None = rates[0]
    if open_:
        last = open_[-1]
        end = last == len(rates) - 1
        breaks_from = None if end else _last(not_broken, rates[last], rates[last + 1])[1]
    return Frontier(TARGET, holds_to, breaks_from, confidence)


def _last(true_at: Callable[[float], bool], low: float, high: float) -> tuple[float, float]:
    """Close in on where something true at ``low`` stops, by halving; (last true, first not)."""
    for _ in range(30):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if true_at(middle) else (low, middle)
    return low, high
