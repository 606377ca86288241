"""The odds ratio of restore failures, cleanup failed against succeeded, of one table or several.

Conditional on the margins, a table's cell `both` is noncentral hypergeometric, and over tables that
share one odds ratio the same distribution is convolved. For the sources see
`harness.statistics.dependence`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from harness.statistics.dependence import Ratio, Table, around
from harness.statistics.intervals import check_confidence

Floats = NDArray[np.float64]

_NEGLIGIBLE = 1e-60  # a probability, next to the greatest, that is left out of a distribution


def odds_ratio(table: Table, confidence: float = 0.95) -> Ratio:
    """Estimate the odds ratio of restore failures, cleanup failed against succeeded.

    1 is independence; above 1 the restore fails more where cleanup has failed.

    Args:
        table: its counts; share and untried change nothing.
        confidence: the least probability, between 0 and 1, that the interval holds the truth.

    Returns:
        The conditional maximum likelihood estimate and Cornfield's exact interval, half of the
        error on either end. 0 and infinity where a cell decides so; nan in 0 to infinity when a
        margin is empty.

    Raises:
        ValueError: for a confidence outside (0, 1).
    """
    check_confidence(confidence)
    return conditional(informative([table]), confidence)


def _support(table: Table) -> tuple[int, int]:
    """Give the least and greatest `both` that these margins allow."""
    most = min(table.cleanup_failed, table.restore_failed)
    return max(0, table.restore_failed - table.forced), most


def informative(tables: Sequence[Table]) -> list[Table]:
    """Leave out the strata whose margins allow one table only."""
    return [table for table in tables if _support(table)[0] < _support(table)[1]]


def fitted_cell(table: Table, psi: float) -> float:
    """Give the cell `both`, not rounded, at which the margins have just this odds ratio."""
    rows, restore = table.cleanup_failed, table.restore_failed
    linear = table.forced - restore + psi * (rows + restore)
    root = math.sqrt(max(0.0, linear**2 + 4 * (1 - psi) * psi * rows * restore))
    cell = 2 * psi * rows * restore / (linear + root) if linear > 0 else (root - linear) / 2
    return cell if linear > 0 else cell / (1 - psi)


def distribution(table: Table, log_psi: float) -> tuple[int, Floats]:
    """Give the probabilities of `both` at an odds ratio: the first value, and one for each.

    Built from quotients of neighbours, outward from the mode, and no further than Hoeffding's
    bound of such a sum of independent trials (10 square roots of their number: under 1e-80).
    """
    low, high = _support(table)
    centre = min(max(round(fitted_cell(table, math.exp(log_psi))), low), high)
    reach = 30 + round(10 * math.sqrt(high - low))
    low, high = max(low, centre - reach), min(high, centre + reach)
    x = np.arange(low, high, dtype=np.float64)
    up = (table.cleanup_failed - x) * (table.restore_failed - x)
    down = (x + 1) * (table.forced - table.restore_failed + x + 1)
    log_weights = np.concatenate([[0.0], np.cumsum(np.log(up) - np.log(down) + log_psi)])
    weights = np.exp(log_weights - log_weights.max())
    return _trimmed(low, weights)


def _trimmed(first: int, weights: Floats) -> tuple[int, Floats]:
    """Cut off both tails where they are negligible, and make the rest sum to 1."""
    kept = np.flatnonzero(weights > _NEGLIGIBLE * weights.max())
    weights = weights[kept[0] : kept[-1] + 1]
    return first + int(kept[0]), weights / weights.sum()


def _sum_of(one: tuple[int, Floats], other: tuple[int, Floats]) -> tuple[int, Floats]:
    """Give the distribution of the sum of two independent counts."""
    return _trimmed(one[0] + other[0], np.convolve(one[1], other[1]))


def total_both(strata: Sequence[Table]) -> tuple[int, int, int]:
    """Give the sum of `both` over the strata, and the least and greatest that it can be."""
    least, most = (sum(ends) for ends in zip(*map(_support, strata), strict=True))
    return sum(table.both for table in strata), least, most


def log_tilt(strata: Sequence[Table]) -> float:
    """Give the log odds ratio whose expected total is the observed one: the conditional estimate.

    At the ends, where that is infinite, the total aimed at is half a cycle inside.
    """
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    total, least, most = total_both(strata)
    alike = Counter(strata)
    aim = min(max(total, least + 0.5), most - 0.5)

    def excess(log_psi: float) -> float:
        cells = ((times, *distribution(table, log_psi)) for table, times in alike.items())
        return sum(n * (first + float(np.arange(len(p)) @ p)) for n, first, p in cells) - aim

    return float(brentq(excess, -60, 60, xtol=1e-13, rtol=1e-13))


def conditional(strata: Sequence[Table], confidence: float) -> Ratio:
    """Give the conditional estimate and exact interval of the odds ratio that strata share."""
    if not strata:
        return Ratio(math.nan, 0.0, math.inf, confidence, "conditional_exact")
    tilt = log_tilt(strata)
    total, least, most = total_both(strata)
    first, weights = reduce(_sum_of, (distribution(table, tilt) for table in strata))
    distance = first - total + np.arange(len(weights))
    error = (1 - confidence) / 2
    lower, upper, estimate = 0.0, math.inf, math.exp(tilt)
    if total > least:
        lower = math.exp(tilt + _where_tail(weights, distance, error))
    else:
        estimate = 0.0
    if total < most:
        upper = math.exp(tilt - _where_tail(weights[::-1], -distance[::-1], error))
    else:
        estimate = math.inf
    return around(estimate, lower, upper, confidence, "conditional_exact")


def _where_tail(weights: Floats, distance: NDArray[np.int64], error: float) -> float:
    """Find the tilt of a distribution at which the chance of a distance of 0 or more is `error`."""
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    tail = distance >= 0

    def excess(tilt: float) -> float:
        tilted = log_weights + tilt * distance
        inside = tilted[tail]
        # shifted to their own maximum, so that neither sum can underflow
        shift, outer = inside.max(), tilted.max()
        share = np.exp(inside - shift).sum() / np.exp(tilted - outer).sum()
        return float(math.log(share / error) + shift - outer)

    low, high = -1.0, 1.0
    while excess(low) > 0:
        low *= 2
    while excess(high) < 0:
        high *= 2
    return float(brentq(excess, low, high, xtol=1e-13, rtol=1e-13))
