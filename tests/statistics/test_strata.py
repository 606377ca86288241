from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.statistics.intervals import clopper_pearson
from harness.statistics.strata import (
    Stratum,
    curve,
    enumerated,
    estimate,
    weighed,
    weighted_interval,
)
from harness.statistics.struck import Sets, poisson_binomial

Floats = NDArray[np.float64]
Struck = NDArray[np.bool_]  # shape (cycles, slots)
System = Callable[[Struck], NDArray[np.bool_]]  # which cycles fail
Interval = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]

RATES = [1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5]
UNEQUAL = np.array([0.02, 0.3, 0.1, 0.05, 0.2, 0.15, 0.4, 0.01, 0.1])


def two_given(struck: Struck) -> NDArray[np.bool_]:
    """Fail when slots 1 and 4 are both struck."""
    return struck[:, 1] & struck[:, 4]


def three_or_more(struck: Struck) -> NDArray[np.bool_]:
    """Fail when any three slots are struck."""
    return np.asarray(struck.sum(axis=1) >= 3)


def three_attempts(struck: Struck) -> NDArray[np.bool_]:
    """Fail when all three attempts of an operation are struck.

    Attempts 2 and 3 take place only after a struck one, and their slots are there all the same.
    """
    whole = np.asarray(struck.reshape(len(struck), -1, 3).all(axis=2))
    return np.asarray(whole.any(axis=1))


SYSTEMS = [two_given, three_or_more, three_attempts]


def all_subsets(slots: int) -> Struck:
    """List all 2^S sets of struck slots."""
    return np.array(list(itertools.product([False, True], repeat=slots)))


def truth(system: System, p: Floats) -> float:
    """Add up the probabilities of all failing sets, one by one."""
    subsets = all_subsets(len(p))
    return math.fsum(np.where(subsets, p, 1 - p).prod(axis=1)[system(subsets)])


def failing(system: System, slots: int, sets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Run one cycle for each set."""
    struck = np.zeros((len(sets), slots), np.bool_)
    np.put_along_axis(struck, sets, True, axis=1)
    return system(struck)


def every_set(system: System, p: Floats, k: int) -> Stratum:
    """Run a cycle for each set of k slots."""
    sets = np.array(list(itertools.combinations(range(len(p)), k)), np.int64)
    return enumerated(p, k, failing(system, len(p), sets))


def sample(system: System, p: Floats, k: int, cycles: int, seed: int) -> Stratum:
    """Run cycles with drawn sets of k slots."""
    sets = Sets(p, k).draw(cycles, np.random.default_rng([seed, k]))
    return Stratum(k, cycles, int(failing(system, len(p), sets).sum()))


def scaled_odds(p: Floats, factor: float) -> Floats:
    """Multiply all odds by one number."""
    odds = p / (1 - p) * factor
    return np.asarray(odds / (1 + odds))


@pytest.mark.parametrize("system", SYSTEMS)
def test_enumerated_strata_are_the_polynomial(system: System) -> None:
    """With every set run, the curve is the sum over all 2^S sets, and its bounds are the curve."""
    strata = [every_set(system, np.full(9, 0.1), k) for k in range(10)]
    found = curve(strata, RATES, np.full(9, 0.1))
    expected = [truth(system, np.full(9, rate)) for rate in RATES]
    assert found.estimate == pytest.approx(expected, rel=1e-12)
    assert found.lower.tolist() == found.upper.tolist() == found.estimate.tolist()
    assert found.untested.tolist() == [0] * len(RATES)


@pytest.mark.parametrize("system", SYSTEMS)
def test_unequal_rates_are_carried_along_equal_scaling_of_the_odds(system: System) -> None:
    """Strata weighed at one setting give the exact sum wherever all odds have one factor."""
    strata = [every_set(system, UNEQUAL, k) for k in range(10)]
    for factor in (1e-3, 0.1, 1.0, 7.0):
        p = scaled_odds(UNEQUAL, factor)
        found = estimate(strata, p, UNEQUAL)
        assert found.estimate == pytest.approx(truth(system, p), rel=1e-9)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("unequal", [False, True])
def test_sampled_strata_hold_the_truth_over_the_whole_curve(system: System, unequal: bool) -> None:
    """Enumerated up to 2 and sampled above, the interval holds the exact sum at all rates."""
    p = np.resize(UNEQUAL, 12) if unequal else np.full(12, 0.1)
    strata = [every_set(system, p, k) for k in range(3)]
    strata += [sample(system, p, k, 400, seed=11) for k in range(3, 9)]
    factors = [1e-3, 0.01, 0.1, 1.0, 5.0]
    settings = [scaled_odds(p, f) for f in factors] if unequal else [np.full(12, r) for r in RATES]
    found = curve(strata, np.array(settings), p, confidence=0.99)
    exact = np.array([truth(system, s) for s in settings])
    assert (found.lower <= exact * (1 + 1e-12)).all()
    assert (exact <= found.upper * (1 + 1e-12)).all()
    assert found.estimate + found.untested == pytest.approx(exact, rel=0.25, abs=0.02)


def test_a_few_thousand_cycles_know_one_in_a_million() -> None:
    """A failure of 1e-6 among 40 slots of rate 1e-3 is known to 5 in 100 from 1821 cycles."""
    p = np.full(40, 1e-3)
    strata = [every_set(two_given, p, k) for k in range(3)]
    strata += [sample(two_given, p, k, 250, seed=2) for k in range(3, 7)]
    assert sum(stratum.cycles for stratum in strata) == 1821
    found = estimate(strata, p, p)
    assert found.lower <= 1e-6 <= found.upper
    assert found.estimate == pytest.approx(1e-6, rel=0.05)
    assert found.upper - found.lower < 0.4e-6


def outcomes(cycles: tuple[int, ...]) -> Floats:
    """List everything that so many cycles in each stratum can give."""
    return np.array(list(itertools.product(*(range(n + 1) for n in cycles))), np.float64)


def probabilities(counts: Floats, cycles: tuple[int, ...], chances: Floats) -> Floats:
    """Give the probability of each such outcome, from binomial coefficients."""
    found = np.ones(len(counts))
    for column, n, chance in zip(counts.T, cycles, chances, strict=True):
        ways = [math.comb(n, i) * chance**i * (1 - chance) ** (n - i) for i in range(n + 1)]
        found *= np.array(ways)[column.astype(int)]
    return found


def worst_coverage(interval: Interval) -> float:
    """Find the least coverage over weights and chances, each enumerated over all outcomes."""
    generator = np.random.default_rng(5)
    worst = 1.0
    for cycles in [(30,), (1, 1), (4, 25), (20, 20), (3, 8, 8), (1, 5, 12)]:
        counts = outcomes(cycles)
        for spread in (0, 0.5, 1, 3, 6):
            weights = 10.0 ** -(spread * np.arange(len(cycles)) / max(1, len(cycles) - 1))
            weights /= weights.sum()
            lower, upper = interval(counts, np.array(cycles, float), weights)
            for _ in range(60):
                chances = 10.0 ** generator.uniform(-3, 0, len(cycles))
                chances = 1 - chances if generator.random() < 0.3 else chances
                exact = float(weights @ chances)
                inside = (lower <= exact + 1e-15) & (exact <= upper + 1e-15)
                worst = min(worst, float(probabilities(counts, cycles, chances)[inside].sum()))
    return worst


def chernoff(counts: Floats, cycles: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Give the bounds under test."""
    _, lower, upper = weighted_interval(counts, cycles, weights)
    return lower, upper


def gamma(counts: Floats, cycles: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Give the planted gamma interval of Fay and Feuer."""
    from scipy.special import gammainccinv, gammaincinv  # noqa: PLC0415 - slow to import

    each = weights / cycles
    mean, variance = counts @ each, counts @ each**2
    some, spread = np.where(mean > 0, mean, 1), np.where(mean > 0, variance, 1)
    lower = np.where(mean > 0, gammaincinv(some**2 / spread, 0.025) * spread / some, 0)
    mean, variance = mean + each.max(), variance + each.max() ** 2
    return lower, gammainccinv(mean**2 / variance, 0.025) * variance / mean


def wald(counts: Floats, cycles: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Give the planted textbook interval: estimate and 1.96 standard errors."""
    shares = counts / cycles
    middle = shares @ weights
    error = 1.96 * np.sqrt((shares * (1 - shares) / cycles) @ weights**2)
    return middle - error, middle + error


def pooled(counts: Floats, cycles: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Give the planted Clopper-Pearson interval of all cycles thrown together."""
    total = int(cycles.sum())
    found = [clopper_pearson(int(k), total) for k in counts.sum(axis=1)]
    return np.array([f.lower for f in found]), np.array([f.upper for f in found])


def of_the_lightest(counts: Floats, cycles: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Give the planted interval without failures that takes the smallest a_k, not the largest."""
    lower, upper = chernoff(counts, cycles, weights)
    least = -math.log(0.025) * (weights / cycles).min()
    return lower, np.where(counts.sum(axis=1) == 0, least, upper)


def test_coverage_keeps_its_promise_and_planted_intervals_do_not() -> None:
    """Over all outcomes of up to three strata the interval holds the truth in 95 of 100."""
    assert worst_coverage(chernoff) >= 0.95
    for planted in (wald, pooled, of_the_lightest):
        assert worst_coverage(planted) < 0.9


def test_many_light_failures_beside_few_heavy_ones() -> None:
    """The planted gamma interval's upper bound is too low in over 4 of 100, not 2.5; ours is not.

    A light stratum that always fails moves the gamma's shape, not what is known of the heavy one.
    """
    cycles, weights = np.array([200.0, 30_000.0]), np.array([20, 3]) / 23
    counts = np.array([[i, 30_000] for i in range(201)], np.float64)
    too_low: dict[str, float] = {}
    for interval in (gamma, chernoff):
        _, upper = interval(counts, cycles, weights)
        for chance in np.linspace(0.01, 0.04, 61):
            missed = upper < weights @ [chance, 1.0]
            share = float(probabilities(counts[:, :1], (200,), np.array([chance]))[missed].sum())
            too_low[interval.__name__] = max(share, too_low.get(interval.__name__, 0.0))
    assert too_low["chernoff"] <= 0.025
    assert too_low["gamma"] > 0.04


@pytest.mark.parametrize("unequal", [False, True])
def test_coverage_of_the_whole_estimate(unequal: bool) -> None:
    """From strata to bounds, at every rate, with enumerated, sampled and untested numbers."""
    p = UNEQUAL[:6] if unequal else np.full(6, 0.2)
    system = three_attempts
    fixed = [every_set(system, p, k) for k in range(3)]
    chances = np.array([every_set(system, p, k).share for k in (3, 4, 5)], np.float64)
    points = np.array([scaled_odds(p, f) for f in (1e-3, 0.1, 1, 4, 30)])
    exact = np.array([truth(system, point) for point in points])
    counts = outcomes((7, 6, 5))
    covered = np.zeros(len(points))
    for row, probability in zip(counts, probabilities(counts, (7, 6, 5), chances), strict=True):
        strata = [Stratum(k, n, int(x)) for k, n, x in zip((3, 4, 5), (7, 6, 5), row, strict=True)]
        found = curve([*fixed, *strata], points, p)
        tiny = 1e-12 * exact
        covered += probability * ((found.lower <= exact + tiny) & (exact <= found.upper + tiny))
    assert covered.min() >= 0.95


@settings(deadline=None)
@given(st.integers(1, 500), st.data())
def test_one_stratum_holds_clopper_pearson(cycles: int, data: st.DataObject) -> None:
    """With one stratum the interval is never inside the exact binomial one."""
    failures = data.draw(st.integers(0, cycles))
    confidence = data.draw(st.floats(0.5, 0.999))
    _, lower, upper = weighted_interval([failures], [cycles], [1.0], confidence)
    exact = clopper_pearson(failures, cycles, confidence)
    assert lower <= exact.lower + 1e-12
    assert exact.upper <= upper + 1e-12


@pytest.mark.parametrize("failures", [1, 2, 7, 40, 4000])
def test_bounds_solve_the_poisson_moment_bound(failures: int) -> None:
    """At both bounds the least of exp(-ty) E exp(tX), searched at 50 digits, is the error."""
    _, lower, upper = weighted_interval([failures - 1, 1], [10_000, 5_000], [2 / 3, 1 / 3])
    with mp.workdps(50):
        for bound in (lower, upper):
            mean = mp.mpf(float(bound)) * 15_000

            def log_moment(t: mp.mpf, mean: mp.mpf = mean) -> mp.mpf:
                return mean * mp.expm1(t) - t * failures

            low, high = mp.mpf(-30), mp.mpf(30)
            for _ in range(300):  # a convex function, its least value by thirds
                one, other = (2 * low + high) / 3, (low + 2 * high) / 3
                keep_low = log_moment(one) < log_moment(other)
                low, high = (low, other) if keep_low else (one, high)
            assert float(log_moment(low)) == pytest.approx(math.log(0.025), rel=1e-8)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 300), st.floats(1e-9, 1)), min_size=1, max_size=6))
def test_no_failure_still_has_an_upper_bound(strata: list[tuple[int, float]]) -> None:
    """Without a failure the bound is that of the worst stratum alone, or all of the weight."""
    cycles, weights = (np.array(column, float) for column in zip(*strata, strict=True))
    middle, lower, upper = weighted_interval(np.zeros(len(strata)), cycles, weights)
    worst = -math.log(0.025) * (weights / cycles).max()
    assert float(middle) == float(lower) == 0
    assert upper == pytest.approx(min(worst, weights.sum()), rel=1e-9)


STRATA = st.lists(
    st.integers(1, 200).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, n), st.floats(1e-12, 1))
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(STRATA, st.data())
def test_bounds_keep_their_laws(strata: list[tuple[int, int, float]], data: st.DataObject) -> None:
    """A failure more lowers no bound, confidence widens, and scale and order do not matter."""
    cycles, failures, weights = (np.array(column, float) for column in zip(*strata, strict=True))
    middle, lower, upper = weighted_interval(failures, cycles, weights)
    assert 0 <= lower <= middle <= upper <= weights.sum() * (1 + 1e-12)
    more = failures.copy()
    more[data.draw(st.integers(0, len(strata) - 1))] += 1
    if (more <= cycles).all():
        moved = weighted_interval(more, cycles, weights)
        assert moved[0] > middle
        assert moved[1] >= lower * (1 - 1e-9)
        assert moved[2] >= upper * (1 - 1e-9)
    wider = weighted_interval(failures, cycles, weights, 0.99)
    assert wider[1] <= lower * (1 + 1e-9)
    assert wider[2] >= upper * (1 - 1e-9)
    small = weighted_interval(failures[::-1], cycles[::-1], weights[::-1] * 1e-200)
    expected = np.array([middle, lower, upper])
    assert np.array(small) * 1e200 == pytest.approx(expected, rel=1e-9)


def test_what_is_untested_is_in_the_upper_bound_whole() -> None:
    """A gap, a stratum of no cycles and the tail count as failures above and as none below."""
    p = np.full(5, 0.3)
    strata = [Stratum(0, 1, 0, True), Stratum(1, 5, 0, True), Stratum(3, 0, 0)]
    found = estimate(strata, p, p)
    tail = float(1 - mp.mpf(0.7) ** 5 - 5 * mp.mpf(0.3) * mp.mpf(0.7) ** 4)
    assert found.untested == pytest.approx(tail, rel=1e-13)
    assert (found.estimate, found.lower, found.upper) == (0, 0, found.untested)
    gap = [Stratum(0, 1, 0, True), Stratum(5, 1, 1, True)]
    assert estimate(gap, p, p).untested == pytest.approx(1 - 0.7**5 - 0.3**5, rel=1e-13)
    assert estimate([], p, p)[:4] == pytest.approx((0, 0, 1, 1), abs=1e-15)


def test_the_ends_of_the_scale() -> None:
    """Without faults only the undisturbed cycle counts, and with all of them only the last."""
    p = np.full(4, 0.5)
    strata = [Stratum(0, 1, 0, True), Stratum(1, 50, 3), Stratum(4, 1, 1, True)]
    found = curve(strata, [0.0, 1.0], p)
    assert found.estimate.tolist() == found.lower.tolist() == found.upper.tolist() == [0, 1]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_one_setting_is_a_point_of_the_curve(seed: int) -> None:
    """Estimate and curve agree, one rate for all slots or one for each, to the last bit."""
    generator = np.random.default_rng(seed)
    rate, slots = float(generator.random()), int(generator.integers(3, 9))
    strata = [Stratum(k, 20, int(generator.integers(0, 21))) for k in range(slots - 1)]
    p = np.full(slots, 0.2)
    one = estimate(strata, np.full(slots, rate), p)
    for rates in ([rate, 0.5], np.array([np.full(slots, rate), p])):
        assert one[:4] == tuple(column[0] for column in curve(strata, rates, p))


def test_other_proportions_would_be_biased_and_are_refused() -> None:
    """Strata of equal rates, used at unequal ones, miss the exact sum by far; so nobody may."""
    equal, skewed = np.full(6, 0.1), np.array([0.01, 0.4, 0.01, 0.01, 0.4, 0.01])
    strata = [every_set(two_given, equal, k) for k in range(7)]
    probability = math.fsum(
        float(w) * float(s.share or 0) for w, s in zip(truth_of_counts(skewed), strata, strict=True)
    )
    assert probability < 0.2 * truth(two_given, skewed)
    for rates in (skewed, [0.1] * 5 + [0.1001], equal * [1, 1, 1, 1, 1, 0]):
        with pytest.raises(ValueError, match="rates must have their odds in the same proportions"):
            estimate(strata, rates, equal)
    with pytest.raises(ValueError, match="same proportions"):
        curve(strata, [0.1, 0.2], skewed)


def truth_of_counts(p: Floats) -> list[float]:
    """Give the probability of each number of struck slots by adding up all sets."""
    subsets = all_subsets(len(p))
    chance = np.where(subsets, p, 1 - p).prod(axis=1)
    return [math.fsum(chance[subsets.sum(axis=1) == k]) for k in range(len(p) + 1)]


def test_slots_that_never_come_up_do_no_harm() -> None:
    """Drawn over all potential slots, a retry walked attempt by attempt has the exact curve."""

    def walk(struck: Struck) -> NDArray[np.bool_]:
        """Go from attempt to attempt, looking only at the slots the path comes to."""
        failed = []
        for plan in struck.reshape(len(struck), 3, 3):
            left = [next((a for a in range(3) if not operation[a]), None) for operation in plan]
            failed.append(None in left)
        return np.array(failed)

    strata = [every_set(walk, np.full(9, 0.1), k) for k in range(10)]
    exact = [1 - (1 - rate**3) ** 3 for rate in RATES]
    assert curve(strata, RATES, np.full(9, 0.1)).estimate == pytest.approx(exact, rel=1e-9)


def test_listing_only_the_slots_of_an_undisturbed_cycle_is_biased() -> None:
    """The planted defect lists first attempts and lets the rate of the day strike the later ones.

    Three operations of two attempts, run at rate 0.3: the second attempt is no slot, so how often
    it fails is frozen at 0.3, and the curve is wrong everywhere but there.
    """
    day, found = 0.3, {}
    strata = []
    for k in range(4):  # the exact expectation, given with so many cycles that no error is left
        chance = 1 - (1 - day) ** k
        strata.append(Stratum(k, 10**12, round(chance * 10**12)))
    for rate in (0.3, 0.03):
        found[rate] = estimate(strata, np.full(3, rate), np.full(3, day))
    exact = {rate: 1 - (1 - rate**2) ** 3 for rate in found}
    assert found[0.3].lower <= exact[0.3] <= found[0.3].upper
    assert found[0.03].lower > 5 * exact[0.03]


def test_counting_only_the_faults_that_fired_is_biased() -> None:
    """The planted defect sorts cycles by fired faults and weighs them as if those were drawn.

    Two attempts of each of three operations at rate 0.4; a second attempt that never takes place
    cannot fire. Sorted by what was drawn the very same cycles give the exact probability.
    """
    rate, subsets = 0.4, all_subsets(6)
    chance = np.where(subsets, rate, 1 - rate).prod(axis=1)
    plans = subsets.reshape(-1, 3, 2)
    both = np.asarray(plans.all(axis=2))
    fails = both.any(axis=1)
    fired = (plans[:, :, 0].astype(int) + both).sum(axis=1)
    p, exact = np.full(6, rate), 1 - (1 - rate**2) ** 3

    def sorted_by(k_of: NDArray[np.int64]) -> list[Stratum]:
        shares = [chance[(k_of == k) & fails].sum() / chance[k_of == k].sum() for k in range(7)]
        return [Stratum(k, 10**12, round(float(share) * 10**12)) for k, share in enumerate(shares)]

    drawn = estimate(sorted_by(subsets.sum(axis=1)), p, p)
    assert drawn.lower <= exact <= drawn.upper
    wrong = estimate(sorted_by(fired), p, p)
    assert wrong.lower > 1.1 * exact


def test_variants_of_a_set_weigh_as_their_shares() -> None:
    """A set of which a quarter of the variants fail adds a quarter, and counts as one that can."""
    stratum = enumerated([0.1, 0.1, 0.1], 1, [0, 0.25, 1])
    assert stratum.share == pytest.approx(1.25 / 3)
    assert (stratum.failures, stratum.exact) == (2, True)
    found = estimate([stratum], [0.2] * 3, [0.1] * 3)
    assert found.lower == pytest.approx(3 * 0.2 * 0.8**2 * 1.25 / 3)


def test_sets_that_end_unlike_are_a_sample_that_keeps_its_promise() -> None:
    """Cycles of unlike weights and chances: 95% intervals hold in 97.5% or more of 2,000 runs.

    Counted as exact, by what they happened to do once, they would hold almost never.
    """
    generator = np.random.default_rng(3)
    rates = np.array([0.1, 0.2, 0.4, 0.05])
    odds = rates / (1 - rates)
    weights = np.repeat(odds / odds.sum() / 10, 10)  # each set ten times
    chances = np.repeat([0.5, 0.1, 0.02, 0.9], 10)
    truth = float(weights @ chances)
    at = [rates, rates]
    share = poisson_binomial(rates)[1]
    held, exact = 0, 0
    for _ in range(2000):
        failed = generator.random(40) < chances
        found = estimate([weighed(1, failed, weights)], *at)
        upper = found.upper - found.untested
        held += found.lower <= truth * share <= upper
        exact += abs(float(weights @ failed) - truth) < 1e-9
    assert held >= 0.975 * 2000
    assert exact < 0.5 * 2000


def test_equal_weights_are_a_stratum_as_any_other() -> None:
    """Cycles that weigh alike give the interval of counts."""
    failed = np.arange(50) < 7
    one = estimate([weighed(2, failed, np.full(50, 0.02))], FAIR, FAIR)
    assert one == pytest.approx(estimate([Stratum(2, 50, 7)], FAIR, FAIR)[:5] + one[5:])


def test_importing_leaves_scipy_alone() -> None:
    """Commands that estimate nothing do not wait for scipy."""
    program = (
        "import sys; from harness.statistics import allocation, strata, struck; "
        "sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


FAIR = np.full(3, 0.5)
SKEW = [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: estimate([Stratum(1, 5, 6)], FAIR, FAIR), "failures must be from 0 to cycles"),
        (lambda: estimate([Stratum(1, 5, -1)], FAIR, FAIR), "failures must be from 0 to cycles"),
        (lambda: estimate([Stratum(4, 5, 1)], FAIR, FAIR), "k from 0 to the 3 slots, not 4"),
        (lambda: estimate([Stratum(1, 5, 1)] * 2, FAIR, FAIR), "strata must hold each k once"),
        (lambda: estimate([Stratum(1, 5, 1, True)], FAIR, FAIR), "must have all 3 sets"),
        (lambda: estimate([Stratum(1, 3, 1, True)], SKEW, SKEW), "use enumerated"),
        (lambda: estimate([Stratum(1, 3, 1, True, 1.5)], SKEW, SKEW), "share from 0 to 1"),
        (
            lambda: estimate([Stratum(1, 3, 1, False, 0.5)], FAIR, FAIR),
            "share and heaviest, or neither",
        ),
        (lambda: estimate([], FAIR, FAIR, 95), "confidence must lie between 0 and 1"),
        (lambda: estimate([], [0.1], FAIR), "a rate for each of the 3 slots"),
        (lambda: estimate([], FAIR, [0.5, 2, 0.5]), "drawn_at must hold shares"),
        (lambda: curve([], [0.5, math.nan], FAIR), "rates must hold shares from 0 to 1"),
        (lambda: curve([], 0.5, FAIR), "a rate for each of the 3 slots"),
        (lambda: enumerated(FAIR, 1, [True]), "failed must hold true or false for each of the 3"),
        (lambda: enumerated(FAIR, 1, [0, 1, 2]), "failed must hold true or false"),
        (lambda: weighed(1, [True], [0.5, 0.5]), "weights must hold a number of 0 or more"),
        (lambda: weighed(1, [True, False], [0.5, 0.4]), "weights must sum to 1, not 0.9"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
