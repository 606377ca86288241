"""Whether one run is slower than another: a quantile of the timings of two runs.

The exact order-statistic intervals of the two quantiles, each at an error halved
(Bonferroni), hold both at once; their ends bound difference and ratio. Nothing is assumed of the
distribution, and nothing of how the two runs depend on each other.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.change import Change, Limits, change_of
from harness.statistics.intervals import check_confidence
from harness.statistics.timings import quantile_interval

Floats = NDArray[np.float64]


def compare_quantiles(
    before: ArrayLike, after: ArrayLike, q: float, confidence: float = 0.95
) -> Change:
    """Compare a quantile of the timings of two runs.

    Args:
        before: timings of the first run, one-dimensional, 0 or more, in any unit and order,
            independent of each other; a nan is a step that did not take place.
        after: those of the second run, in the same unit.
        q: which quantile, between 0 and 1 (0.95 for p95).
        confidence: the least probability, between 0 and 1, that an interval holds the truth.

    Returns:
        In the unit of the timings. A difference that so few timings cannot bound has infinite
        ends, a ratio 0 and inf: at 95% it takes 86 timings a side for p95 and 437 for p99.

    Raises:
        ValueError: for q or confidence outside (0, 1), or values that are no timings in one
            dimension.
    """
    if not 0 < q < 1:
        raise ValueError(f"q must lie between 0 and 1 (0.95 for p95), not {q}")
    check_confidence(confidence)
    first, second = _timings("before", before), _timings("after", after)
    # Half of the error on either quantile, which is a quarter on either end of it.
    ends = [quantile_interval(values, q, (1 + confidence) / 2) for values in (first, second)]
    (low_before, high_before), (low_after, high_after) = (
        (0.0 if math.isnan(low) else low, math.inf if math.isnan(high) else high)
        for low, high in ends
    )
    up = _quantile_limits(low_after, high_before, _quantile_p_value(second, first, q))
    down = _quantile_limits(low_before, high_after, _quantile_p_value(first, second, q))
    return change_of(
        _quantile(first, q), _quantile(second, q), up, down, confidence, "order_statistics"
    )


def _quantile_limits(low: float, other_high: float, p_value: float) -> Limits:
    """Bound by how much a quantile exceeds another from the ends of their intervals."""
    ratio = low / other_high if other_high else (math.inf if low else 0.0)
    return Limits(low - other_high, ratio, p_value)


def _quantile_p_value(ordered: Floats, other: Floats, q: float) -> float:
    """Give the least error at which the first quantile's interval lies above the other one's.

    The r-th value lies above its quantile with the chance of fewer than r at or below it, the s-th
    of the other below its own with that of s or more. Going up in s the one rises, the other falls.
    """
    from scipy.special import betainc, betaincc  # noqa: PLC0415 - slow to import

    def errors(s: int) -> tuple[float, float]:
        r = int(np.searchsorted(ordered, other[s - 1], side="right")) + 1
        falls = float(betainc(s, len(other) - s + 1, q))
        rises = float(betaincc(r, len(ordered) - r + 1, q)) if r <= len(ordered) else 1.0
        return rises, falls

    low, high = 1, len(other)
    while low < high:
        middle = (low + high) // 2
        rises, falls = errors(middle)
        low, high = (low, middle) if rises >= falls else (middle + 1, high)
    return min([1.0] + [2 * max(errors(s)) for s in (low - 1, low) if 1 <= s <= len(other)])


def _quantile(ordered: Floats, q: float) -> float:
    """Give the smallest value that such a share of all does not exceed; nan without values."""
    return (
        float(ordered[max(0, math.ceil(len(ordered) * q - 1e-9) - 1)]) if len(ordered) else math.nan
    )


def _timings(name: str, values: ArrayLike) -> Floats:
    """Check timings and sort them, without the nan among them."""
    flat = np.asarray(values, dtype=np.float64)
    if flat.ndim != 1:
        raise ValueError(f"{name} must be in one dimension, not in {flat.ndim}")
    flat = np.sort(flat[~np.isnan(flat)])
    if len(flat) and not (flat[0] >= 0 and flat[-1] < np.inf):
        raise ValueError(f"{name} must be timings of 0 or more, not {flat[0]} to {flat[-1]}")
    return flat
