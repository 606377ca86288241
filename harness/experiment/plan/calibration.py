"""Solve for the fault rate at which a condition succeeds as often as it is meant to.

A summary that states no fault rates can serve only as an operating point: the rate is an input
that real cycles find. Success is modelled as P = exp(-exp(a + b ln rate)): exact, with b = 1,
where each of many independent slots is fatal with a chance in proportion to the rate, and with a
greater b where retries make it steeper. Batch by batch, real cycles are run at the rate that fits
best so far, a little below and above it in turn, and a and b are fitted to all of them: maximum
likelihood, with a weak prior on b that keeps the first fits sane. No cycle weighs more than another
for how it ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import MeasurementError
from harness.statistics.digits import number, percent

Floats = NDArray[np.float64]
# Given a rate, the first cycle number and how many: returns how many of them succeeded.
Evaluate = Callable[[float, int, int], int]

_LOWEST, _STEP = 0.001, 3.0  # where the search begins, and its stride
_BATCHES = 12
_ASIDE = (0.85, 1.15)  # batches lie beside the rate sought, in turn: two points tell a slope
_LOG_SLOPE, _LOG_SLOPE_SPREAD = 0.25, 0.4  # the prior on ln b: b from 0.9 to 1.9, mostly


@dataclass(frozen=True, slots=True)
class Solution:
    """A rate found by calibration, with the cycles it was found from."""

    rate: float
    target: float
    cycles: int
    points: tuple[tuple[float, int, int], ...]  # (rate, cycles, successes) of every stage


def solve(target: float, evaluate: Evaluate, cycles: int, most: float = 1.0) -> Solution:
    """Find the rate (0 to ``most``) at which the share of successes is ``target``.

    Args:
        target: Share of cycles that are to succeed, between 0 and 1.
        evaluate: Runs real cycles at a rate.
        cycles: How many cycles may be spent, at least 100.
        most: Highest rate that may be tried.

    Raises:
        MeasurementError: No rate in range comes near the target.
    """
    points: list[tuple[float, int, int]] = []
    first = 0

    def measure(rate: float, count: int) -> None:
        nonlocal first
        points.append((rate, count, evaluate(rate, first, count)))
        first += count

    rate, share = min(_LOWEST, most), 1.0
    while True:  # stride up until more cycles fail than should
        measure(rate, max(10, cycles // 40))
        share = points[-1][2] / points[-1][1]
        if share < target or rate >= most:
            break
        rate = min(rate * _STEP, most)
    batch = max(10, (cycles - first) // _BATCHES)
    for turn in range(_BATCHES):
        measure(min(most, _solved(points, target, most) * _ASIDE[turn % 2]), batch)
    rate = _solved(points, target, most)
    _believe(points, rate, target)
    return Solution(rate, target, first, tuple(points))


def _solved(points: list[tuple[float, int, int]], target: float, most: float) -> float:
    """Fit the curve to every cycle and read the rate off it.

    Every cycle weighs alike: to let those weigh more whose share came out near the target would
    choose the shares by their luck, and what is solved for would be too low.
    """
    # scipy takes most of a second to import, and only a calibration needs it
    from scipy.optimize import minimize  # noqa: PLC0415

    rates, counts, wins = np.array(points, dtype=float).T
    centre = float(np.log(rates[-1]))  # a and b are then nearly independent
    aside = np.log(rates) - centre

    def loss(parameters: Floats) -> tuple[float, Floats]:
        a, b = parameters[0], np.exp(parameters[1])
        hazard = np.exp(np.clip(a + b * aside, -30, 5))
        lost = -np.expm1(-hazard)
        pull = (parameters[1] - _LOG_SLOPE) / _LOG_SLOPE_SPREAD
        value = 0.5 * pull**2 + (wins * hazard - (counts - wins) * np.log(lost)).sum()
        slopes = wins * hazard - (counts - wins) * hazard * np.exp(-hazard) / lost
        along = (slopes * aside).sum() * b + pull / _LOG_SLOPE_SPREAD
        return float(value), np.array([slopes.sum(), along])

    a, log_b = minimize(loss, np.array([-2.0, _LOG_SLOPE]), jac=True, method="BFGS").x
    sought = centre + (np.log(-np.log(target)) - a) / np.exp(log_b)
    return float(np.exp(np.clip(sought, np.log(1e-9), np.log(most))))


def _believe(points: list[tuple[float, int, int]], rate: float, target: float) -> None:
    """Refuse a solution that the cycles run near it contradict."""
    near = [(n, won) for tried, n, won in points if 0.75 * rate <= tried <= 1.34 * rate]
    trials = sum(n for n, _ in near)
    share = sum(won for _, won in near) / trials if trials else float("nan")
    leeway = 0.02 + 4 * (target * (1 - target) / max(trials, 1)) ** 0.5
    if not trials or abs(share - target) > leeway:
        raise MeasurementError(
            f"no fault rate makes {percent(target)} of the cycles succeed: near {number(rate, 4)}, "
            f"{percent(share)} did; choose another target, fault or lasting"
        )
