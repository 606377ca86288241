"""Curves by strata put to the test: only the one that takes each cycle for a sample holds."""

from __future__ import annotations

import numpy as np
import pytest

from harness.statistics import coverage_strata
from harness.statistics.coverage_runs import CHANCE
from harness.statistics.coverage_strata import Slots, strata
from harness.statistics.strata import estimate
from tests.statistics.test_coverage_runs import shares


def test_an_interval_that_takes_a_set_for_certain_misses_a_chance_failure() -> None:
    """One cycle in 10,000 fails by chance: who saw none calls it impossible, and misses it."""
    found = shares(strata(CHANCE))
    assert found["sample"] >= 0.95
    assert found["conditional"] < 0.5
    # where its assumption is true it is right
    assert shares(strata(0.0))["conditional"] >= 0.95


def test_the_truth_over_strata_is_that_of_its_cycles() -> None:
    """A design of so many cycles that every interval is short holds it close to the estimate."""
    design = Slots(
        unstruck=200_000, sampled=((3, 200_000), (4, 200_000), (5, 200_000), (6, 200_000)),
        repeats=20_000, rates=(0.1,),
    )  # fmt: skip
    sample, _ = coverage_strata._drawn(design, 0.05, np.random.default_rng(7))
    found = estimate(sample, [0.1] * 6, [0.01] * 6)
    (truth,) = coverage_strata._truth(design, 0.05)
    assert truth == pytest.approx(0.01 * 0.95 + 0.05, rel=1e-9)  # both struck, or else by chance
    assert found.estimate == pytest.approx(truth, rel=0.01)
