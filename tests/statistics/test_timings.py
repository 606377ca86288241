from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.timings import (
    Counted,
    in_order,
    quantile_interval,
    quantiles,
    quantiles_of,
)

VALUES = st.lists(st.floats(-1e6, 1e6), max_size=200)


def ranks_that_cover(count: int, q: Fraction, error: Fraction) -> tuple[int, int]:
    """Find both ranks by summing the binomial in exact fractions; 0 and count + 1 are outside."""
    terms = [math.comb(count, i) * q**i * (1 - q) ** (count - i) for i in range(count + 1)]
    low = max(r for r in range(count + 1) if sum(terms[:r]) <= error)
    high = min(r for r in range(1, count + 2) if sum(terms[r:]) <= error)
    return low, high


@pytest.mark.parametrize("q", [Fraction(1, 2), Fraction(95, 100), Fraction(3, 10)])
@pytest.mark.parametrize("count", [0, 1, 5, 6, 20, 71, 72, 100])
def test_ends_are_the_exact_order_statistics(count: int, q: Fraction) -> None:
    """The ends are the ranks that exact fractions give, and nan where there is no such rank."""
    low, high = ranks_that_cover(count, q, Fraction(25, 1000))
    found = quantile_interval(range(1, count + 1), float(q), 0.95)
    expected = (low or math.nan, high if high <= count else math.nan)
    np.testing.assert_array_equal(found, expected)


def test_interval_of_the_median_of_100_is_the_one_in_the_tables() -> None:
    """The 40th and the 61st of 100 values enclose the median at 95%."""
    assert quantile_interval(range(1, 101), 0.5) == (40, 61)


@pytest.mark.parametrize(("q", "enough"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_too_few_values_bound_nothing(q: float, enough: int) -> None:
    """The upper end is nan until there are just as many values as the description says."""
    assert math.isnan(quantile_interval(range(enough - 1), q)[1])
    assert quantile_interval(range(enough), q)[1] == enough - 1


def test_coverage_keeps_its_promise_on_a_long_tail() -> None:
    """Of 2,000 samples of 80 lognormal timings at least 95 in 100 intervals hold the true p90."""
    samples = np.random.default_rng(5).lognormal(0, 2, (2000, 80))
    truth = math.exp(2 * 1.2815515655446004)  # the normal 0.9 quantile
    hits = sum(low <= truth <= high for low, high in (quantile_interval(s, 0.9) for s in samples))
    assert 0.95 <= hits / 2000 <= 0.985


def test_quantiles_are_timings_that_were_observed() -> None:
    """The figures are nearest ranks: of 1 to 200 ms, 100, 190, 198 and 200."""
    assert quantiles(range(200, 0, -1)) == {
        "p50": 100,
        "p95": 190,
        "p99": 198,
        "max": 200,
        "count": 200,
    }


def test_steps_that_did_not_take_place_are_left_out() -> None:
    """A nan is no timing; with nothing left every figure is nan and the count 0."""
    assert quantiles([math.nan, 3.0, math.nan, 1.0])["count"] == 2
    assert quantiles([math.nan, 3.0, 1.0])["max"] == 3
    nothing = quantiles([math.nan])
    assert nothing.pop("count") == 0
    assert all(math.isnan(value) for value in nothing.values())
    assert all(math.isnan(end) for end in quantile_interval([], 0.5))


@settings(deadline=None)
@given(VALUES)
def test_figures_are_in_order_and_among_the_values(values: list[float]) -> None:
    """p50 <= p95 <= p99 <= max, each a value that so large a share does not exceed."""
    found = quantiles(values)
    assert found["count"] == len(values)
    if values:
        assert found["p50"] <= found["p95"] <= found["p99"] <= found["max"] == max(values)
        for name, percent in (("p50", 50), ("p95", 95), ("p99", 99)):
            assert found[name] in values
            assert 100 * sum(v <= found[name] for v in values) >= percent * len(values)
            assert 100 * sum(v < found[name] for v in values) < percent * len(values)


@settings(deadline=None)
@given(VALUES, st.sampled_from([50, 95, 99]), st.floats(0.01, 0.999))
def test_interval_contains_the_estimate(
    values: list[float], percent: int, confidence: float
) -> None:
    """Whichever ends there are, the quantile observed lies between them."""
    low, high = quantile_interval(values, percent / 100, confidence)
    estimate = quantiles(values)[f"p{percent}"]
    assert not low > estimate
    assert not high < estimate


@settings(deadline=None)
@given(VALUES, st.floats(0.001, 0.999), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_more_confidence_is_a_wider_interval(
    values: list[float], q: float, one: float, other: float
) -> None:
    """Asking for more confidence moves no end inwards, and may leave it unbounded."""
    narrow = quantile_interval(values, q, min(one, other))
    wide = quantile_interval(values, q, max(one, other))
    assert math.isnan(wide[0]) or wide[0] <= narrow[0]
    assert math.isnan(wide[1]) or wide[1] >= narrow[1]


def test_bad_input_is_refused_in_words() -> None:
    """A quantile or confidence out of range, or a table of values, raises ValueError."""
    with pytest.raises(ValueError, match="q must lie between 0 and 1"):
        quantile_interval([1.0], 95)
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        quantile_interval([1.0], 0.5, 1)
    with pytest.raises(ValueError, match="one dimension"):
        quantiles([[1.0]])


@given(st.lists(st.integers(-1, 30) | st.integers(-1, 2**23) | st.integers(0, 10**15), max_size=60))
def test_counted_timings_are_the_sorted_ones(values_us: list[int]) -> None:
    """Every rank has the very timing that sorting gives, however long and however many alike."""
    counted = Counted(np.array(values_us, dtype=np.int64))
    ms = in_order([math.nan if us < 0 else us / 1000 for us in values_us])
    assert counted[np.arange(len(counted))].tolist() == ms.tolist()
    np.testing.assert_equal(quantiles_of(counted), quantiles(ms))
