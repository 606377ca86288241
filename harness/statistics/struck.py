"""Which slots are struck: how many, and which of them given how many.

Every slot is struck independently of the others, slot j with its own rate p_j. The number of
struck slots, K, then has the Poisson-binomial distribution; given K = k, a set of k slots has a
probability proportional to the product of its odds p_j / (1 - p_j). Only the *proportions* of the
odds matter for the second: multiplying all odds by one number moves K and leaves the distribution
within a given K alone. That is what `strata` rests on.

Sources: S. X. Chen, J. S. Liu, "Statistical applications of the Poisson-binomial and conditional
Bernoulli distributions", Statistica Sinica 7 (1997) 875-892, for both distributions and for drawing
one slot after the other (their procedure 3); R. E. Barlow, K. D. Heidtmann, "Computing
k-out-of-n system reliability", IEEE Transactions on Reliability R-33 (1984) 322-323, for adding
one slot at a time.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_SETS = 5_000_000  # more sets than this are to be drawn, not listed


class WeightedSets(NamedTuple):
    """Every set of k slots, and its probability given that exactly k are struck."""

    sets: Integers  # shape (sets, k): slot numbers from 0, ascending, in order of combinations
    weights: Floats  # shape (sets,): sums to 1


def poisson_binomial(p: ArrayLike) -> Floats:
    """Give the distribution of the number of struck slots.

    One slot is added at a time, by products and sums of numbers that are not negative: nothing
    cancels, so every probability is right to a relative error of about 4 S times 2^-53, the
    smallest as well as the largest (unless it is below 1e-300). It takes S^2 steps.

    Args:
        p: the rate of each of S slots, shares from 0 to 1, shape (S,); S may be 0.

    Returns:
        Shape (S+1,): the probability that exactly 0, 1, ..., S slots are struck.

    Raises:
        ValueError: when p is not one-dimensional or holds anything but shares from 0 to 1.
    """
    rates = check_rates(p)
    return struck_at_most(rates[None, :], len(rates))[:-1, 0]


def struck_at_most(rates: Floats, most: int) -> Floats:
    """Give the distribution of the number of struck slots up to some number, for many settings.

    Args:
        rates: checked rates, shape (settings, S).
        most: the largest number that is told apart.

    Returns:
        Shape (most+2, settings): the probability of 0, 1, ..., most struck slots, then of more.
    """
    settings, slots = rates.shape
    pmf = np.zeros((most + 2, settings))
    pmf[0] = 1.0
    struck, spared = np.ascontiguousarray(rates.T), np.ascontiguousarray(1 - rates.T)
    for slot in range(slots):
        reached = min(slot + 1, most + 1)  # the last row, of more than most, keeps what it has
        one_more = pmf[:reached] * struck[slot]
        pmf[:reached] *= spared[slot]
        pmf[1 : reached + 1] += one_more
    return pmf


def conditional_weights(p: ArrayLike, k: int) -> WeightedSets:
    """List every set of k slots with its probability, given that exactly k slots are struck.

    Args:
        p: the rate of each of S slots, shares from 0 to 1, shape (S,).
        k: how many slots are struck.

    Returns:
        All C(S, k) sets in the order of `itertools.combinations`. For equal rates the weights are
        equal; a set that leaves out a slot of rate 1 or holds one of rate 0 has weight 0.

    Raises:
        ValueError: for rates that are none, a k that these rates cannot give, or more than
            `MOST_SETS` sets.
    """
    rates = check_rates(p)
    _check_possible(rates, k)
    count = math.comb(len(rates), k)
    if count > MOST_SETS:
        raise ValueError(f"k = {k} of {len(rates)} slots gives {count} sets: draw them instead")
    sets = np.fromiter(
        itertools.chain.from_iterable(itertools.combinations(range(len(rates)), k)),
        np.int64,
        count * k,
    ).reshape(count, k)
    possible = (rates[sets] == 1).sum(axis=1) == np.count_nonzero(rates == 1)
    possible &= (rates[sets] > 0).all(axis=1)
    free = (rates > 0) & (rates < 1)
    log_odds = np.zeros(len(rates))
    log_odds[free] = _log_odds(rates[free])
    log_weights = np.where(possible, log_odds[sets].sum(axis=1), -np.inf)
    weights = np.exp(log_weights - log_weights.max())
    return WeightedSets(sets, weights / weights.sum())


class Sets:
    """Draws sets of k slots exactly as they occur given that exactly k slots are struck.

    What does not depend on the drawing is computed once.

    The slots are decided one after the other: slot j is struck with the probability that it is,
    given how many are still to come. The odds are first scaled so that k slots are struck on
    average, which changes nothing (see above) and keeps small rates from underflowing.
    """

    def __init__(self, p: ArrayLike, k: int) -> None:
        """Take the rates, shares from 0 to 1, shape (S,), and how many slots are struck.

        Raises:
            ValueError: for rates that are none, or a k that these rates cannot give.
        """
        rates = check_rates(p)
        _check_possible(rates, k)
        rates = _scaled(rates, k)
        # to_come[j, c]: the probability that c of the slots from j on are struck
        to_come = np.zeros((len(rates) + 1, k + 1))
        to_come[-1, 0] = 1.0
        for slot in range(len(rates) - 1, -1, -1):
            to_come[slot] = to_come[slot + 1] * (1 - rates[slot])
            to_come[slot, 1:] += to_come[slot + 1, :-1] * rates[slot]
        self._rates, self._to_come, self._k = rates, to_come, k

    def draw(self, count: int, generator: np.random.Generator) -> Integers:
        """Draw sets, each independent of the others (so with repetitions).

        Args:
            count: how many.
            generator: what to draw with; S random numbers are used for each set.

        Returns:
            Shape (count, k): slot numbers from 0, ascending within a set.

        Raises:
            ValueError: for a negative count.
        """
        if count < 0:
            raise ValueError(f"count must be 0 or more, not {count}")
        rates, to_come = self._rates, self._to_come
        struck = np.zeros((count, len(rates)), np.bool_)
        wanted = np.full(count, self._k)
        for slot, rate in enumerate(rates):
            strike = np.where(wanted > 0, rate * to_come[slot + 1, wanted - 1], 0.0)
            struck[:, slot] = generator.random(count) * to_come[slot, wanted] < strike
            wanted -= struck[:, slot]
        return np.nonzero(struck)[1].astype(np.int64).reshape(count, self._k)


def at_heights(p: ArrayLike, heights: ArrayLike) -> Floats:
    """Give the settings whose odds are in the proportions of some rates, one for each height.

    Args:
        p: the rate of each of S slots, strictly between 0 and 1, shape (S,), S at least 1.
        heights: what the highest rate of each setting is to be, strictly between 0 and 1, shape
            (settings,).

    Returns:
        Shape (settings, S): what `strata.curve` takes.

    Raises:
        ValueError: for rates or heights that are not strictly between 0 and 1.
    """
    rates, highest = check_rates(p), check_rates(heights, "heights")
    inside = [np.all((shares > 0) & (shares < 1)) for shares in (rates, highest)]
    if not len(rates) or not all(inside):
        raise ValueError("p and heights must hold shares strictly between 0 and 1")
    if np.all(rates == rates[0]):
        return np.repeat(highest[:, None], len(rates), axis=1)
    log_odds = _log_odds(rates)
    shifted = _log_odds(highest)[:, None] + (log_odds - log_odds.max())[None, :]
    settings: Floats = 1 / (1 + np.exp(-shifted))
    return settings


def most_struck(p: ArrayLike, beyond: float = 1e-4) -> int:
    """Give the smallest number of struck slots that more are struck than with less than `beyond`.

    Args:
        p: the rate of each of S slots, shape (S,).
        beyond: a probability above 0.

    Returns:
        From 0 to S.
    """
    above = np.cumsum(poisson_binomial(p)[::-1])[::-1]  # above[k]: k or more are struck
    return int(np.count_nonzero(above[1:] >= beyond))


def same_proportions(rates: Floats, drawn_at: Floats) -> bool:
    """Say whether all settings share, within each K, the distribution over sets of one setting.

    They do exactly when all odds are those of `drawn_at` times one number (which may differ from
    setting to setting, and may be 0 or infinite), and slots of rate 0 or 1 keep it.

    Args:
        rates: checked rates, shape (settings, S).
        drawn_at: checked rates, shape (S,).
    """
    free = (drawn_at > 0) & (drawn_at < 1)
    if not np.all(rates[:, ~free] == drawn_at[~free]):
        return False
    if not free.any():
        return True
    mine = rates[:, free]
    ends = (mine == mine[:, :1]).all(axis=1) & ((mine[:, 0] == 0) | (mine[:, 0] == 1))
    inside = mine[~ends]
    if not np.all((inside > 0) & (inside < 1)):
        return False
    shift = _log_odds(inside) - _log_odds(drawn_at[free])
    return bool(np.all(np.ptp(shift, axis=1) <= 1e-9))


def check_rates(p: ArrayLike, name: str = "p") -> Floats:
    """Refuse, with a ValueError, what are no rates of slots, shape (S,)."""
    rates = np.asarray(p, np.float64)
    if rates.ndim != 1:
        raise ValueError(f"{name} must hold one rate a slot in one dimension, not {rates.ndim}")
    if not np.all((rates >= 0) & (rates <= 1)):
        raise ValueError(f"{name} must hold shares from 0 to 1, one rate for each slot")
    return rates


def _check_possible(rates: Floats, k: int) -> None:
    """Refuse, with a ValueError, a number of struck slots that these rates never give."""
    fewest, most = np.count_nonzero(rates == 1), np.count_nonzero(rates)
    if not fewest <= k <= most:
        raise ValueError(f"k must be from {fewest} to {most} with these rates, not {k}")


def _log_odds(rates: Floats) -> Floats:
    """Give the logarithm of the odds of rates strictly between 0 and 1."""
    return np.asarray(np.log(rates) - np.log1p(-rates))


def _scaled(rates: Floats, k: int) -> Floats:
    """Scale all odds by one number so that k slots are struck on average."""
    free = (rates > 0) & (rates < 1)
    wanted = k - np.count_nonzero(rates == 1)
    scaled = rates.copy()
    if wanted in (0, np.count_nonzero(free)):
        scaled[free] = wanted > 0
        return scaled
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import
    from scipy.special import expit  # noqa: PLC0415 - slow to import

    log_odds = _log_odds(rates[free])
    reach = float(np.abs(log_odds).max()) + math.log(len(log_odds)) + 1
    shift = brentq(lambda s: expit(log_odds + s).sum() - wanted, -reach, reach, rtol=1e-3)
    scaled[free] = expit(log_odds + shift)
    return scaled
