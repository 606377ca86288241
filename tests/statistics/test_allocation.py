from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.allocation import allocate, weights_between
from harness.statistics.strata import Stratum
from harness.statistics.struck import poisson_binomial

PILOT = [Stratum(3, 40, 1), Stratum(4, 40, 8), Stratum(5, 40, 39)]


def test_no_other_division_varies_less() -> None:
    """Of all divisions of 60 cycles among three strata none has a variance lower by 1 in 1000."""
    weights = np.array([0.6, 0.3, 0.1])
    chances = np.array([(s.failures + 0.5) / (s.cycles + 1) for s in PILOT])
    each = weights**2 * chances * (1 - chances)
    ways = [(a, b, 60 - a - b) for a in range(1, 59) for b in range(1, 60 - a)]
    best = min(sum(each / np.array(way)) for way in ways)
    found = allocate(weights, PILOT, 60, floor=1)
    assert tuple(found.tolist()) in ways
    assert sum(each / found) <= best * 1.001


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 50), st.booleans()), min_size=1, max_size=12
    ),
    st.integers(0, 40),
    st.integers(0, 100_000),
)
def test_every_cycle_is_given_and_the_floor_is_kept(
    strata: list[tuple[float, int, bool]], floor: int, over: int
) -> None:
    """Whole numbers sum to the total, none below the floor, none at all for an exact stratum."""
    pilot = [Stratum(k, 50, x, exact) for k, (_, x, exact) in enumerate(strata)]
    sampled = np.array([not s.exact for s in pilot])
    if not sampled.any():
        return
    total = int(floor * sampled.sum()) + over
    found = allocate([w for w, _, _ in strata], pilot, total, floor)
    assert found.sum() == total
    assert (found[sampled] >= floor).all()
    assert (found[~sampled] == 0).all()


def test_weights_are_means_over_the_logarithm_of_the_rate() -> None:
    """They are the means of the binomial probabilities at evenly spaced logarithms."""
    found = weights_between([0.01] * 6, 1e-3, 0.1, 3, settings=5)
    rates = [1e-3, 10**-2.5, 1e-2, 10**-1.5, 0.1]
    wanted = np.mean([poisson_binomial([rate] * 6)[:4] for rate in rates], axis=0)
    assert found == pytest.approx(wanted)


def test_a_stratum_without_a_failure_is_not_starved() -> None:
    """It gets its floor, and as a heavy stratum far more than it: it may fail yet."""
    pilot = [Stratum(3, 100, 0), Stratum(4, 100, 50)]
    light = allocate([1e-9, 0.5], pilot, 1000)
    heavy = allocate([0.5, 1e-3], pilot, 1000)
    assert light.tolist() == [30, 970]
    assert heavy[0] > 900


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(240, 100_000))
def test_equal_strata_share_alike(count: int, total: int) -> None:
    """Equal weights and pilots, or no weight at all, give shares that differ by one at most."""
    pilot = [Stratum(k, 0, 0) for k in range(count)]
    for weight in (0.0, 0.3):
        assert np.ptp(allocate([weight] * count, pilot, total)) <= 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: allocate([0.1], PILOT, 100), "strata_weights must hold a number"),
        (lambda: allocate([0.1, -1, 0], PILOT, 100), "strata_weights must hold a number of 0"),
        (lambda: allocate([1, 1, 1], PILOT, 89), "total must be at least floor, 30, for each"),
        (lambda: allocate([1], [Stratum(0, 1, 0, True)], 10), "total must be at least"),
        (lambda: allocate([1], PILOT[:1], 10, floor=-1), "total must be at least floor, -1"),
        (lambda: allocate([1], [Stratum(3, 1, 2)], 100), "failures must be from 0 to cycles"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
