"""Tables of cycles to try, and their odds ratios by going through every way to fill them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.statistics.dependence import Ratio, Table

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
