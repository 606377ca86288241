from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.change import verdict
from harness.statistics.change_of_proportion import compare_proportions
from harness.statistics.intervals import clopper_pearson

COUNTS = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
Limits = tuple[float, float, float, float]  # of the difference, then of the ratio


def exact_method(k: int, n: int, other: int, m: int, confidence: float) -> Limits:
    """Give the limits that are used."""
    found = compare_proportions(k, n, other, m, confidence)
    return found.difference_low, found.difference_high, found.ratio_low, found.ratio_high


def wald(k: int, n: int, other: int, m: int, confidence: float) -> Limits:
    """Give the limits of the textbook, a planted defect: normal, and normal in the logarithm."""
    z = {0.8: 1.2815515655446004, 0.95: 1.959963984540054}[confidence]
    p, q = k / n, other / m
    half = z * math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    if not k or not other:
        return q - p - half, q - p + half, 0, math.inf
    factor = math.exp(z * math.sqrt(1 / k - 1 / n + 1 / other - 1 / m))
    return q - p - half, q - p + half, q / p / factor, q / p * factor


def mover(k: int, n: int, other: int, m: int, confidence: float) -> Limits:
    """Give the MOVER limits of the difference, a planted defect where each end is to hold."""
    before, after = clopper_pearson(k, n, confidence), clopper_pearson(other, m, confidence)
    p, q = k / n, other / m
    low = q - p - math.hypot(q - after.lower, before.upper - p)
    return low, q - p + math.hypot(after.upper - q, p - before.lower), 0, math.inf


def binomial(n: int, p: float) -> list[float]:
    """Give the probability of each count."""
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def worst_errors(method: Callable[..., Limits], n: int, m: int, confidence: float) -> list[float]:
    """Enumerate all outcomes at a grid of truths: how often each of the four ends errs at most."""
    limits = [[method(k, n, other, m, confidence) for other in range(m + 1)] for k in range(n + 1)]
    bounds = np.array(limits)
    grid = [0, 1e-4, 0.002, 0.01, 0.03, 0.07, *np.linspace(0.1, 0.9, 17), 0.97, 0.999, 1]
    worst = np.zeros(4)
    for p in grid:
        for q in grid:
            chance = np.outer(binomial(n, p), binomial(m, q))
            difference, ratio = q - p, q / p if p else math.inf if q else math.nan
            missed = (
                bounds[..., 0] > difference + 1e-12,
                bounds[..., 1] < difference - 1e-12,
                bounds[..., 2] > ratio * (1 + 1e-12),
                bounds[..., 3] < ratio * (1 - 1e-12),
            )
            worst = np.maximum(worst, [(chance * miss).sum() for miss in missed])
    return list(worst)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 4), (6, 6), (2, 15)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_every_end_keeps_its_promise(n: int, m: int, confidence: float) -> None:
    """At 676 pairs of truths, over all outcomes, no end errs in more than half of the error."""
    allowed = (1 - confidence) / 2
    assert max(worst_errors(exact_method, n, m, confidence)) <= allowed + 1e-9


def test_the_same_check_catches_intervals_that_promise_too_much() -> None:
    """Wald's interval, and MOVER's ends, break the promise that the enumeration checks."""
    assert max(worst_errors(wald, 6, 6, 0.95)) > 0.1
    assert max(worst_errors(mover, 1, 1, 0.8)) > 0.11


@pytest.mark.long
def test_coverage_with_thousands_of_cycles() -> None:
    """2,000 against 3,000 cycles that fail once in a thousand: all likely outcomes, both ends.

    What is not gone through, about one outcome in a thousand, counts as an error.
    """
    n, m, p, q = 2000, 3000, 0.001, 0.001

    @lru_cache
    def missed(k: int, at: int) -> tuple[bool, bool]:
        low, high, ratio_low, ratio_high = exact_method(k, n, at, m, 0.95)
        return low > q - p or ratio_low > q / p, high < q - p or ratio_high < q / p

    def first(test: Callable[[int], bool], at: int) -> int:
        while at < 16 and not test(at):
            at += 1
        return at

    def chance(n: int, k: int, p: float) -> float:
        return math.comb(n, k) * p**k * (1 - p) ** (n - k)

    covered, start, until = 0.0, 0, 0
    for k in range(8):  # more failures before leave no fewer after among the likely ones
        start = first(lambda at, k=k: not missed(k, at)[1], start)
        until = first(lambda at, k=k: missed(k, at)[0], max(until, start))
        covered += chance(n, k, p) * sum(chance(m, at, q) for at in range(start, until))
    assert covered >= 0.95


def test_no_failure_on_either_side_leaves_clopper_pearson() -> None:
    """0 of 5,000 twice: each end is the one-sided limit of one run, within 2%, any ratio stands."""
    found = compare_proportions(0, 5000, 0, 5000)
    limit = 1 - 0.025 ** (1 / 5000)
    assert limit <= found.difference_high <= 1.02 * limit
    assert found.difference_low == -found.difference_high
    assert (found.ratio_low, found.ratio_high) == (0, math.inf)
    assert math.isnan(found.ratio)
    assert verdict(found) == "no difference shown"


@pytest.mark.parametrize(
    ("k", "n", "other", "m", "most"),
    [(0, 5000, 6, 5000, 0.0033), (3, 4000, 12, 5000, 0.0054)],
)
def test_p_value_is_at_least_the_exact_one(k: int, n: int, other: int, m: int, most: float) -> None:
    """No common probability gives the outcomes that are as telling a chance above the p-value.

    Summed term by term. And it is at most 5% above the highest found at 60 probabilities up to the
    most that is tried, so the bound over cells costs next to nothing.
    """
    share = Fraction(m, n + m)

    def tail(i: int, j: int) -> Fraction:
        """Sum the binomial tail of i or more of i + j."""
        ways = range(i, i + j + 1)
        return sum(
            (math.comb(i + j, s) * share**s * (1 - share) ** (i + j - s) for s in ways),
            Fraction(0),
        )

    observed = tail(other, k)
    telling = [next(i for i in range(100) if tail(i, j) <= observed) for j in range(45)]

    def chance(p: float) -> float:
        """Sum the outcomes that are as telling, with fewer than 45 failures before."""
        after = np.cumsum([0, *(math.comb(m, i) * p**i * (1 - p) ** (m - i) for i in range(100))])
        return math.fsum(
            math.comb(n, j) * p**j * (1 - p) ** (n - j) * (1 - after[reach])
            for j, reach in enumerate(telling)
        )

    highest = max(chance(p) for p in np.linspace(most / 60, most, 60).tolist())
    found = compare_proportions(k, n, other, m).p_higher
    assert highest <= found <= 1.05 * highest


def test_p_values_are_as_seldom_as_they_say() -> None:
    """Over all outcomes of 5 and 8 cycles, where after is no higher, p <= error in that share."""
    n, m = 5, 8
    p_values = np.array(
        [[compare_proportions(k, n, at, m).p_higher for at in range(m + 1)] for k in range(n + 1)]
    )
    for p in np.linspace(0, 1, 41).tolist():
        for q in (p, 0.9 * p):
            chance = np.outer(binomial(n, p), binomial(m, q))
            for error in (0.005, 0.025, 0.1, 0.3):
                assert chance[p_values <= error].sum() <= error + 1e-9


def test_known_comparison() -> None:
    """3 and 12 failures of 5,000: worse, with the ratio's interval well above 1."""
    found = compare_proportions(3, 5000, 12, 5000)
    assert found.p_higher == pytest.approx(0.0121, abs=2e-4)
    assert found.ratio == pytest.approx(4)
    assert 1.1 < found.ratio_low < 1.13 < 18 < found.ratio_high < 20
    assert verdict(found) == "worse"
    assert verdict(found, higher="better") == "better"
    assert verdict(found, confidence=0.99) == "no difference shown"


@settings(max_examples=12)
@given(COUNTS, COUNTS, st.sampled_from([0.5, 0.8, 0.95, 0.999]))
def test_exchanging_the_runs_mirrors_the_comparison(
    before: tuple[int, int], after: tuple[int, int], confidence: float
) -> None:
    """The difference changes its sign, the ratio is turned over, the estimates lie within."""
    one = compare_proportions(*before, *after, confidence)
    other = compare_proportions(*after, *before, confidence)
    assert one.difference_low == -other.difference_high
    assert one.ratio_low * other.ratio_high == pytest.approx(1) or one.ratio_low == 0
    assert (one.p_higher, one.p_lower) == (other.p_lower, other.p_higher)
    assert -1 <= one.difference_low <= one.difference <= one.difference_high <= 1
    assert math.isnan(one.ratio) or one.ratio_low <= one.ratio <= one.ratio_high


@settings(max_examples=12, derandomize=True)
@given(COUNTS, COUNTS)
def test_more_failures_and_more_confidence_move_one_way(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    """One failure more after raises every limit; more confidence narrows no interval."""
    found = compare_proportions(*before, *after)
    wide = compare_proportions(*before, *after, confidence=0.99)
    assert wide.difference_low <= found.difference_low + 1e-5
    assert wide.ratio_high >= found.ratio_high * (1 - 1e-3)
    if after[0] < after[1]:
        more = compare_proportions(*before, after[0] + 1, after[1])
        assert more.difference_low >= found.difference_low - 1e-5
        assert more.difference_high >= found.difference_high - 1e-5
        assert more.ratio_low >= found.ratio_low * (1 - 1e-3)
        assert more.p_higher <= found.p_higher + 1e-9


def test_nothing_tried_excludes_nothing() -> None:
    """Without cycles on one side everything is possible, and nothing is shown."""
    nothing = compare_proportions(0, 0, 3, 10)
    assert math.isnan(nothing.difference)
    assert nothing.difference_low == -1
    assert nothing.difference_high == 1
    assert (nothing.ratio_low, nothing.ratio_high) == (0, math.inf)
    assert verdict(nothing) == "no difference shown"


def test_importing_leaves_scipy_alone() -> None:
    """Commands that compare nothing do not wait for scipy."""
    program = "import sys; from harness.statistics import change_of_proportion, simulation; "
    program += "sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: compare_proportions(3, 2, 0, 1),
            "failures_before must be from 0 to cycles_before",
        ),
        (lambda: compare_proportions(0, 2, -1, 1), "failures_after must be .* not -1 of 1"),
        (lambda: compare_proportions(0, 2, 0, 1, 95), "confidence must lie between 0 and 1"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
