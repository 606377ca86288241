from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.statistics.struck import (
    Sets,
    at_heights,
    conditional_weights,
    most_struck,
    poisson_binomial,
    same_proportions,
    struck_at_most,
)

SHARES = st.one_of(st.sampled_from([0.0, 1.0, 1e-300, 1e-9, 0.5]), st.floats(0, 1))
RATES = st.lists(SHARES, max_size=8)
FREE_RATES = st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=8)


def set_probabilities(p: list[float]) -> dict[tuple[int, ...], Fraction]:
    """Give the probability of each of the 2^S sets of struck slots, as an exact fraction."""
    slots = range(len(p))
    return {
        struck: math.prod(
            (Fraction(p[j]) if j in struck else 1 - Fraction(p[j]) for j in slots),
            start=Fraction(1),
        )
        for k in range(len(p) + 1)
        for struck in itertools.combinations(slots, k)
    }


def scaled_odds(p: list[float], factor: float) -> NDArray[np.float64]:
    """Multiply all odds by one number."""
    odds = np.array(p) / (1 - np.array(p)) * factor
    return np.asarray(odds / (1 + odds))


@settings(deadline=None, max_examples=50)
@given(RATES)
def test_number_struck_is_the_sum_over_all_sets(p: list[float]) -> None:
    """Every probability is that of all 2^S sets added up in exact fractions, at any rates."""
    sums = [Fraction(0)] * (len(p) + 1)
    for struck, probability in set_probabilities(p).items():
        sums[len(struck)] += probability
    found = poisson_binomial(p)
    assert found.shape == (len(p) + 1,)
    assert found == pytest.approx([float(s) for s in sums], rel=1e-14, abs=1e-300)


def test_number_struck_is_the_transform_of_its_characteristic_function() -> None:
    """For 120 unequal rates all probabilities, down to 1e-100, agree with another formula."""
    generator = np.random.default_rng(1)
    p = np.concatenate([10.0 ** generator.uniform(-3, 0, 90), generator.random(28), [0.0, 1.0]])
    with mp.workdps(320):
        roots = [mp.expjpi(mp.mpf(2 * t) / 121) for t in range(121)]
        values = [mp.fprod(1 + mp.mpf(x) * (root - 1) for x in p.tolist()) for root in roots]
        expected = [
            mp.fsum(values[t] * roots[-t * k % 121] for t in range(121)).real / 121
            for k in range(121)
        ]
    found = poisson_binomial(p)
    assert found[1:-1] == pytest.approx([float(e) for e in expected[1:-1]], rel=4 * 120 * 2**-53)
    assert found[[0, -1]].tolist() == [0, 0]
    assert 0 < found[1:-1].min() < 1e-100


def test_thousands_of_equal_slots_are_the_binomial() -> None:
    """With 3000 slots of one rate, the bulk and both tails are the binomial at 50 digits."""
    found = poisson_binomial(np.full(3000, 0.3))
    with mp.workdps(50):
        for k in (0, 5, 500, 900, 1400, 2000):
            p = mp.mpf(0.3)
            expected = mp.binomial(3000, k) * p**k * (1 - p) ** (3000 - k)
            if expected > 1e-300:
                assert found[k] == pytest.approx(float(expected), rel=4 * 3000 * 2**-53)
    assert math.fsum(found) == pytest.approx(1, abs=1e-12)


@settings(deadline=None)
@given(RATES)
def test_number_struck_keeps_its_laws(p: list[float]) -> None:
    """It sums to 1, has the mean of the rates, mirrors with them, and no order of slots matters."""
    pmf = poisson_binomial(p)
    assert pmf.sum() == pytest.approx(1, abs=1e-14)
    assert pmf @ np.arange(len(p) + 1) == pytest.approx(math.fsum(p), abs=1e-13)
    assert poisson_binomial(p[::-1]) == pytest.approx(pmf, rel=1e-13, abs=1e-300)
    assert poisson_binomial([1 - x for x in p])[::-1] == pytest.approx(pmf, abs=1e-14)


@settings(deadline=None)
@given(RATES, st.integers(0, 9))
def test_numbers_beyond_the_most_are_added_up(p: list[float], most: int) -> None:
    """Up to the most the probabilities are those of the whole, and the rest is in the last."""
    found, whole = struck_at_most(np.array([p, p]), most), poisson_binomial(p)
    told = min(most, len(p)) + 1
    for column in found.T:
        assert column[:told].tolist() == whole[:told].tolist()
        assert column[-1] == pytest.approx(math.fsum(whole[most + 1 :]), rel=1e-13, abs=1e-300)


@settings(deadline=None, max_examples=50)
@given(st.lists(SHARES, min_size=1, max_size=7), st.data())
def test_weights_are_the_probabilities_of_the_sets(p: list[float], data: st.DataObject) -> None:
    """Each weight is the set's own probability over that of k, in exact fractions."""
    k = data.draw(st.integers(p.count(1.0), len(p) - p.count(0.0)))
    all_sets = {s: q for s, q in set_probabilities(p).items() if len(s) == k}
    found = conditional_weights(p, k)
    assert [tuple(s) for s in found.sets.tolist()] == list(all_sets)
    whole = sum(all_sets.values())
    expected = [float(q / whole) for q in all_sets.values()]
    assert found.weights == pytest.approx(expected, rel=1e-11, abs=1e-300)


@settings(deadline=None)
@given(FREE_RATES, st.data())
def test_weights_see_only_the_proportions_of_the_odds(p: list[float], data: st.DataObject) -> None:
    """One factor on all odds changes no weight, and equal rates make all weights equal."""
    k = data.draw(st.integers(0, len(p)))
    scaled = scaled_odds(p, data.draw(st.floats(1e-3, 1e3)))
    weights = conditional_weights(p, k).weights
    if scaled.max() < 1:
        assert conditional_weights(scaled, k).weights == pytest.approx(weights, rel=1e-6)
    equal = conditional_weights(np.full(len(p), p[0]), k).weights
    assert equal == pytest.approx(1 / math.comb(len(p), k))


def test_scaling_the_rates_is_not_scaling_the_odds() -> None:
    """Half of every rate gives other weights and is refused; half of all odds is not."""
    p = [0.1, 0.5, 0.8]
    half = np.array(p) / 2
    moved = conditional_weights(half, 1).weights - conditional_weights(p, 1).weights
    assert np.abs(moved).max() > 0.1
    assert not same_proportions(half[None, :], np.array(p))
    assert same_proportions(scaled_odds(p, 0.5)[None, :], np.array(p))


@pytest.mark.parametrize(
    ("rates", "same"),
    [
        ([0.5, 0.5, 0.0, 1.0], True),
        ([0.0, 0.0, 0.0, 1.0], True),  # the factor is 0
        ([1.0, 1.0, 0.0, 1.0], True),  # and infinite
        ([0.0, 0.2, 0.0, 1.0], False),
        ([1.0, 0.2, 0.0, 1.0], False),
        ([0.2, 0.2, 1e-9, 1.0], False),
        ([0.2, 0.2, 0.0, 0.9], False),
        ([0.2, 0.2000001, 0.0, 1.0], False),
    ],
)
def test_slots_never_and_always_struck_keep_their_rate(rates: list[float], same: bool) -> None:
    """Rates of 0 and 1 admit no scaling, and all the others take one factor, 0 and inf included."""
    assert same_proportions(np.array([rates]), np.array([0.1, 0.1, 0.0, 1.0])) is same


def chi_square(sets: NDArray[np.int64], p: list[float], k: int) -> float:
    """Give the p-value of drawn sets against the exact probabilities of all sets."""
    from scipy.stats import chisquare  # noqa: PLC0415 - slow to import

    all_sets = {s: q for s, q in set_probabilities(p).items() if len(s) == k}
    whole = sum(all_sets.values())
    drawn, counts = np.unique(sets, axis=0, return_counts=True)
    seen = dict(zip(map(tuple, drawn.tolist()), counts.tolist(), strict=True))
    expected = [float(q / whole) * len(sets) for q in all_sets.values()]
    return float(chisquare([seen.get(s, 0) for s in all_sets], expected).pvalue)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_sets_are_drawn_as_they_occur(k: int) -> None:
    """Drawn sets fit the exact probabilities; drawing one slot after another by its odds does not.

    The planted defect takes the slots without replacement in proportion to their odds, as a
    weighted choice does; it is a different distribution from the second slot on.
    """
    p, generator = [0.05, 0.3, 0.5, 0.7, 0.9], np.random.default_rng(7)
    assert chi_square(Sets(p, k).draw(40_000, generator), p, k) > 0.001
    odds = np.array(p) / (1 - np.array(p))
    keys = generator.exponential(size=(40_000, 5)) / odds
    planted = np.sort(np.argsort(keys, axis=1)[:, :k], axis=1)
    assert (chi_square(planted, p, k) > 0.001) is (k == 1)


@settings(deadline=None)
@given(st.lists(SHARES, min_size=1, max_size=12), st.data())
def test_drawn_sets_are_possible_sets(p: list[float], data: st.DataObject) -> None:
    """At any rates a drawn set has k slots in order, all the sure ones and no impossible one."""
    k = data.draw(st.integers(p.count(1.0), len(p) - p.count(0.0)))
    sets = Sets(p, k).draw(20, np.random.default_rng(data.draw(st.integers(0, 99))))
    assert sets.shape == (20, k)
    assert (np.diff(sets, axis=1) > 0).all()
    for struck in sets.tolist():
        assert {j for j, x in enumerate(p) if x == 1} <= set(struck)
        assert all(p[j] > 0 for j in struck)


def test_small_rates_do_not_underflow() -> None:
    """60 of 100 slots of rate 1e-8, an event of 1e-450, are drawn evenly over the slots."""
    sets = Sets(np.full(100, 1e-8), 60).draw(4000, np.random.default_rng(3))
    counts = np.bincount(sets.ravel(), minlength=100)
    assert np.abs(counts / 4000 - 0.6).max() < 5 * math.sqrt(0.24 / 4000)


def test_sets_drawn_one_by_one_are_drawn_as_many_at_once() -> None:
    """What is computed once serves every generator, and each draws what one of its own would."""
    p, kept = [0.1, 0.4, 0.02, 0.3, 0.7], Sets([0.1, 0.4, 0.02, 0.3, 0.7], 2)
    for seed in range(20):
        one = kept.draw(1, np.random.default_rng(seed))
        assert one.tolist() == Sets(p, 2).draw(1, np.random.default_rng(seed)).tolist()


@given(FREE_RATES, st.floats(1e-4, 0.9))
def test_a_height_moves_all_odds_alike(p: list[float], height: float) -> None:
    """The highest rate is as asked, and the odds keep their proportions."""
    (setting,) = at_heights(p, [height])
    assert setting.max() == pytest.approx(height, rel=1e-9)
    assert same_proportions(setting[None, :], np.array(p))


@given(FREE_RATES, st.floats(1e-9, 0.5))
def test_most_struck_is_the_smallest_that_leaves_so_little(p: list[float], beyond: float) -> None:
    """Beyond it lies less than asked, and beyond one less lies as much or more."""
    most, pmf = most_struck(p, beyond), poisson_binomial(p)
    assert pmf[most + 1 :].sum() < beyond * (1 + 1e-12)
    assert most == 0 or pmf[most:].sum() >= beyond * (1 - 1e-12)


def test_the_same_seed_draws_the_same_sets() -> None:
    """A seed decides the sets, and none drawn are still sets of k slots."""
    one, other = (Sets([0.2, 0.4, 0.6], 2).draw(50, np.random.default_rng(5)) for _ in range(2))
    assert one.tolist() == other.tolist()
    assert Sets([0.2], 1).draw(0, np.random.default_rng(5)).shape == (0, 1)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: poisson_binomial([[0.1]]), "p must hold one rate a slot in one dimension, not 2"),
        (lambda: poisson_binomial([0.1, 1.1]), "p must hold shares from 0 to 1"),
        (lambda: poisson_binomial([math.nan]), "p must hold shares"),
        (lambda: conditional_weights([0.1, 0.2], 3), "k must be from 0 to 2 with these rates"),
        (lambda: conditional_weights([0.1, 1.0], 0), "k must be from 1 to 2"),
        (lambda: conditional_weights([0.1, 0.0], 2), "k must be from 0 to 1"),
        (lambda: conditional_weights(np.full(60, 0.1), 30), "draw them instead"),
        (lambda: Sets([0.1], -1), "k must be from 0 to 1"),
        (lambda: Sets([0.1], 1).draw(-5, np.random.default_rng()), "count must be 0 or more"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
