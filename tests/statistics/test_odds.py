from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.common_odds import common_odds_ratio
from harness.statistics.dependence import Table
from harness.statistics.lift import lift
from harness.statistics.odds import odds_ratio
from tests.statistics.tables_by_hand import (
    CELLS,
    NUDGE,
    RATES,
    TABLES,
    Bounds,
    agrees,
    binomial,
    ways,
)


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
