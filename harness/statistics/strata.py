"""The failure probability at any fault rate, from cycles with a set number of faults.

The outcome of a cycle, given *which* slots are struck, has nothing to do with the rates at which
they are. So with K the number of struck slots

    P(failure; rates) = sum over k of P(K = k; rates) pi_k

where pi_k is the chance that a cycle with exactly k struck slots fails. The first factor is known
exactly (`struck.poisson_binomial`); only the pi_k are measured: by running every set of k slots
where there are few (k = 0, 1, 2), by drawing sets (`struck.Sets`) above. One experiment gives
the whole curve over rates, the rare end too: what has a probability of 1e-6 because two faults of
rate 1e-3 must meet takes a few cycles with two faults, and a million cycles without this.

**When this is exact.** The chance that a cycle fails, given the set of struck slots, must not
depend on the rates. That holds when (1) the slots are *all* opportunities for a fault that any
path can come to, the later attempts of a retry too, fixed before the cycle starts; (2) each is
struck independently of the others; (3) the set is drawn over all of them before the cycle starts,
and k counts the slots *drawn*, whether or not the path came to them; (4) nothing but the set draws
on the rates: no fault is added, lengthened or repeated by a rate while the cycle runs. A struck
slot that the path never comes to changes nothing, so paths that create and skip slots do no harm:
the outcome is still a function of the set. Listing only the slots of an undisturbed cycle, or
counting only the faults that fired, breaks it, and the curve is biased without any sign of it.

**What the proportions of the rates have to do with it.** pi_k averages over the sets of k slots,
and unequal rates favour some sets. Multiplying all *odds* by one number leaves that average alone;
any other change does not. Cycles drawn at one setting are therefore used at others only where the
odds are in the same proportions, and refused elsewhere: nothing is reweighted here, because a
self-normalised reweighting is biased and has no interval that keeps its promise.

**The interval.** Enumerated strata add no error. Sampled ones are a weighted sum S of binomial
counts with the mean T = sum of w_k pi_k, a failure of stratum k counting a_k = w_k / n_k. With a
the largest a_k, for t > 0, by the Poisson bound on the binomial moments and because
(1 - exp(-t a_k)) / a_k falls with a_k,

    E exp(-tS) <= exp(-sum of n_k pi_k (1 - exp(-t a_k))) <= exp(-(T/a) (1 - exp(-ta)))

and likewise above the mean. So S/a has tails no heavier than the Chernoff bound of a Poisson count
of mean T/a, and solving that bound for T gives an interval whose coverage is *guaranteed*, whatever
the weights and chances (H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis
based on the sum of observations", Annals of Mathematical Statistics 23 (1952) 493-507). Without a
failure it is the exact Poisson bound; with failures it is wider than an exact one would be (by a
fifth at one failure, two fifths at many), and wider still where the failures come from strata much
lighter than the heaviest: give a stratum that weighs much its share of the cycles. The gamma
interval of M. P. Fay, E. J. Feuer (Statistics in Medicine 16 (1997) 791-801) is narrower and not
used: with many failures in a light stratum and few in a heavy one its upper bound is too low up to
twice as often as promised (the tests show it). The interval is for numbers of cycles fixed
beforehand. Whatever was not tested at all is added to the upper bound whole.

The bound on the moments holds for any independent cycles, each with a chance and a weight of its
own; so a stratum whose sets were all run but do not always end alike has an interval too: each
cycle weighs as its set does, and the heaviest (`Stratum.heaviest`) takes the place of 1 / n_k.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from harness.statistics.intervals import check_confidence
from harness.statistics.struck import (
    Floats,
    check_rates,
    conditional_weights,
    same_proportions,
    struck_at_most,
)


class Stratum(NamedTuple):
    """What came of the cycles in which exactly k slots were struck."""

    k: int
    cycles: int  # sets drawn independently, or all C(S, k) sets when exact; with 0, untested
    failures: int
    exact: bool = False  # every set was run once, and the outcome of a set is always the same
    share: float | None = None  # by weight, where sets weigh unlike: see `enumerated`, `weighed`
    heaviest: float | None = None  # of a stratum by `weighed`: the largest weight of one cycle


class Estimate(NamedTuple):
    """A failure probability and the values that the cycles do not exclude; shares from 0 to 1."""

    estimate: float  # counts what is untested as no failure
    lower: float
    upper: float
    untested: float  # the probability of numbers of faults that no cycle had; within upper
    confidence: float
    method: str = "stratified_chernoff"


class Curve(NamedTuple):
    """Failure probabilities over settings of the rates, each of shape (settings,)."""

    estimate: Floats
    lower: Floats
    upper: Floats
    untested: Floats


def enumerated(p: ArrayLike, k: int, failed: ArrayLike) -> Stratum:
    """Make the stratum of cycles in which every set of k slots was struck once.

    Args:
        p: the rate of each of S slots, shape (S,); they weigh the sets.
        k: how many slots were struck.
        failed: shape (C(S, k),), in the order of `itertools.combinations(range(S), k)`: true (or
            1) where the cycle failed. Where a struck slot comes in variants of known shares: the
            share, from 0 to 1, of the set's variants that fail.

    Returns:
        An exact stratum for these rates, and others whose odds are in the same proportions; its
        failures are the sets that can fail.

    Raises:
        ValueError: for another number of outcomes, outcomes that are no shares, or rates that
            cannot give k.
    """
    weights = conditional_weights(p, k).weights
    outcomes = np.asarray(failed, np.float64)
    if outcomes.shape != weights.shape or not np.all((outcomes >= 0) & (outcomes <= 1)):
        raise ValueError(
            f"failed must hold true or false for each of the {len(weights)} sets, or shares"
        )
    share = min(1.0, math.fsum(weights * outcomes))
    return Stratum(k, len(outcomes), int(np.count_nonzero(outcomes)), exact=True, share=share)


def weighed(k: int, failed: ArrayLike, weights: ArrayLike) -> Stratum:
    """Make a sampled stratum of cycles that weigh unlike, each independent of the others.

    Args:
        k: how many slots were struck.
        failed: shape (cycles,): true where the cycle failed.
        weights: shape (cycles,): what share of the stratum each cycle stands for; they sum to 1.

    Returns:
        A stratum with an interval; its share is the weight of the cycles that failed.

    Raises:
        ValueError: for weights that do not fit the cycles, or do not sum to 1.
    """
    outcomes, shares = np.asarray(failed, np.bool_), np.asarray(weights, np.float64)
    if outcomes.shape != shares.shape or not np.all(shares >= 0):
        raise ValueError("weights must hold a number of 0 or more for each of the cycles")
    if abs(math.fsum(shares) - 1) > 1e-9:
        raise ValueError(f"weights must sum to 1, not {math.fsum(shares):g}")
    return Stratum(
        k,
        len(outcomes),
        int(outcomes.sum()),
        share=min(1.0, math.fsum(shares[outcomes])),
        heaviest=float(shares.max()),
    )


def estimate(
    strata: Sequence[Stratum], p: ArrayLike, drawn_at: ArrayLike, confidence: float = 0.95
) -> Estimate:
    """Give the failure probability at one setting of the rates.

    Args:
        strata: at most one for each k; a k without one is untested.
        p: the rates to give it for, one for each of S slots, shape (S,).
        drawn_at: the rates at which the sets were drawn or weighted, shape (S,); their odds must
            be in the proportions of those of p. Equal rates are, whatever their height.
        confidence: the probability, between 0 and 1, with which the interval is to hold the truth.

    Returns:
        The estimate within its bounds.

    Raises:
        ValueError: for strata drawn at other proportions of the odds, strata that no cycles can
            give, rates that are none, or a confidence outside (0, 1).
    """
    columns = curve(strata, check_rates(p)[None, :], drawn_at, confidence)
    middle, lower, upper, untested = (float(column[0]) for column in columns)
    return Estimate(middle, lower, upper, untested, confidence)


def curve(
    strata: Sequence[Stratum], rates: ArrayLike, drawn_at: ArrayLike, confidence: float = 0.95
) -> Curve:
    """Give the failure probability over many settings of the rates.

    The interval is for each setting by itself, not for all of them at once.

    Args:
        strata: at most one for each k; a k without one is untested.
        rates: the settings; shape (settings,) for one rate that all slots share, or
            (settings, S).
        drawn_at: the rates at which the sets were drawn or weighted, shape (S,); see `estimate`.
        confidence: between 0 and 1, of each interval.

    Returns:
        Four arrays of shape (settings,).

    Raises:
        ValueError: as `estimate` does.
    """
    check_confidence(confidence)
    sampled_at = check_rates(drawn_at, "drawn_at")
    settings = _settings(rates, len(sampled_at))
    if not same_proportions(settings, sampled_at):
        raise ValueError(
            "rates must have their odds in the same proportions as drawn_at: sets drawn at other "
            "proportions say nothing of these; draw cycles for them"
        )
    _check_strata(strata, sampled_at)
    tested = [stratum for stratum in strata if stratum.cycles]
    most = max((stratum.k for stratum in tested), default=0)
    probability = struck_at_most(settings, most)
    exact = np.zeros(len(settings))
    for stratum in (stratum for stratum in tested if stratum.exact):
        exact += probability[stratum.k] * _share(stratum)
    known = {stratum.k for stratum in tested}
    untested = probability[[k for k in range(most + 2) if k not in known]].sum(axis=0)
    sampled = [stratum for stratum in tested if not stratum.exact]
    middle, lower, upper = weighted_interval(
        *_counts(sampled),
        probability[[stratum.k for stratum in sampled]].T,
        confidence,
    )
    return Curve(
        np.minimum(exact + middle, 1.0),
        np.minimum(exact + lower, 1.0),
        np.minimum(exact + upper + untested, 1.0),
        np.minimum(untested, 1.0),
    )


def weighted_interval(
    failures: ArrayLike, cycles: ArrayLike, weights: ArrayLike, confidence: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Give the Chernoff interval for a weighted sum of chances of failure.

    With y = S/a (see the module), the bounds are T = a y exp(z) for the two roots z of
    exp(z) - 1 - z = log(1/error) / y, found by Newton's method from outside: the function is
    convex, so no iterate ever is inside the interval.

    Args:
        failures: x_k, on the last axis the strata.
        cycles: n_k, 1 or more, of a shape that broadcasts.
        weights: w_k, 0 or more, of a shape that broadcasts.
        confidence: between 0 and 1.

    Returns:
        (estimate, lower, upper), each of the broadcast shape without its last axis; the upper is
        never above the sum of the weights.
    """
    x, n, w = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (failures, cycles, weights)))
    each = w / n
    largest = each.max(axis=-1, initial=0.0)
    unit = np.where(largest > 0, largest, 1.0)
    count = (each / unit[..., None] * x).sum(axis=-1)
    log_error = -math.log((1 - confidence) / 2)
    some = np.where(count > 0, count, 1.0)
    excess = log_error / some
    start = np.sqrt(2 * excess) + excess
    low = some * np.exp(_newton(-start, excess))
    high = np.where(count > 0, some * np.exp(_newton(np.log1p(start), excess)), log_error)
    middle, whole = count * unit, w.sum(axis=-1)
    lower = np.where(count > 0, np.minimum(low * unit, middle), 0.0)
    upper = np.where(largest > 0, np.maximum(np.minimum(high * unit, whole), middle), 0.0)
    return middle, lower, upper


def _newton(z: Floats, excess: Floats) -> Floats:
    """Solve exp(z) - 1 - z = excess from a start that lies beyond the root."""
    for _ in range(12):
        z = z - (np.expm1(z) - z - excess) / np.expm1(z)
    return z


def _counts(sampled: Sequence[Stratum]) -> tuple[list[float], list[float]]:
    """Give failures and cycles of each, as if all its cycles weighed what its heaviest does."""
    equal = [
        (float(stratum.failures), float(stratum.cycles))
        if stratum.heaviest is None
        else (_share(stratum) / stratum.heaviest, 1 / stratum.heaviest)
        for stratum in sampled
    ]
    return [failures for failures, _ in equal], [cycles for _, cycles in equal]


def check_counts(stratum: Stratum) -> None:
    """Refuse, with a ValueError, counts that no cycles can give."""
    if not 0 <= stratum.failures <= stratum.cycles:
        raise ValueError(f"failures must be from 0 to cycles in every stratum, not {stratum}")


def _settings(rates: ArrayLike, slots: int) -> Floats:
    """Bring settings of the rates to the shape (settings, slots), or refuse them."""
    settings = np.asarray(rates, np.float64)
    if settings.ndim == 1:
        settings = np.repeat(settings[:, None], slots, axis=1)
    if settings.ndim != 2 or settings.shape[1] != slots:
        raise ValueError(f"rates must have a rate for each of the {slots} slots of drawn_at")
    if not np.all((settings >= 0) & (settings <= 1)):
        raise ValueError("rates must hold shares from 0 to 1")
    return settings


def _share(stratum: Stratum) -> float:
    """Give the chance that a cycle of an exact stratum fails."""
    return stratum.failures / stratum.cycles if stratum.share is None else stratum.share


def _check_strata(strata: Sequence[Stratum], drawn_at: Floats) -> None:
    """Refuse, with a ValueError, strata that cycles at these rates cannot give."""
    slots = len(drawn_at)
    if len({stratum.k for stratum in strata}) < len(strata):
        raise ValueError("strata must hold each k once: add up the cycles of equal k first")
    for stratum in strata:
        check_counts(stratum)
        if not 0 <= stratum.k <= slots:
            raise ValueError(f"strata must have k from 0 to the {slots} slots, not {stratum.k}")
        if stratum.exact:
            _check_exact(stratum, drawn_at)
        elif (stratum.share is None) != (stratum.heaviest is None):
            raise ValueError(
                f"strata that are not exact must have share and heaviest, or neither: {stratum}"
            )


def _check_exact(stratum: Stratum, drawn_at: Floats) -> None:
    """Refuse, with a ValueError, a stratum that cannot have run every set of its size."""
    sets = math.comb(len(drawn_at), stratum.k)
    if stratum.cycles != sets:
        raise ValueError(f"strata that are exact must have all {sets} sets as cycles: {stratum}")
    if stratum.share is None:
        if np.any(drawn_at != drawn_at[:1]) and 0 < stratum.failures < sets:
            raise ValueError(
                f"strata that are exact need a share where rates differ: use enumerated, {stratum}"
            )
    elif not 0 <= stratum.share <= 1:
        raise ValueError(f"strata must have a share from 0 to 1, unlike {stratum}")
