"""The interval that inverts the e-processes: what it leaves out is what they decide against."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.anytime import METHOD, anytime
from harness.statistics.intervals import clopper_pearson
from harness.statistics.sequential import (
    log_e_refute,
    log_e_support,
    refute_boundary,
    support_boundary,
)

COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=40, deadline=None)
@given(COUNTS, st.sampled_from([0.9, 0.95, 0.9979]))
def test_its_ends_are_where_the_verdicts_turn(counts: tuple[int, int], confidence: float) -> None:
    """A claim just below the lower end is supported, one above it not; the upper end refutes."""
    failures, cycles = counts
    found = anytime(cycles - failures, cycles, confidence)
    side = 1 - (1 - confidence) / 2
    inside, outside = 1 + 1e-6, 1 - 1e-6
    if found.lower > 1e-9:
        assert support_boundary(failures, found.lower * outside, side) <= cycles
        assert support_boundary(failures, min(1.0, found.lower * inside), side) > cycles
    if found.upper < 1:
        q = 1 - found.upper
        assert refute_boundary(failures, 1 - q * outside, side) >= cycles
        assert refute_boundary(failures, max(0.0, 1 - q * inside), side) < cycles


@pytest.mark.parametrize(("failures", "cycles"), [(0, 50), (1, 400), (30, 400), (400, 400)])
def test_nothing_within_is_left_out_and_nothing_beyond_let_in(failures: int, cycles: int) -> None:
    """What the e-processes exclude is one piece at either end: halving finds all of it."""
    found = anytime(cycles - failures, cycles)
    for claim in 1 / (1 + np.exp(-np.linspace(-12, 12, 241))):
        supported = log_e_support(failures, cycles, float(claim)) >= math.log(40)
        refuted = log_e_refute(failures, cycles, float(claim)) >= math.log(40)
        assert (supported, refuted) == (claim <= found.lower, claim >= found.upper), claim


@settings(max_examples=40, deadline=None)
@given(COUNTS)
def test_to_hold_at_any_time_it_is_wider_than_for_one(counts: tuple[int, int]) -> None:
    """It holds the estimate, and no end is nearer to it than Clopper-Pearson's."""
    failures, cycles = counts
    found, fixed = anytime(cycles - failures, cycles), clopper_pearson(cycles - failures, cycles)
    assert found.lower <= fixed.lower <= found.estimate == fixed.estimate
    assert found.estimate <= fixed.upper <= found.upper
    assert (found.method, found.confidence) == (METHOD, 0.95)


def test_one_sided_spends_all_of_the_error_below() -> None:
    """The lower bound at 95% is the two-sided one at 90%, and the upper is 1."""
    one, two = anytime(990, 1000, 0.95, "lower"), anytime(990, 1000, 0.9)
    assert (one.lower, one.upper, one.method) == (two.lower, 1.0, f"{METHOD}_lower")


def test_no_trials_say_nothing_and_nonsense_is_refused() -> None:
    """Without a trial everything is possible; counts, words and confidences are checked."""
    none = anytime(0, 0)
    assert math.isnan(none.estimate)
    assert (none.lower, none.upper) == (0, 1)
    for wrong, why in (((2, 1), "successes"), ((1, 1, 1.0), "confidence")):
        with pytest.raises(ValueError, match=why):
            anytime(*wrong)
    with pytest.raises(ValueError, match="sided must be"):
        anytime(1, 1, 0.95, "upper")  # type: ignore[arg-type]  # no such side


def test_stopping_when_it_pleases_does_not_break_it() -> None:
    """Stopped at the worst of 20 moments it misses in few runs; Clopper-Pearson misses in many."""
    truth, runs, random = 0.9, 100, np.random.default_rng(20260101)
    missed = {"anytime": 0, "clopper_pearson": 0}
    for _ in range(runs):
        failures = np.cumsum(random.random(400) >= truth)
        at = np.arange(1, 401)
        look = slice(19, None, 20)
        pairs = list(zip(failures[look].tolist(), at[look].tolist(), strict=True))
        for name, interval in (("anytime", anytime), ("clopper_pearson", clopper_pearson)):
            found = (interval(n - k, n) for k, n in pairs)
            missed[name] += any(not one.lower <= truth <= one.upper for one in found)
    assert missed["anytime"] <= 0.05 * runs < 0.1 * runs < missed["clopper_pearson"]
