"""Whether one run fails more often than another: failure probabilities of two independent runs.

Failures are rare, often none at all on one side, and there no approximation keeps its promise. So
the limits are found by inverting an exact test over both probabilities:

* Order all outcomes (i failures of n, j of m) by a statistic T that rises with i and falls with j.
  For the difference it is the lower MOVER limit with Clopper-Pearson ends, for the ratio the
  Clopper-Pearson limit of i among i + j, for the p-value the binomial tail of i among i + j. On
  their own they would not do (the first errs in up to 13% where 10% are allowed, the others hold
  for Poisson counts); here they say only which outcomes count as at least as far out as the one
  observed.
* The lower limit of a difference or ratio is the least one at which these outcomes have a
  probability above the error allowed, for whatever second probability (Buehler's limit, the best
  that follows T). The second probability needs to be tried only within its own Clopper-Pearson
  interval at an error of 1e-7, which is charged to the limit (Berger and Boos).
* It is tried in cells, not at points: as T is monotone, the first probability at its most and the
  second at its least bound every point of the cell from above. Nothing falls between grid points.
  Where the second count can take very many values, neighbours are taken together in the same way.

The upper limits are the lower ones with the runs exchanged. Each end errs with at most half of
1 - confidence, at any two probabilities. Difference, ratio and p-value have an order each, and on
the verge of significance one may say what the other does not; a verdict goes by the p-value.

Sources: R. J. Buehler, "Confidence intervals for the product of two binomial parameters", JASA 52
(1957) 482-493; R. L. Berger, D. D. Boos, "P values maximized over a confidence set for the nuisance
parameter", JASA 89 (1994) 1012-1016; G. Y. Zou, A. Donner, "Construction of confidence limits about
effect measures", Statistics in Medicine 27 (2008) 1693-1702, for MOVER; J. Przyborowski,
H. Wilenski, "Homogeneity of results in testing samples from Poisson series", Biometrika 31 (1940)
313-323, for i among i + j; R. D. Boschloo, "Raised conditional level of significance for the 2x2
table when testing the equality of two probabilities", Statistica Neerlandica 24 (1970) 1-35, for
such an order in an unconditional test.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.statistics.change import Change, Limits, change_of
from harness.statistics.intervals import check_confidence, clopper_pearson

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# Counts k of n and others of other_n: the higher, the more the first probability exceeds the other
_Order = Callable[[Integers, int, Integers, int], Floats]

_NUISANCE_ERROR = 1e-7  # that the second probability lies outside of where it is tried
_ORDER_ERROR = 0.025  # of the limits that order the outcomes: fixed, so that intervals nest
_CELLS = 256  # of the second probability: more are slower and narrow the interval by under 2%
_GROUPS = 256  # of the second count: likewise, where there are more counts than that
_FAR = 40.0  # the logarithm of a ratio that is as good as infinite
_SURE = 1e-12  # a probability not worth a sum; it counts as if it spoke against us


def compare_proportions(
    failures_before: int,
    cycles_before: int,
    failures_after: int,
    cycles_after: int,
    confidence: float = 0.95,
) -> Change:
    """Compare the failure probabilities of two independent runs.

    Args:
        failures_before: how many cycles of the first run failed.
        cycles_before: how many it had, a number fixed beforehand.
        failures_after: how many cycles of the second run failed.
        cycles_after: how many it had.
        confidence: the least probability, between 0 and 1, that an interval holds the truth.

    Returns:
        Shares of cycles, from 0 to 1. Without a failure before, no ratio is too high.

    Raises:
        ValueError: for counts that no run can give, or a confidence outside (0, 1).
    """
    _check_counts("before", failures_before, cycles_before)
    _check_counts("after", failures_after, cycles_after)
    check_confidence(confidence)
    error = (1 - confidence) / 2
    up = _limits(failures_after, cycles_after, failures_before, cycles_before, error)
    down = _limits(failures_before, cycles_before, failures_after, cycles_after, error)
    before = failures_before / cycles_before if cycles_before else math.nan
    after = failures_after / cycles_after if cycles_after else math.nan
    return change_of(before, after, up, down, confidence, "buehler")


def _limits(k: int, n: int, other_k: int, other_n: int, error: float) -> Limits:
    """Bound by how much the first probability exceeds the second, each limit at this error."""
    if not n or not other_n:
        return Limits(-1.0, 0.0, 1.0)
    _, least, most, _, _ = clopper_pearson(other_k, other_n, 1 - _NUISANCE_ERROR)
    edges = np.linspace(least, most, _CELLS + 1)
    as_far, as_many_times = (
        _chance_as_far(order, k, n, other_k, other_n, edges[:-1])
        for order in (_by_difference, _by_ratio)
    )
    allowed = error - _NUISANCE_ERROR

    # A cell in which no first probability exists speaks for nothing.
    def at_difference(delta: float) -> float:
        first = edges[1:] + delta
        return float(np.max(as_far(np.clip(first, 0, 1)) * (first >= 0)))

    def at_log_ratio(log_ratio: float) -> float:
        return float(np.max(as_many_times(np.minimum(edges[1:] * math.exp(log_ratio), 1))))

    difference = _crossing(at_difference, allowed, -1, 1, 1e-4 / max(n, other_n))
    if not k:
        return Limits(difference, 0.0, 1.0)
    narrow = np.linspace(least, most, 4 * _CELLS + 1)  # affordable, as it is looked at only once
    as_telling = _chance_as_far(_by_tail, k, n, other_k, other_n, narrow[:-1])
    log_ratio = _crossing(at_log_ratio, allowed, -_FAR, _FAR, 1e-4)
    return Limits(
        difference,
        0.0 if log_ratio <= -_FAR else math.exp(log_ratio),
        min(1.0, float(np.max(as_telling(narrow[1:]))) + _NUISANCE_ERROR),
    )


def _crossing(
    rising: Callable[[float], float], allowed: float, low: float, high: float, tolerance: float
) -> float:
    """Find where a rising function, which may jump, passes what is allowed: not beyond it."""
    if rising(low) > allowed:
        return low
    if rising(high) <= allowed:
        return high
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    root = brentq(lambda x: rising(x) - allowed, low, high, xtol=tolerance)
    return max(low, float(root) - 2 * tolerance)


def _chance_as_far(
    order: _Order, k: int, n: int, other_k: int, other_n: int, second: Floats
) -> Callable[[Floats], Floats]:
    """Prepare the chance of an outcome at least as far out as the one observed.

    Returns:
        A function of first probabilities, one for each of the second ones, of their shape.
    """
    from scipy.special import betainc, betaincc  # noqa: PLC0415 - slow to import

    def is_fewer(count: int) -> bool:
        return bool(betaincc(count, other_n - count + 1, second[0]) > _SURE)

    def is_most(count: int) -> bool:
        return bool(betainc(count + 1, other_n - count, second[-1]) <= _SURE)

    start = bisect_left(range(1, other_n + 1), True, key=is_fewer)
    stop = bisect_left(range(other_n), True, key=is_most)
    groups = min(_GROUPS, stop - start + 1)
    others = start + np.arange(groups + 1) * (stop - start + 1) // groups
    below = 1 - _at_least(others, other_n, second)
    weights = np.diff(below, axis=0)
    elsewhere = np.maximum(0, 1 - weights.sum(axis=0))
    # the fewest of a group are reached the soonest: that bounds the chance of it from above
    reach, group = np.unique(
        _reach(order, k, n, other_k, other_n, others[:-1]), return_inverse=True
    )

    def chance(first: Floats) -> Floats:
        sums = (weights * _at_least(reach, n, first)[group]).sum(axis=0)
        return np.asarray(sums + elsewhere)

    return chance


def _reach(order: _Order, k: int, n: int, other_k: int, other_n: int, others: Integers) -> Integers:
    """Find for each count of the second run the fewest of the first that are as far out.

    Returns:
        Counts that never fall, n + 1 where none is as far out.
    """
    observed = order(np.array([k]), n, np.array([other_k]), other_n)[0]
    observed -= 1e-10 * abs(observed) + 1e-300  # rounding must not leave out an equal outcome
    low, high = np.zeros(len(others), np.int64), np.full(len(others), n + 1, np.int64)
    while np.any(low < high):
        middle = np.minimum((low + high) // 2, n)
        far = order(middle, n, others, other_n) >= observed
        low, high = np.where(far, low, np.minimum(middle + 1, high)), np.where(far, middle, high)
    return np.maximum.accumulate(high)


def _by_difference(k: Integers, n: int, other_k: Integers, other_n: int) -> Floats:
    """Order outcomes by the lower MOVER limit of the difference with Clopper-Pearson ends.

    It rises with k: the share rises by 1/n, and its distance to its limit, which rises as well,
    by less. In the same way it falls with the other count.
    """
    from scipy.special import betainccinv, betaincinv  # noqa: PLC0415 - slow to import

    low = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, _ORDER_ERROR), 0.0)
    rest = other_n - other_k
    high = np.where(rest > 0, betainccinv(other_k + 1, np.maximum(rest, 1), _ORDER_ERROR), 1.0)
    share, other_share = k / n, other_k / other_n
    return np.asarray(share - other_share - np.hypot(share - low, high - other_share))


def _by_ratio(k: Integers, n: int, other_k: Integers, other_n: int) -> Floats:
    """Order outcomes by the lower Clopper-Pearson limit of the share of k in both counts."""
    from scipy.special import betaincinv  # noqa: PLC0415 - slow to import

    return np.where(k > 0, betaincinv(np.maximum(k, 1), other_k + 1.0, _ORDER_ERROR), 0.0)


def _by_tail(k: Integers, n: int, other_k: Integers, other_n: int) -> Floats:
    """Order outcomes by how seldom k or more of both counts fall to the first at equal rates."""
    from scipy.special import betainc  # noqa: PLC0415 - slow to import

    tail = betainc(np.maximum(k, 1), other_k + 1.0, n / (n + other_n))
    return -np.where(k > 0, tail, 1.0)


def _at_least(counts: Integers, n: int, probabilities: Floats) -> Floats:
    """Give the chance of each count of n (down) or more, at each probability of one (across)."""
    from scipy.special import betainc  # noqa: PLC0415 - slow to import

    k = np.clip(counts, 1, n)[:, None].astype(np.float64)
    tail = betainc(k, n - k + 1, probabilities[None])
    tail = np.where(counts[:, None] > n, 0.0, tail)
    return np.asarray(np.where(counts[:, None] <= 0, 1.0, tail))


def _check_counts(when: str, failures: int, cycles: int) -> None:
    """Refuse, with a ValueError, counts that no run can give."""
    if not 0 <= failures <= cycles:
        raise ValueError(
            f"failures_{when} must be from 0 to cycles_{when}, not {failures} of {cycles}"
        )
