from __future__ import annotations

import itertools
import math
from fractions import Fraction

import mpmath as mp
import pytest

from harness.statistics import common_odds
from harness.statistics.common_odds import common_odds_ratio
from harness.statistics.dependence import Table
from harness.statistics.intervals import clopper_pearson
from harness.statistics.lift import lift
from harness.statistics.odds import odds_ratio
from tests.statistics.tables_by_hand import (
    agrees,
    ways,
)


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
    assert found.agree == (found.homogeneity >= common_odds.DISAGREE)


def test_large_strata_are_tested_by_breslow_day_tarone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not every way can be looked at the statistic decides, and says about the same."""
    tables = [Table(60, 240, 80, 620), Table(50, 310, 40, 500), Table(90, 300, 70, 400)]
    monkeypatch.setattr(common_odds, "_ENUMERABLE", 10**9)
    exactly = common_odds_ratio(tables)
    monkeypatch.setattr(common_odds, "_ENUMERABLE", 0)
    found = common_odds_ratio(tables)
    assert (exactly.test, found.test) == ("zelen", "breslow_day_tarone")
    assert found.homogeneity == pytest.approx(exactly.homogeneity, rel=0.1)
    assert found.ratio == exactly.ratio
    clash = common_odds_ratio([*tables, Table(20, 380, 300, 900)])
    assert clash.homogeneity < 1e-6
    assert not clash.agree


def test_breslow_day_tarone_is_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """It agrees with the statistic worked out at 50 digits, with fitted cells found by halving."""
    monkeypatch.setattr(common_odds, "_ENUMERABLE", 0)
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
    assert all(math.isnan(x) for x in found.ratio[:3])


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
    assert found.ratio.lower < 1 < found.ratio.upper
    for table in (calm, stormy):
        assert lift(table).ratio.estimate == pytest.approx(1)
        assert lift(table).predicted.estimate == pytest.approx(lift(table).measured.estimate)


CELL_NAMES = ("both", "cleanup_only", "restore_only", "neither")
