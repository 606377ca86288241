"""How to divide cycles among strata: where they lessen the error of the estimate most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.strata import Stratum, check_counts
from harness.statistics.struck import Floats, at_heights, struck_at_most

Booleans = NDArray[np.bool_]


def weights_between(
    p: ArrayLike, lowest: float, highest: float, most: int, settings: int = 61
) -> Floats:
    """Give how often each number of slots is struck, averaged over a range of rates.

    For an experiment that is to serve all rates of the range alike: the rates are spaced evenly
    by their logarithm.

    Args:
        p: the rate of each of S slots, strictly between 0 and 1; their odds' proportions are kept.
        lowest: the highest rate of a slot at the lower end of the range.
        highest: and at the upper end.
        most: the largest number of struck slots.
        settings: how many rates to average over.

    Returns:
        Shape (most+1,): the mean of P(K = k) for k from 0 to most.
    """
    heights = np.geomspace(lowest, highest, settings)
    mean: Floats = struck_at_most(at_heights(p, heights), most)[:-1].mean(axis=1)
    return mean


def allocate(
    strata_weights: ArrayLike, pilot: Sequence[Stratum], total: int, floor: int = 30
) -> NDArray[np.int64]:
    """Divide cycles among strata so that the estimate varies least.

    Neyman's allocation: in proportion to weight times standard deviation. The deviation comes from
    the pilot with half a failure and half a success added, so that a stratum which has not failed
    yet counts as one that may. It lessens the error of the estimate; the upper bound of `strata`
    goes by the largest weight per cycle as well, so where hardly anything fails a high floor, or
    cycles in proportion to weight, give the better bound. Source: J. Neyman, "On the two different
    aspects of the representative method", Journal of the Royal Statistical Society 97 (1934)
    558-625.

    The number of cycles then depends on the pilot, so keep the pilot's cycles out of the strata
    that are estimated from: pooling them would bias the estimate.

    Args:
        strata_weights: P(K = k) of each stratum at the rates of interest, 0 or more.
        pilot: what is known so far, one for each weight; a pilot of no cycles is allowed.
        total: how many cycles to divide.
        floor: the fewest that any stratum gets, unless it is exact: then it gets none.

    Returns:
        Shape (strata,), whole numbers that sum to the total.

    Raises:
        ValueError: when weights and pilot do not match, a weight is negative or no number, all
            strata are exact, or the total does not suffice for the floor.
    """
    weights = np.asarray(strata_weights, np.float64)
    if weights.shape != (len(pilot),) or not np.all((weights >= 0) & (weights < np.inf)):
        raise ValueError("strata_weights must hold a number of 0 or more for each pilot stratum")
    open_ = np.array([not stratum.exact for stratum in pilot], np.bool_)
    if floor < 0 or not open_.any() or total < floor * open_.sum():
        raise ValueError(
            f"total must be at least floor, {floor}, for each of the {open_.sum()} strata "
            f"that are not exact (one or more), not {total}"
        )
    for stratum in pilot:
        check_counts(stratum)
    chance = np.array([(s.failures + 0.5) / (s.cycles + 1) for s in pilot])
    wish = np.where(open_, weights * np.sqrt(chance * (1 - chance)), 0.0)
    return _rounded(_in_proportion(wish, open_, total, floor), open_, total)


def _in_proportion(wish: Floats, open_: Booleans, total: int, floor: int) -> Floats:
    """Divide a total in proportion to what is wished, with a floor for all that are open."""
    shares, free = np.zeros(len(wish)), open_.copy()
    while free.any():
        left, wished = total - shares[~free].sum(), wish[free].sum()
        shares[free] = left * (wish[free] / wished if wished > 0 else 1 / free.sum())
        short = free & (shares < floor)
        if not short.any():
            break
        shares[short] = floor
        free &= ~short
    return shares


def _rounded(shares: Floats, open_: Booleans, total: int) -> NDArray[np.int64]:
    """Round shares down, and give what is left to the largest remainders, ties to the first."""
    whole = np.floor(shares + 1e-9).astype(np.int64)
    order = np.argsort(np.where(open_, whole - shares, np.inf), kind="stable")
    whole[order[: int(total - whole.sum())]] += 1
    return whole
