"""The one odds ratio that several conditions share, unless they disagree; they are never pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.statistics.dependence import Ratio, Table
from harness.statistics.intervals import check_confidence
from harness.statistics.odds import (
    conditional,
    distribution,
    fitted_cell,
    informative,
    log_tilt,
    total_both,
)

Floats = NDArray[np.float64]

DISAGREE = 0.05  # strata whose homogeneity is less probable than this have no common odds ratio
_ENUMERABLE = 1_000_000  # ways to fill strata, at a time, that are still all looked at


class CommonOddsRatio(NamedTuple):
    """What strata say together of one odds ratio; nan throughout where they disagree."""

    ratio: Ratio
    strata: int  # those that have information
    agree: bool  # whether one ratio may stand for all: homogeneity is at least DISAGREE
    homogeneity: float  # p-value of the test that they share one odds ratio
    test: Literal["zelen", "breslow_day_tarone"]


def common_odds_ratio(tables: Sequence[Table], confidence: float = 0.95) -> CommonOddsRatio:
    """Estimate the one odds ratio of several strata, unless they disagree.

    Homogeneity is tested exactly (M. Zelen, "The analysis of several 2x2 contingency tables",
    Biometrika 58 (1971) 129-137) where the ways to fill the strata are few enough to look at, as
    with two, or with many tiny ones that are alike; else by Breslow and Day's statistic as R. E.
    Tarone corrected it ("On heterogeneity tests based on efficient scores", Biometrika 72 (1985)
    91-95), good where counts are not tiny.

    Args:
        tables: one for each condition; those with an empty margin are left out.
        confidence: the least probability, between 0 and 1, that the interval holds the truth.

    Returns:
        The conditional maximum likelihood estimate with its exact interval, nan when homogeneity
        is less probable than `DISAGREE`.

    Raises:
        ValueError: for a confidence outside (0, 1).
    """
    check_confidence(confidence)
    strata = informative(tables)
    homogeneity, test = _homogeneity(strata)
    if homogeneity < DISAGREE:
        nothing = Ratio(math.nan, math.nan, math.nan, confidence, "conditional_exact")
        return CommonOddsRatio(nothing, len(strata), False, homogeneity, test)
    ratio = conditional(strata, confidence)
    return CommonOddsRatio(ratio, len(strata), True, homogeneity, test)


def _homogeneity(
    strata: Sequence[Table],
) -> tuple[float, Literal["zelen", "breslow_day_tarone"]]:
    """Give the p-value of one odds ratio for all strata, and which test that is."""
    if len(strata) < 2 or total_both(strata)[0] in total_both(strata)[1:]:
        return 1.0, "zelen"  # one way only to reach the total
    tilt = log_tilt(strata)
    cells = sorted(
        ((table.both, *distribution(table, tilt)) for table in strata), key=lambda c: len(c[2])
    )
    exactly = _zelen(cells)
    if exactly is not None:
        return exactly, "zelen"
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    psi = math.exp(tilt)
    fitted = np.array([fitted_cell(table, psi) for table in strata])
    margins = np.array([(t.cleanup_failed, t.restore_failed, t.forced) for t in strata]).T
    rows, restore, forced = margins
    variance = 1 / (
        1 / fitted + 1 / (rows - fitted) + 1 / (restore - fitted) + 1 / (forced - restore + fitted)
    )
    off = np.array([table.both for table in strata]) - fitted
    statistic = float((off**2 / variance).sum() - off.sum() ** 2 / variance.sum())
    return float(chdtrc(len(strata) - 1, max(0.0, statistic))), "breslow_day_tarone"


def _zelen(cells: Sequence[tuple[int, int, Floats]]) -> float | None:
    """Sum the chances of all ways to reach the observed total that are no likelier than observed.

    Ways that leave the same total to the other strata and are equally likely are counted as one.

    Args:
        cells: for each stratum the observed cell, and its distribution at whichever odds ratio.

    Returns:
        The p-value, or None when there are too many ways.
    """
    if any(not 0 <= cell - first < len(p) for cell, first, p in cells):
        return 0.0  # a stratum stands where the common odds ratio all but never puts it
    observed = math.fsum(math.log(p[cell - first]) for cell, first, p in cells)
    left: NDArray[Any] = np.array([sum(cell - first for cell, first, _ in cells)])
    log_chances: Floats = np.zeros(1)
    ways: NDArray[Any] = np.ones(1)
    room = sum(len(p) - 1 for _, _, p in cells)
    for _, _, p in cells[:-1]:
        if len(left) * len(p) > _ENUMERABLE:
            return None
        room -= len(p) - 1
        left = np.subtract.outer(left, np.arange(len(p))).ravel()
        log_chances = np.add.outer(log_chances, np.log(p)).ravel()
        ways = np.repeat(ways, len(p))
        possible = (left >= 0) & (left <= room)
        key = left[possible] + 1j * log_chances[possible].round(9)
        _, one, same = np.unique(key, return_index=True, return_inverse=True)
        ways = np.bincount(same, ways[possible])
        left, log_chances = left[possible][one], log_chances[possible][one]
    log_chances = log_chances + np.log(cells[-1][2][left])
    chances = ways * np.exp(log_chances - log_chances.max())
    return float(chances[log_chances <= observed + 1e-7].sum() / chances.sum())
