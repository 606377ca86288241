from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, partial

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.comparison import (
    Change,
    compare_proportions,
    compare_quantiles,
    verdict,
    verdicts,
)
from harness.statistics.intervals import clopper_pearson
from harness.statistics.timings import quantiles

COUNTS = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
TIMINGS = st.lists(st.floats(0, 1e6), max_size=120)
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


def test_coverage_with_thousands_of_cycles() -> None:
    """2,000 against 3,000 cycles that fail once in a thousand: all likely outcomes, both ends.

    What is not gone through, about one outcome in a thousand, counts as an error.
    """
    n, m, p, q = 2000, 3000, 0.001, 0.001

    @lru_cache
    def missed(k: int, at: int) -> tuple[bool, bool]:
        low, high, ratio_low, ratio_high = exact_method(k, n, at, m, 0.95)
        return low > q - p or ratio_low > q / p, high < q - p or ratio_high < q / p

    def misses(k: int, below: bool, at: int) -> bool:
        return missed(k, at)[0] if below else not missed(k, at)[1]

    def first(test: Callable[[int], bool]) -> int:
        low, high = 0, 16
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if test(middle) else (middle + 1, high)
        return low

    def chance(n: int, k: int, p: float) -> float:
        return math.comb(n, k) * p**k * (1 - p) ** (n - k)

    covered = 0.0
    for k in range(8):
        until = first(partial(misses, k, True))
        start = first(partial(misses, k, False))
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


@settings(max_examples=12)
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


def change(p_higher: float, p_lower: float) -> Change:
    """Make a comparison with these p-values."""
    nan = math.nan
    return Change(nan, nan, nan, nan, nan, nan, nan, nan, p_higher, p_lower, 0.95, "buehler")


def test_holm_by_hand() -> None:
    """Of eight one-sided p-values each is held against the error over those left, in order."""
    changes = [change(0.006, 1), change(1, 0.007), change(0.02, 0.99), change(0.009, 1)]
    # 0.006 * 8 = 0.048 and 0.007 * 7 = 0.049 pass, 0.009 * 6 = 0.054 does not, so 0.02 is not tried
    assert verdicts(changes) == ["worse", "better", *["no difference shown"] * 2]
    assert verdicts(changes, "better")[:2] == ["better", "worse"]
    assert verdicts([]) == []


def holm_by_closure(p_values: Sequence[float], error: float) -> list[bool]:
    """Reject what every set of hypotheses that holds it rejects by Bonferroni: the definition."""
    sets = range(1, 2 ** len(p_values))

    def rejected(members: int) -> bool:
        chosen = [p for at, p in enumerate(p_values) if members >> at & 1]
        return min(chosen) * len(chosen) <= error

    return [all(rejected(s) for s in sets if s >> at & 1) for at in range(len(p_values))]


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=4), st.floats(0.5, 0.99))
def test_verdicts_are_the_closed_test(p_values: list[float], confidence: float) -> None:
    """Holm's words are those of the closed Bonferroni test over every set of hypotheses."""
    found = verdicts([change(p, 1.0) for p in p_values], confidence=confidence)
    both = holm_by_closure([*p_values, *[1.0] * len(p_values)], 1 - confidence)
    assert [word == "worse" for word in found] == both[: len(p_values)]


def test_many_comparisons_of_the_same_are_seldom_called_different() -> None:
    """Sixteen comparisons of the same: Holm's words keep the error, single ones break it."""
    random = np.random.default_rng(8)
    families = [
        [compare_quantiles(random.random(400), random.random(400), 0.5) for _ in range(16)]
        for _ in range(60)
    ]
    nothing = "no difference shown"
    held = sum(any(word != nothing for word in verdicts(f, confidence=0.5)) for f in families)
    single = sum(any(verdict(c, confidence=0.5) != nothing for c in f) for f in families)
    assert held <= 30 < single


def test_importing_leaves_scipy_alone() -> None:
    """Commands that compare nothing do not wait for scipy."""
    program = "import sys; from harness.statistics import comparison, simulation; "
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
        (lambda: compare_quantiles([1.0], [1.0], 95), "q must lie between 0 and 1"),
        (lambda: compare_quantiles([1.0], [1.0], 0.5, 1), "confidence must lie between"),
        (lambda: compare_quantiles([[1.0]], [1.0], 0.5), "before must be in one dimension"),
        (lambda: compare_quantiles([1.0], [-1.0], 0.5), "after must be timings of 0 or more"),
        (lambda: compare_quantiles([math.inf], [1.0], 0.5), "before must be timings"),
        (lambda: verdicts([], "bad"), "higher must be worse or better"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: verdict(change(1, 1), confidence=0), "confidence must lie between"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
