from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import mpmath as mp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.intervals import clopper_pearson, sample_size

COUNTS = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
CONFIDENCES = st.floats(0.01, 0.9999)
SIDES: list[Literal["two", "lower", "upper"]] = ["two", "lower", "upper"]


def at_most(count: int, trials: int, p: mp.mpf) -> mp.mpf:
    """Sum the binomial probability of so many or fewer, term by term."""
    return mp.fsum(
        mp.binomial(trials, i) * p**i * (1 - p) ** (trials - i) for i in range(count + 1)
    )


def where_it_falls_to(target: mp.mpf, falling: Callable[[mp.mpf], mp.mpf]) -> mp.mpf:
    """Find the share at which a falling function reaches the target, by halving."""
    low, high = mp.mpf(0), mp.mpf(1)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > target else (low, middle)
    return low


@pytest.mark.parametrize(("failures", "trials"), [(1, 10), (2, 5), (6, 7), (2, 60), (5, 1000)])
def test_bounds_solve_the_binomial_tail(failures: int, trials: int) -> None:
    """Both bounds are where an independently summed binomial tail equals half the error."""
    error = mp.mpf("0.025")
    most = where_it_falls_to(error, lambda p: at_most(failures, trials, p))
    fewest = where_it_falls_to(1 - error, lambda p: at_most(failures - 1, trials, p))
    found = clopper_pearson(trials - failures, trials)
    assert found.lower == pytest.approx(float(1 - most), rel=1e-12)
    assert found.upper == pytest.approx(float(1 - fewest), rel=1e-12)


def test_all_successes_have_the_closed_form() -> None:
    """Without a failure the bound is the root of the error, and 2995 cycles prove 0.999."""
    assert clopper_pearson(2995, 2995, sided="lower").lower == pytest.approx(0.05 ** (1 / 2995))
    assert clopper_pearson(2995, 2995, sided="lower").lower >= 0.999
    assert clopper_pearson(2994, 2994, sided="lower").lower < 0.999
    assert clopper_pearson(0, 40, sided="upper").upper == pytest.approx(1 - 0.05 ** (1 / 40))


def test_nothing_tried_excludes_nothing() -> None:
    """Without trials the interval is everything and the estimate is no number."""
    nothing = clopper_pearson(0, 0)
    assert math.isnan(nothing.estimate)
    assert (nothing.lower, nothing.upper) == (0, 1)


@settings(deadline=None)
@given(COUNTS, CONFIDENCES, st.sampled_from(SIDES))
def test_interval_contains_the_estimate(
    counts: tuple[int, int], confidence: float, sided: Literal["two", "lower", "upper"]
) -> None:
    """The bounds are shares in order around the estimate, and the free side is not bounded."""
    found = clopper_pearson(*counts, confidence, sided)
    assert 0 <= found.lower <= found.estimate <= found.upper <= 1
    assert (found.upper == 1) or sided != "lower"
    assert (found.lower == 0) or sided != "upper"


@settings(deadline=None)
@given(COUNTS, CONFIDENCES, CONFIDENCES)
def test_more_confidence_is_a_wider_interval(
    counts: tuple[int, int], one: float, other: float
) -> None:
    """Asking for more confidence never narrows the interval."""
    narrow = clopper_pearson(*counts, min(one, other))
    wide = clopper_pearson(*counts, max(one, other))
    assert wide.lower <= narrow.lower + 1e-12
    assert narrow.upper <= wide.upper + 1e-12


@settings(deadline=None)
@given(COUNTS)
def test_successes_and_failures_mirror_each_other(counts: tuple[int, int]) -> None:
    """Counting failures in place of successes mirrors the interval."""
    successes, trials = counts
    good, bad = clopper_pearson(successes, trials), clopper_pearson(trials - successes, trials)
    assert good.lower == pytest.approx(1 - bad.upper, abs=1e-12)
    assert good.upper == pytest.approx(1 - bad.lower, abs=1e-12)


@pytest.mark.parametrize("p", [0.5, 0.9, 0.97, 0.999])
def test_coverage_keeps_its_promise(p: float) -> None:
    """Over all counts that 60 trials can give, the interval holds the truth at least 95 in 100."""
    covered = sum(
        math.comb(60, k) * p**k * (1 - p) ** (60 - k)
        for k in range(61)
        if clopper_pearson(k, 60).lower <= p <= clopper_pearson(k, 60).upper
    )
    assert covered >= 0.95


@pytest.mark.parametrize(
    ("claim", "failures", "cycles"),
    [(0.999, 0, 2995), (0.999, 1, 4742), (0.95, 0, 59), (0.5, 0, 5), (0, 0, 1), (0, 4, 4)],
)
def test_known_sample_sizes(claim: float, failures: int, cycles: int) -> None:
    """The planned number of cycles is the one in the tables."""
    assert sample_size(claim, failures, 0.95) == cycles


@settings(deadline=None)
@given(st.floats(0.01, 0.9999), st.integers(0, 30), st.floats(0.5, 0.999))
def test_sample_size_is_the_fewest(claim: float, failures: int, confidence: float) -> None:
    """With that many cycles the lower bound reaches the claim, with one less it does not."""
    cycles = sample_size(claim, failures, confidence)

    def bound(trials: int) -> float:
        return clopper_pearson(trials - failures, trials, confidence, "lower").lower

    assert bound(cycles) >= claim - 1e-9
    assert cycles == max(1, failures) or bound(cycles - 1) < claim + 1e-9


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: clopper_pearson(3, 2), "successes must be from 0 to trials, not 3 of 2"),
        (lambda: clopper_pearson(-1, 2), "successes must be"),
        (lambda: clopper_pearson(1, 2, 1.0), "confidence must lie between 0 and 1, not 1.0"),
        (lambda: clopper_pearson(1, 2, 0.95, "both"), "sided must be two, lower or upper"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: sample_size(99.9, 0, 0.95), "claim must be a share from 0 to 1"),
        (lambda: sample_size(math.nan, 0, 0.95), "claim must be a share"),
        (lambda: sample_size(1, 0, 0.95), "no number of cycles proves"),
        (lambda: sample_size(0.9, -1, 0.95), "failures_allowed must be 0 or more"),
        (lambda: sample_size(0.9, 0, 0), "confidence must lie between"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
