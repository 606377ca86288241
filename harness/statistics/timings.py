"""Quantiles of timings, and how well so many timings know them.

Nothing is assumed of the distribution: timings have long tails and several peaks, and every figure
given here is a timing that was really observed. A nan among the values is a step that did not take
place, and is left out.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.intervals import check_confidence

_COUNTED_US = 1 << 22  # four seconds: longer ones are few, and are sorted


class Counted:
    """Timings in order of size, kept as how often each one occurs: quick where many are alike.

    It is indexed as the sorted timings would be, in milliseconds, by one rank or an array of them.

    Args:
        values_us: timings in whole microseconds, one-dimensional, in any order; those below 0 are
            steps that did not take place, and are left out.
    """

    def __init__(self, values_us: NDArray[np.integer[Any]]) -> None:
        known, longer = values_us, values_us[:0]
        if known.min(initial=0) < 0:
            known = known[known >= 0]
        if known.max(initial=0) >= _COUNTED_US:
            short = known < _COUNTED_US
            known, longer = known[short], known[~short]
        counts = np.bincount(known)
        there = np.flatnonzero(counts)
        longer, times = np.unique(longer, return_counts=True)
        self._values_us = np.concatenate([there, longer])
        self._ends = np.cumsum(np.concatenate([counts[there], times]))

    def __len__(self) -> int:
        """Count the timings."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, ranks: Any) -> Any:
        """Return the timings of these ranks, from 0."""
        return self._values_us[np.searchsorted(self._ends, ranks, side="right")] / 1000


Ordered = NDArray[np.float64] | Counted


def quantiles(values_ms: ArrayLike) -> dict[str, float]:
    """Sum timings up: ``quantiles_of`` of timings in milliseconds, in one dimension and any order.

    Raises:
        ValueError: when the values are not numbers in one dimension.
    """
    return quantiles_of(in_order(values_ms))


def quantiles_of(ordered_ms: Ordered) -> dict[str, float]:
    """Sum up timings in milliseconds, in order of size.

    Returns:
        `p50`, `p95`, `p99` and `max` in milliseconds (the smallest timing that such a share of
        all timings does not exceed; nan when there are none) and `count`, how many there were.
    """
    count = len(ordered_ms)
    summary: dict[str, float] = {
        f"p{percent}": float(ordered_ms[-(-count * percent // 100) - 1]) if count else math.nan
        for percent in (50, 95, 99)
    }
    return summary | {"max": float(ordered_ms[count - 1]) if count else math.nan, "count": count}


def quantile_interval(values: ArrayLike, q: float, confidence: float = 0.95) -> tuple[float, float]:
    """Give the exact distribution-free interval for a quantile.

    The number of values at or below the true quantile is binomial, so two of the ordered values
    enclose it with at least the confidence asked for, whatever the distribution; the error is
    halved between the two ends. Source: H. A. David, H. N. Nagaraja, "Order Statistics", 3rd
    edition (2003), section 7.1.

    Args:
        values: one-dimensional, in any unit and order, independent of each other.
        q: which quantile, between 0 and 1 (0.95 for p95).
        confidence: the least probability that the interval holds the true quantile.

    Returns:
        (low, high) in the unit of the values. An end that so few values cannot bound is nan: at
        95% it takes 6 values for both ends of the median, 72 for the upper end of p95 and 368 for
        that of p99.

    Raises:
        ValueError: for q or confidence outside (0, 1), or values that are not numbers in one
            dimension.
    """
    if not 0 < q < 1:
        raise ValueError(f"q must lie between 0 and 1 (0.95 for p95), not {q}")
    check_confidence(confidence)
    ordered = in_order(values)
    from scipy.special import betainc, betaincc  # noqa: PLC0415 - slow to import

    count, error = len(ordered), (1 - confidence) / 2

    # The r-th smallest value lies above the quantile when fewer than r values are at or below it,
    # and below the quantile when r or more are.
    def may_be_above(rank: int) -> bool:
        return bool(betaincc(rank, count - rank + 1, q) > error)

    def is_high_enough(rank: int) -> bool:
        return bool(betainc(rank, count - rank + 1, q) <= error)

    low = bisect_left(range(count + 1), True, lo=1, key=may_be_above) - 1 if count else 0
    high = bisect_left(range(count + 1), True, lo=1, key=is_high_enough) if count else 1
    return (
        float(ordered[low - 1]) if low >= 1 else math.nan,
        float(ordered[high - 1]) if high <= count else math.nan,
    )


def in_order(values: ArrayLike) -> NDArray[np.float64]:
    """Sort values, without the nan among them; ValueError unless they are in one dimension."""
    flat = np.asarray(values, dtype=np.float64)
    if flat.ndim != 1:
        raise ValueError(f"values must be in one dimension, not in {flat.ndim}")
    known = flat[~np.isnan(flat)]
    known.sort()
    return known
