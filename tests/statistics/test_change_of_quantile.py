from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.change import verdict
from harness.statistics.change_of_quantile import compare_quantiles
from harness.statistics.timings import quantiles

TIMINGS = st.lists(st.floats(0, 1e6), max_size=120)


def quantile_errors(count: int, q: float, confidence: float) -> tuple[float, float]:
    """Enumerate where two samples' ranks fall: how often the intervals of difference err at most.

    With timings that take the values 0, 1, 2 only, all samples are counts of the three.
    """
    worst = 0.0, 0.0
    for below, upto in [(q - 0.01, 0.99), (q, 0.995), (0.05, q), (q - 0.3, q + 0.05)]:
        chances = [below, upto - below, 1 - upto]
        samples = [(i, j, count - i - j) for i in range(count + 1) for j in range(count + 1 - i)]
        truth = 0 if below >= q else 1 if upto >= q else 2
        low = high = 0.0
        ends = {}
        for sample in samples:
            ends[sample] = math.factorial(count) * math.prod(
                c**k / math.factorial(k) for c, k in zip(chances, sample, strict=True)
            )
        constant = np.full(200, 1.0)
        for sample, chance in ends.items():
            found = compare_quantiles(constant, np.repeat([0.0, 1.0, 2.0], sample), q, confidence)
            low += chance * (found.difference_low > truth - 1)
            high += chance * (found.difference_high < truth - 1)
        worst = max(worst[0], low), max(worst[1], high)
    return worst


def test_timings_keep_their_promise_over_all_samples() -> None:
    """Of all samples of 15 timings with ties, neither end errs in more than half of the error."""
    low, high = quantile_errors(15, 0.5, 0.6)
    assert 0 < low <= 0.2
    assert 0 < high <= 0.2


def test_timings_keep_their_promise_on_a_long_tail() -> None:
    """Two samples of one lognormal distribution are seldom called different, and a p90 doubled is.

    Seeded, 600 pairs of 150 timings.
    """
    random = np.random.default_rng(3)
    same = [
        compare_quantiles(random.lognormal(0, 1, 150), random.lognormal(0, 1, 150), 0.9)
        for _ in range(600)
    ]
    assert sum(verdict(change) != "no difference shown" for change in same) <= 30
    assert all(change.difference_low <= change.difference_high for change in same)
    doubled = compare_quantiles(random.lognormal(0, 1, 2000), 2 * random.lognormal(0, 1, 2000), 0.9)
    assert verdict(doubled) == "worse"
    assert doubled.ratio_low < 2 < doubled.ratio_high


def test_ends_are_those_of_exact_ranks() -> None:
    """100 and 100 timings: the 39th and 62nd hold the median at 97.5%, counted at 50 digits."""
    with mp.workdps(50):

        def fewer(rank: int) -> mp.mpf:
            return mp.fsum(mp.binomial(100, i) for i in range(rank)) / mp.mpf(2) ** 100

        low = max(rank for rank in range(1, 100) if fewer(rank) <= mp.mpf("0.0125"))
        high = min(rank for rank in range(1, 101) if 1 - fewer(rank) <= mp.mpf("0.0125"))
    before, after = np.arange(1.0, 101), 7 * np.arange(1.0, 101)
    found = compare_quantiles(before, after, 0.5)
    assert (found.before, found.after, found.difference, found.ratio) == (50, 350, 300, 7)
    assert (found.difference_low, found.difference_high) == (7 * low - high, 7 * high - low)
    assert (found.ratio_low, found.ratio_high) == (7 * low / high, 7 * high / low)


@pytest.mark.parametrize(("q", "enough"), [(0.95, 86), (0.99, 437)])
def test_too_few_timings_bound_nothing(q: float, enough: int) -> None:
    """Differences are bounded from just as many timings on as the description says."""
    few, many = np.arange(1.0, enough), np.arange(1.0, enough + 1)
    assert compare_quantiles(few, few, q).difference_high == math.inf
    assert compare_quantiles(few, few, q).difference_low == -math.inf
    assert compare_quantiles(few, few, q).ratio_high == math.inf
    assert compare_quantiles(many, many, q).difference_high < math.inf


@settings(max_examples=60)
@given(TIMINGS, TIMINGS, st.sampled_from([50, 95, 99]), st.floats(0.01, 0.99))
def test_p_value_and_interval_of_timings_agree(
    before: list[float], after: list[float], percent: int, confidence: float
) -> None:
    """The difference's interval excludes 0 just where the p-value is at most half of the error."""
    found = compare_quantiles(before, after, percent / 100, confidence)
    error = (1 - confidence) / 2
    for p_value, shown in (
        (found.p_higher, found.difference_low > 0),
        (found.p_lower, found.difference_high < 0),
    ):
        assert abs(p_value - error) < 1e-9 or shown == (p_value <= error)
    assert (
        found.difference_low
        == -compare_quantiles(after, before, percent / 100, confidence).difference_high
    )
    if before and after:
        assert found.before == quantiles(before)[f"p{percent}"]
        assert found.difference_low <= found.difference <= found.difference_high


def test_importing_leaves_scipy_alone() -> None:
    """Commands that compare nothing do not wait for scipy."""
    program = "import sys; from harness.statistics import change_of_quantile; "
    program += "sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: compare_quantiles([1.0], [1.0], 95), "q must lie between 0 and 1"),
        (lambda: compare_quantiles([1.0], [1.0], 0.5, 1), "confidence must lie between"),
        (lambda: compare_quantiles([[1.0]], [1.0], 0.5), "before must be in one dimension"),
        (lambda: compare_quantiles([1.0], [-1.0], 0.5), "after must be timings of 0 or more"),
        (lambda: compare_quantiles([math.inf], [1.0], 0.5), "before must be timings"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
