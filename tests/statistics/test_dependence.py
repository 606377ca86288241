from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from statistics import NormalDist

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.statistics import dependence
from harness.statistics.dependence import (
    Lift,
    Ratio,
    Table,
    common_odds_ratio,
    lift,
    odds_ratio,
)
from harness.statistics.intervals import clopper_pearson

Floats = NDArray[np.float64]
Bounds = Callable[[Table], tuple[float, float]]

CELLS = st.one_of(st.integers(0, 12), st.integers(0, 3000))
TABLES = st.builds(
    Table, CELLS, CELLS, CELLS, CELLS, st.floats(0.05, 0.95), st.none() | st.integers(0, 5000)
)
NUDGE = 1 + 1e-9  # what a root finder may be off
RATES = [0.02, 0.1, 0.3, 0.5, 0.8]


def binomial(count: int, trials: int, p: float) -> float:
    """Give the chance of just so many, from whole numbers."""
    return math.comb(trials, count) * p**count * (1 - p) ** (trials - count)


# The odds ratio


def ways(table: Table) -> dict[int, int]:
    """Count the ways to fill a table with these margins, for each value of its cell `both`."""
    rows, forced, failed = table.cleanup_failed, table.forced, table.restore_failed
    return {
        x: math.comb(rows, x) * math.comb(forced, failed - x)
        for x in range(max(0, failed - forced), min(rows, failed) + 1)
    }


def ways_together(tables: list[Table]) -> dict[int, int]:
    """Count the ways to fill all strata, for each total of `both`, by going through every one."""
    found: dict[int, int] = {}
    for filled in itertools.product(*(ways(table).items() for table in tables)):
        total = sum(x for x, _ in filled)
        found[total] = found.get(total, 0) + math.prod(n for _, n in filled)
    return found


def chance(counted: dict[int, int], psi: mp.mpf, least: int, most: float = math.inf) -> mp.mpf:
    """Give the chance, at an odds ratio, of a total from least to most."""
    inside = mp.fsum(n * psi**x for x, n in counted.items() if least <= x <= most)
    return inside / mp.fsum(n * psi**x for x, n in counted.items())


def mean(counted: dict[int, int], psi: mp.mpf) -> mp.mpf:
    """Give the expected total at an odds ratio."""
    return mp.fsum(x * n * psi**x for x, n in counted.items()) / mp.fsum(
        n * psi**x for x, n in counted.items()
    )


def where_it_rises_to(target: mp.mpf, rising: Callable[[mp.mpf], mp.mpf]) -> float:
    """Find the odds ratio at which a rising function reaches the target, by halving."""
    with mp.workdps(50):
        low, high = mp.mpf(-60), mp.mpf(60)
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if rising(mp.exp(middle)) < target else (low, middle)
        return float(mp.exp(low))


def agrees(found: Ratio, tables: list[Table]) -> None:
    """Compare an estimate and its 95% interval with sums over every way to fill the strata."""
    counted = ways_together(tables)
    total = sum(table.both for table in tables)
    error = mp.mpf("0.025")
    lower, upper, estimate = 0.0, math.inf, 0.0 if total == min(counted) else math.inf
    if total > min(counted):
        lower = where_it_rises_to(error, lambda psi: chance(counted, psi, total))
    if total < max(counted):
        upper = where_it_rises_to(1 - error, lambda psi: chance(counted, psi, total + 1))
    if min(counted) < total < max(counted):
        estimate = where_it_rises_to(mp.mpf(total), lambda psi: mean(counted, psi))
    assert found[:3] == pytest.approx((estimate, lower, upper), rel=1e-9)


@pytest.mark.parametrize(
    "cells",
    [(3, 1, 1, 3), (2, 10, 15, 3), (0, 7, 5, 40), (6, 0, 3, 11), (12, 88, 9, 291), (1, 1, 0, 1)],
)
def test_odds_ratio_solves_the_exact_tails(cells: tuple[int, int, int, int]) -> None:
    """Estimate and bounds are where sums over all tables with the margins, at 50 digits, put them.

    One of these is the twins of Fisher's example, published as 0.0469 [0.0033, 0.3632].
    """
    agrees(odds_ratio(Table(*cells)), [Table(*cells)])
    assert odds_ratio(Table(2, 10, 15, 3))[:3] == pytest.approx((0.0469, 0.0033, 0.3632), abs=5e-5)


@pytest.mark.parametrize(
    "strata",
    [
        [(3, 1, 1, 3), (2, 5, 4, 9)],
        [(0, 4, 3, 6), (0, 9, 1, 4), (0, 2, 2, 2)],
        [(2, 0, 1, 5), (3, 0, 2, 4)],
        [(1, 6, 2, 20), (2, 9, 1, 15), (0, 3, 1, 9), (1, 1, 2, 6)],
    ],
)
def test_common_odds_ratio_solves_the_exact_tails(strata: list[tuple[int, int, int, int]]) -> None:
    """Over strata as well, by going through every way to fill all of them."""
    tables = [Table(*cells) for cells in strata]
    found = common_odds_ratio(tables)
    assert found.agree
    agrees(found.ratio, tables)
    together = sum(Fraction(a * d, a + b + c + d) for a, b, c, d in strata)
    apart = sum(Fraction(b * c, a + b + c + d) for a, b, c, d in strata)
    assert found.mantel_haenszel == (pytest.approx(float(together / apart)) if apart else math.inf)


@pytest.mark.parametrize(
    ("cells", "estimate", "lower_is_0", "upper_is_inf"),
    [
        ((0, 0, 0, 0), math.nan, True, True),
        ((0, 0, 3, 90), math.nan, True, True),  # no cleanup failed
        ((0, 9, 0, 90), math.nan, True, True),  # no restore failed
        ((4, 5, 0, 0), math.nan, True, True),  # nothing forced
        ((4, 0, 6, 0), math.nan, True, True),  # every restore failed
        ((0, 9, 3, 90), 0, True, False),
        ((4, 5, 0, 90), math.inf, False, True),
        ((1, 0, 0, 1), math.inf, False, True),
    ],
)
def test_empty_cells_and_margins(
    cells: tuple[int, int, int, int], estimate: float, lower_is_0: bool, upper_is_inf: bool
) -> None:
    """A zero cell gives 0 or infinity with one bound in between; an empty margin says nothing."""
    found = odds_ratio(Table(*cells))
    assert found.estimate == pytest.approx(estimate, nan_ok=True)
    assert (found.lower == 0, found.upper == math.inf) == (lower_is_0, upper_is_inf)
    common = common_odds_ratio([Table(*cells)] * 2)
    assert common.strata == (0 if lower_is_0 and upper_is_inf else 2)
    assert common.ratio.estimate == pytest.approx(estimate, nan_ok=True)


@cache
def exact(table: Table) -> tuple[float, float]:
    """Give the interval under test."""
    return odds_ratio(table)[1:3]


@cache
def mid_p(table: Table) -> tuple[float, float]:
    """Give a planted defect: half of the observed table's chance is left out of each tail."""
    counted, total = ways(table), table.both
    if len(counted) == 1:
        return 0.0, math.inf
    grid = np.linspace(-12, 12, 2401)
    weights = np.array([n * np.exp(x * grid) for x, n in counted.items()])
    weights /= weights.sum(axis=0)
    above = np.array([x > total for x in counted]) @ weights
    at = weights[list(counted).index(total)]
    inside = grid[(above + at / 2 > 0.025) & (above + at / 2 < 0.975)]
    return math.exp(inside[0] - 0.01), math.exp(inside[-1] + 0.01)


@cache
def wald(table: Table) -> tuple[float, float]:
    """Give a planted defect: the logarithm's standard error, with half a cycle in each cell."""
    a, b, c, d = (
        n + 0.5 for n in (table.both, table.cleanup_only, table.restore_only, table.neither)
    )
    off = 1.96 * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return a * d / (b * c) * math.exp(-off), a * d / (b * c) * math.exp(off)


def worst_errors(bounds: Bounds, rows: int, succeeded: int, share: float) -> tuple[float, float]:
    """Enumerate all tables, the second row sampled from so many cycles.

    Returns:
        How often, at worst, the truth lies below the lower and above the upper bound.
    """
    tables = [
        (Table(a, rows - a, c, forced - c), binomial(forced, succeeded, share))
        for forced in (range(succeeded + 1) if share < 1 else [succeeded])
        for a, c in itertools.product(range(rows + 1), range(forced + 1))
    ]
    seen = [(*bounds(table), table, sampled) for table, sampled in tables]
    below, above = [], []
    for p, q in itertools.product(RATES, RATES):
        truth = p / (1 - p) / (q / (1 - q))
        missed = [0.0, 0.0]
        for low, high, table, sampled in seen:
            if not low / NUDGE <= truth <= high * NUDGE:
                here = binomial(table.both, rows, p) * binomial(table.restore_only, table.forced, q)
                missed[truth > high] += here * sampled
        below.append(missed[0])
        above.append(missed[1])
    return max(below), max(above)


@pytest.mark.parametrize(("rows", "succeeded", "share"), [(7, 9, 1.0), (12, 12, 1.0), (5, 8, 0.4)])
def test_odds_ratio_covers_whatever_the_shares(rows: int, succeeded: int, share: float) -> None:
    """Enumerated exactly either bound misses at most 25 in 1000, also where one row is a sample.

    The truth is that of all cycles, sampled or not: the odds ratio does not notice the share.
    """
    assert max(worst_errors(exact, rows, succeeded, share)) <= 0.025


def worst_error_within(bounds: Bounds, rows: int, forced: int, failed: int) -> float:
    """Enumerate the tables of given margins only: how often a bound, at worst, misses the truth."""
    tables = [
        Table(x, rows - x, failed - x, forced - failed + x)
        for x in range(max(0, failed - forced), min(rows, failed) + 1)
    ]
    counted = ways(tables[0])
    worst = 0.0
    for truth in np.exp(np.linspace(-5, 5, 101)).tolist():
        everything = sum(n * truth**x for x, n in counted.items())
        missed = [0.0, 0.0]
        for table in tables:
            low, high = bounds(table)
            if not low / NUDGE <= truth <= high * NUDGE:
                missed[truth > high] += counted[table.both] * truth**table.both / everything
        worst = max(worst, *missed)
    return worst


@pytest.mark.parametrize("margins", [(14, 14, 9), (30, 6, 8), (5, 200, 12)])
def test_odds_ratio_covers_within_margins_and_shorter_intervals_do_not(
    margins: tuple[int, int, int],
) -> None:
    """Given its margins too each bound misses 25 in 1000 at most, and nearly as many at worst.

    The same enumeration catches the planted defects, mid-p tails and Wald's standard error.
    """
    assert 0.02 < worst_error_within(exact, *margins) <= 0.025
    assert worst_error_within(mid_p, *margins) > 0.027
    assert worst_error_within(wald, *margins) > 0.027


def test_odds_ratio_is_the_same_at_every_share() -> None:
    """Neither the share nor the untried change it, in one stratum or several."""
    sampled = Table(5, 40, 7, 300, 0.1, 2700)
    assert odds_ratio(sampled) == odds_ratio(Table(5, 40, 7, 300))
    assert common_odds_ratio([sampled] * 2) == common_odds_ratio([Table(5, 40, 7, 300)] * 2)
    whole, tenth = (Table(50, 400, c, d) for c, d in ((700, 30_000), (70, 3000)))
    assert odds_ratio(tenth).estimate == pytest.approx(odds_ratio(whole).estimate, rel=2e-3)


@settings(deadline=None, max_examples=25)
@given(TABLES, st.floats(0.1, 0.999), st.floats(0.1, 0.999))
def test_odds_ratio_obeys_the_symmetries(table: Table, one: float, other: float) -> None:
    """Rows swapped invert it, rows for columns leave it, and more confidence is wider."""
    a, b, c, d = table.both, table.cleanup_only, table.restore_only, table.neither
    found = odds_ratio(table, one)
    swapped = odds_ratio(Table(c, d, a, b), one)
    assert swapped.lower == pytest.approx(1 / found.upper if found.upper else math.inf, rel=1e-7)
    assert found.lower == pytest.approx(1 / swapped.upper if swapped.upper else math.inf, rel=1e-7)
    assert odds_ratio(Table(a, c, b, d), one)[:3] == pytest.approx(found[:3], rel=1e-7, nan_ok=True)
    assert common_odds_ratio([table], one).ratio == found
    assert math.isnan(found.estimate) or found.lower <= found.estimate <= found.upper
    narrow, wide = (odds_ratio(table, level) for level in sorted((one, other)))
    assert wide.lower <= narrow.lower * NUDGE
    assert narrow.upper <= wide.upper * NUDGE


@settings(deadline=None, max_examples=25)
@given(CELLS, st.integers(1, 300), CELLS, CELLS)
def test_more_double_failures_raise_the_odds_ratio(a: int, b: int, c: int, d: int) -> None:
    """One restore more that fails after a failed cleanup moves neither bound down."""
    fewer, more = odds_ratio(Table(a, b, c, d)), odds_ratio(Table(a + 1, b - 1, c, d))
    if c and d:
        assert fewer.lower <= more.lower * NUDGE
        assert fewer.upper <= more.upper * NUDGE


@pytest.mark.parametrize(
    "cells",
    [(1000, 49_000, 19_000, 931_000), (250_000,) * 4, (20_000, 30_000, 4000, 946_000)],
)
def test_a_million_cycles_are_as_the_normal_law_says(cells: tuple[int, int, int, int]) -> None:
    """At that size the logarithm is normal, with the well-known standard error, for two strata too.

    The lift is wider than its own normal interval, by no more than half.
    """
    a, b, c, d = cells
    error = math.sqrt(sum(1 / n for n in cells))
    found, twice = odds_ratio(Table(*cells)), common_odds_ratio([Table(*cells)] * 2).ratio
    for ratio, off in ((found, 1.96 * error), (twice, 1.96 * error / math.sqrt(2))):
        logs = [math.log(value / (a * d / (b * c))) for value in ratio[:3]]
        assert logs == pytest.approx([0, -off, off], rel=0.02, abs=1e-4)
    failed, forced, cleanup = a / (a + b), c / (c + d), (a + b) / sum(cells)
    relative = math.sqrt((1 - failed) / a + (1 - forced) / c) * (1 - cleanup) * forced
    relative /= cleanup * failed + (1 - cleanup) * forced
    times = lift(Table(*cells)).ratio
    width = math.log(times.upper / times.lower) / 2
    assert 1.96 * relative < width
    if failed == pytest.approx(forced):  # else P(cleanup fails) matters too
        assert width < 1.5 * 1.96 * relative


# Strata


def zelen_p(tables: list[Table]) -> Fraction:
    """Give Zelen's p-value in exact fractions, by going through every way to fill the strata."""
    total = sum(table.both for table in tables)
    observed = math.prod(ways(table)[table.both] for table in tables)
    likely = [
        math.prod(n for _, n in filled)
        for filled in itertools.product(*(ways(table).items() for table in tables))
        if sum(x for x, _ in filled) == total
    ]
    return Fraction(sum(n for n in likely if n <= observed), sum(likely))


@pytest.mark.parametrize(
    "strata",
    [
        [(3, 1, 1, 3), (2, 5, 4, 9)],
        [(5, 1, 1, 9), (1, 7, 6, 2), (2, 3, 3, 4)],
        [(8, 0, 0, 8), (0, 8, 8, 0)],
        [(1, 6, 2, 20), (2, 9, 1, 15), (0, 3, 1, 9), (1, 1, 2, 6)],
        [(0, 3, 4, 9), (0, 5, 2, 9)],
        [(3, 2, 1, 6), (0, 5, 4, 3), (2, 3, 2, 5), (2, 3, 2, 5)],  # the same margins in all
    ],
)
def test_homogeneity_is_zelens(strata: list[tuple[int, int, int, int]]) -> None:
    """The p-value is the one that exact fractions give."""
    tables = [Table(*cells) for cells in strata]
    found = common_odds_ratio(tables)
    assert found.test == "zelen"
    assert found.homogeneity == pytest.approx(float(zelen_p(tables)), rel=1e-9)
    assert found.agree == (found.homogeneity >= dependence.DISAGREE)


def test_large_strata_are_tested_by_breslow_day_tarone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not every way can be looked at the statistic decides, and says about the same."""
    tables = [Table(60, 240, 80, 620), Table(50, 310, 40, 500), Table(90, 300, 70, 400)]
    monkeypatch.setattr(dependence, "_ENUMERABLE", 10**9)
    exactly = common_odds_ratio(tables)
    monkeypatch.setattr(dependence, "_ENUMERABLE", 0)
    found = common_odds_ratio(tables)
    assert (exactly.test, found.test) == ("zelen", "breslow_day_tarone")
    assert found.homogeneity == pytest.approx(exactly.homogeneity, rel=0.1)
    assert found.ratio == exactly.ratio
    clash = common_odds_ratio([*tables, Table(20, 380, 300, 900)])
    assert clash.homogeneity < 1e-6
    assert not clash.agree


def test_breslow_day_tarone_is_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """It agrees with the statistic worked out at 50 digits, with fitted cells found by halving."""
    monkeypatch.setattr(dependence, "_ENUMERABLE", 0)
    cells = [(6, 24, 8, 62), (5, 31, 4, 50), (19, 30, 7, 40)]
    psi = common_odds_ratio([Table(*c) for c in cells]).ratio.estimate
    with mp.workdps(50):
        off, variance = [], []
        for a, b, c, d in cells:
            low, high = mp.mpf(max(0, a - d)), mp.mpf(min(a + b, a + c))
            for _ in range(150):
                x = (low + high) / 2
                up = x * (d - a + x) < psi * (a + b - x) * (a + c - x)
                low, high = (x, high) if up else (low, x)
            off.append(a - x)
            variance.append(1 / (1 / x + 1 / (a + b - x) + 1 / (a + c - x) + 1 / (d - a + x)))
        statistic = sum(o**2 / v for o, v in zip(off, variance, strict=True))
        statistic -= sum(off) ** 2 / sum(variance)
        expected = float(mp.exp(-statistic / 2))  # chi-square of 2 degrees
    found = common_odds_ratio([Table(*c) for c in cells])
    assert found.homogeneity == pytest.approx(expected, rel=1e-9)


def test_strata_that_disagree_have_no_common_odds_ratio() -> None:
    """Dependent one way here and the other way there: no number stands for both."""
    found = common_odds_ratio([Table(30, 10, 10, 50), Table(10, 30, 50, 10)])
    assert not found.agree
    assert all(math.isnan(x) for x in (*found.ratio[:3], found.mantel_haenszel))


def test_strata_without_information_are_ignored() -> None:
    """A condition in which no restore failed changes nothing, however many cycles it has."""
    told = [Table(3, 10, 5, 90), Table(2, 12, 6, 80)]
    silent = [Table(0, 400, 0, 9000), Table(0, 0, 7, 50), Table(9, 0, 3, 0)]
    assert common_odds_ratio([*told, *silent]) == common_odds_ratio(told)
    assert common_odds_ratio(told).strata == 2
    nothing = common_odds_ratio([])
    assert nothing.ratio[1:3] == (0, math.inf)
    assert nothing.agree


def test_many_tiny_strata_are_counted_together() -> None:
    """500 strata of two pairs each: the bounds are the binomial's, of the pairs that differ.

    With one cycle in each row, `both` is one of two where one restore failed, and its chance is
    psi / (1 + psi).
    """
    tables = [Table(1, 0, 0, 1)] * 320 + [Table(0, 1, 1, 0)] * 180
    found = common_odds_ratio(tables)
    share = clopper_pearson(320, 500)
    assert found.ratio[:3] == pytest.approx([p / (1 - p) for p in share[:3]], rel=1e-9)
    assert found.mantel_haenszel == pytest.approx(320 / 180)
    extreme = common_odds_ratio([Table(1, 0, 0, 1)] * 500)
    lower = clopper_pearson(500, 500).lower
    assert extreme.ratio[:3] == pytest.approx((math.inf, lower / (1 - lower), math.inf), rel=1e-9)


def test_pooling_would_make_a_dependence_of_nothing() -> None:
    """Simpson's paradox: each condition is independent, their sum is not, and strata see through.

    The planted defect adds the tables up; its interval lies far above 1.
    """
    calm, stormy = Table(1, 49, 19, 931), Table(320, 80, 480, 120)
    pooled = Table(*(getattr(calm, n) + getattr(stormy, n) for n in CELL_NAMES))
    assert odds_ratio(pooled).lower > 3
    assert lift(pooled).ratio.lower > 1.5
    found = common_odds_ratio([calm, stormy])
    assert found.agree
    assert found.ratio.estimate == pytest.approx(1, abs=0.01)
    assert found.mantel_haenszel == pytest.approx(1)
    assert found.ratio.lower < 1 < found.ratio.upper
    for table in (calm, stormy):
        assert lift(table).ratio.estimate == pytest.approx(1)
        assert lift(table).predicted.estimate == pytest.approx(lift(table).measured.estimate)


CELL_NAMES = ("both", "cleanup_only", "restore_only", "neither")


# The lift


def test_a_forced_restore_counts_for_as_many_as_it_was_sampled_from() -> None:
    """P(restore fails) weights both rows, in exact fractions, with counted or estimated cycles."""
    cleanup = Fraction(500, 10_000)
    restore = cleanup * Fraction(12, 500) + (1 - cleanup) * Fraction(30, 1900)
    for table in (Table(12, 488, 30, 1870, 0.2, 7600), Table(12, 488, 30, 1870, 0.2)):
        expected = (cleanup, restore, Fraction(12, 10_000))
        assert table.chances == pytest.approx([float(x) for x in expected])
        found = lift(table)
        assert found.predicted.estimate == pytest.approx(float(1 - cleanup * restore))
        assert found.measured.estimate == pytest.approx(1 - 0.0012)
        assert found.ratio.estimate == pytest.approx(
            float(Fraction(12, 10_000) / cleanup / restore)
        )
    counted, estimated = (lift(Table(12, 488, 30, 1870, 0.2, n)) for n in (7600, None))
    assert counted.measured == clopper_pearson(9988, 10_000)
    for one, other in ((counted.predicted, estimated.predicted), (counted[2], estimated[2])):
        # not to know the number of cycles costs little where many restores were forced
        assert 1 - other.lower == pytest.approx(1 - one.lower, rel=0.3)
        assert 1 - other.upper == pytest.approx(1 - one.upper, rel=0.3)


cached_lift = cache(lift)


def tables_of(cycles: int, share: float, counted: bool) -> Iterator[tuple[Table, int]]:
    """Go through all that so many cycles can give; with each table, how many were not tried."""
    for failed in range(cycles + 1):
        succeeded = cycles - failed
        for forced in range(succeeded + 1) if share < 1 else [succeeded]:
            left = succeeded - forced
            for a, c in itertools.product(range(failed + 1), range(forced + 1)):
                untried = left if counted and share < 1 else None
                yield Table(a, failed - a, c, forced - c, share, untried), left


def lift_coverage(
    cycles: int, share: float, counted: bool, seen: Callable[[Table], Lift]
) -> list[float]:
    """Enumerate the worst coverage of the lift, and of the reliabilities predicted and measured."""
    tables = [(table, left, seen(table)) for table, left in tables_of(cycles, share, counted)]
    worst = [1.0, 1.0, 1.0]
    for cleanup, failed, forced in itertools.product([0.05, 0.3, 0.7], [0.1, 0.6], [0.1, 0.4]):
        restore = cleanup * failed + (1 - cleanup) * forced
        truths = (failed / restore, 1 - cleanup * restore, 1 - cleanup * failed)
        covered = [0.0, 0.0, 0.0]
        for table, left, found in tables:
            chance_here = (
                binomial(table.cleanup_failed, cycles, cleanup)
                * binomial(table.forced, table.forced + left, share)
                * binomial(table.both, table.cleanup_failed, failed)
                * binomial(table.restore_only, table.forced, forced)
            )
            for which, truth in enumerate(truths):
                interval = found[which]
                covered[which] += chance_here * (interval.lower <= truth <= interval.upper)
        worst = [min(pair) for pair in zip(worst, covered, strict=True)]
    return worst


@pytest.mark.parametrize(
    ("cycles", "share", "counted"), [(9, 1.0, True), (6, 0.5, True), (6, 0.5, False)]
)
def test_lift_and_reliabilities_cover(cycles: int, share: float, counted: bool) -> None:
    """Enumerated exactly each of the three intervals holds the truth 95 in 100 times."""
    assert min(lift_coverage(cycles, share, counted, cached_lift)) >= 0.95


def without_share(table: Table) -> Lift:
    """Give a planted defect: the forced restores are taken for all there were."""
    return cached_lift(Table(table.both, table.cleanup_only, table.restore_only, table.neither))


def by_logarithms(table: Table) -> Lift:
    """Give a planted defect: the delta method on the logarithm of the lift."""
    a, b, c = table.both, table.cleanup_only, table.restore_only
    found = cached_lift(table)
    if not a:
        return found
    cycles = a + b + c + table.neither
    error = math.sqrt(abs(1 / a - 1 / (a + b) - 1 / (a + c) + 1 / cycles))
    low, high = (found.ratio.estimate * math.exp(sign * 1.96 * error) for sign in (-1, 1))
    return found._replace(ratio=found.ratio._replace(lower=low, upper=high))


def test_the_share_ignored_and_the_delta_method_break_the_promise() -> None:
    """The same enumeration catches both planted defects."""
    assert lift_coverage(7, 0.1, True, without_share)[2] < 0.95
    assert lift_coverage(9, 1.0, True, by_logarithms)[0] < 0.95


def squared_score(count: int, trials: int, shares: Floats, *, too_small: bool) -> Floats:
    """Square the normal score of shares that are too small, or too great, for so many of trials."""
    seen = range(count, trials + 1) if too_small else range(count + 1)
    tails = sum((math.comb(trials, k) * shares**k * (1 - shares) ** (trials - k) for k in seen), 0)
    return np.array([NormalDist().inv_cdf(min(float(t), 0.5)) ** 2 for t in np.asarray(tails)])


@pytest.mark.parametrize(
    ("table", "tried"),
    [(Table(4, 16, 6, 54, 0.5, 60), 140), (Table(2, 5, 11, 20), 38), (Table(1, 11, 5, 3), 20)],
)
def test_bounds_are_the_extremes_over_what_the_data_accept(table: Table, tried: int) -> None:
    """No triple of shares with acceptable scores gives a value outside, and some give one close by.

    The tails are summed binomials and the limit is simulated: not the formulas of the package.
    """
    scores = np.random.default_rng(8).standard_normal((1_000_000, 3))
    sums = scores[:, 0] ** 2 + (np.maximum(scores[:, 1:], 0) ** 2).sum(axis=1)
    limit = float(np.quantile(sums, 0.975))
    margins = (
        (table.cleanup_failed, tried),
        (table.both, table.cleanup_failed),
        (table.restore_only, table.forced),
    )
    axes = [np.geomspace(*clopper_pearson(*margin, 0.999)[1:3], 120) for margin in margins]
    below, above = (
        [squared_score(*m, x, too_small=side) for m, x in zip(margins, axes, strict=True)]
        for side in (True, False)
    )
    cleanup, failed, forced = np.meshgrid(*axes, indexing="ij")
    restore = cleanup * failed + (1 - cleanup) * forced
    found = lift(table)

    def accepted(failed_scores: Floats, forced_scores: Floats) -> NDArray[np.bool_]:
        on_axis = np.maximum(below[0], above[0]), failed_scores, forced_scores
        total = sum(np.meshgrid(*on_axis, indexing="ij"), np.zeros(cleanup.shape))
        return np.asarray(total <= limit * 0.995)

    times, unreliable = failed / restore, cleanup * restore
    extremes = [
        (times[accepted(above[1], below[2])].max(), found.ratio.upper),
        (1 / times[accepted(below[1], above[2])].min(), 1 / found.ratio.lower),
        (unreliable[accepted(above[1], above[2])].max(), 1 - found.predicted.lower),
        (1 / unreliable[accepted(below[1], below[2])].min(), 1 / (1 - found.predicted.upper)),
    ]
    for inside, bound in extremes:
        assert 0.85 * bound < inside <= bound


@settings(deadline=None, max_examples=25)
@given(TABLES, st.floats(0.1, 0.999), st.floats(0.1, 0.999))
def test_lift_obeys_its_laws(table: Table, one: float, other: float) -> None:
    """Estimates lie inside, more confidence is wider, shares stay shares."""
    narrow, wide = (lift(table, level) for level in sorted((one, other)))
    pairs = [(getattr(narrow, name), getattr(wide, name)) for name in Lift._fields]
    for tight, loose in pairs:
        assert loose.lower <= tight.lower * NUDGE + 1e-12
        assert tight.upper <= loose.upper * NUDGE + 1e-12
        assert math.isnan(tight.estimate) or tight.lower <= tight.estimate <= tight.upper
        assert tight.lower >= 0
    assert max(wide.predicted.upper, wide.measured.upper) <= 1
    assert not math.isnan(wide.ratio.lower + wide.ratio.upper)


@settings(deadline=None, max_examples=25)
@given(CELLS, CELLS, CELLS, CELLS)
def test_a_share_of_1_is_the_plain_table(a: int, b: int, c: int, d: int) -> None:
    """With every restore tried the estimates are those of the table, rows for columns alike."""
    table, n = Table(a, b, c, d), a + b + c + d
    cleanup, restore, both = table.chances
    assert Table(a, c, b, d).chances == pytest.approx((restore, cleanup, both), nan_ok=True)
    if n:
        assert (cleanup, restore, both) == pytest.approx(((a + b) / n, (a + c) / n, a / n))
    assert repr(lift(Table(a, b, c, d, 1.0, 0))) == repr(lift(table))


@pytest.mark.parametrize(
    ("table", "ratio", "estimates"),
    [
        (Table(0, 0, 0, 0), (0, math.inf), (math.nan, math.nan)),
        (Table(0, 0, 0, 0, 0.5, 9), (0, math.inf), (math.nan, 1)),  # nothing forced
        (Table(0, 0, 0, 500), (0, math.inf), (1, 1)),
        (Table(4, 3, 0, 0), (None, None), (3 / 7, 3 / 7)),  # no cleanup succeeded
        (Table(0, 0, 3, 90), (0, None), (1, 1)),
        (Table(0, 9, 0, 90), (0, None), (1, 1)),
        (Table(1, 0, 0, 1), (None, None), (0.75, 0.5)),
    ],
)
def test_lift_of_empty_cells(
    table: Table, ratio: tuple[float | None, float | None], estimates: tuple[float, float]
) -> None:
    """What was never seen is bounded all the same, by numbers that stand in order."""
    found = lift(table)
    assert (found.predicted.estimate, found.measured.estimate) == pytest.approx(
        estimates, nan_ok=True
    )
    low, high = ratio
    assert found.ratio.lower == low if low is not None else found.ratio.lower > 0
    assert found.ratio.upper == high if high is not None else found.ratio.upper < math.inf


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            Table(12, 488, 30, 1870, 0.2, 7600),
            "independence predicts 99.919% [99.868%, 99.954%]; measured 99.88% [99.79%, 99.94%]; "
            "both fail 0.51 to 3.5 times as often as independence says",
        ),
        (
            Table(0, 0, 0, 0),
            "independence predicts - [0%, 100%]; measured - [0%, 100%]; "
            "both fail at least 0 times as often as independence says",
        ),
        (
            Table(1000, 49_000, 19_000, 931_000),
            "independence predicts 99.9000% [99.8976%, 99.9024%]; "
            "measured 99.900% [99.893%, 99.907%]; "
            "both fail 0.91 to 1.1 times as often as independence says",
        ),
    ],
)
def test_sentence_has_the_digits_that_the_data_allow(table: Table, says: str) -> None:
    """Few cycles give few digits, and bounds are rounded outwards."""
    assert lift(table).sentence() == says


@settings(deadline=None, max_examples=25)
@given(TABLES)
def test_sentence_never_says_100_of_less(table: Table) -> None:
    """Only a reliability of just 1 or 0 is printed as such, however few the cycles."""
    found = lift(table)
    for share, text in zip(
        (found.predicted, found.measured), found.sentence().split(";")[:2], strict=True
    ):
        figure = text.split(" [")[0].split()[-1]
        assert (figure == "100%") == (share.estimate == 1)
        assert (figure == "0%") == (share.estimate == 0)


def test_importing_leaves_scipy_alone() -> None:
    """Commands that judge nothing do not wait for scipy."""
    program = (
        "import sys; from harness.statistics import dependence; sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Table(-1, 0, 0, 0), "both must be a count of cycles, 0 or more, not -1"),
        (lambda: Table(0, 0, 0, 1.5), "neither must be a count"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: Table(0, 0, 0, 0, 0.5, -3), "untried must be a count"),
        (lambda: Table(0, 0, 0, 0, 0.0), "share must be above 0 and up to 1, not 0.0"),
        (lambda: Table(0, 0, 0, 0, math.nan), "share must be above 0"),
        (lambda: Table(0, 0, 0, 0, 1.0, 5), "untried must be 0 at a share of 1"),
        (lambda: odds_ratio(Table(1, 1, 1, 1), 95), "confidence must lie between 0 and 1, not 95"),
        (lambda: common_odds_ratio([], 1), "confidence must lie between"),
        (lambda: lift(Table(1, 1, 1, 1), 0), "confidence must lie between"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
