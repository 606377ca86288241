"""The runs that intervals are put to the test by: they tell a right interval from a wrong one."""

from __future__ import annotations

import numpy as np
import pytest

from harness.statistics import coverage_runs, prediction
from harness.statistics.coverage_runs import Draw, fixed_number, predicted, stopped
from harness.statistics.intervals import Interval


def shares(draw: Draw, runs: int = 60) -> dict[str, float]:
    """Give how often each interval holds the truth."""
    found = draw(np.random.default_rng(7), runs)
    return {name: float(held.mean()) for name, held in found.items()}


def test_a_refusal_taken_for_a_known_share_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the error of the refused backups left out, as planted, the prediction misses."""
    assert min(shares(predicted(0.03, 2_000)).values()) >= 0.95

    def exactly(count: prediction.Count, confidence: float) -> Interval:
        share = 1 - count.number / count.of
        return Interval(share, share, share, confidence, "known")

    monkeypatch.setattr(prediction, "_others", exactly)
    assert max(shares(predicted(0.03, 2_000)).values()) < 0.9


def test_beside_a_verdict_that_stops_a_run_only_one_interval_holds() -> None:
    """Clopper-Pearson's misses more often than it says; the inverted e-processes do not."""
    found = shares(stopped(0.03, 1_000), 100)
    assert found["anytime"] >= found["at every look"] >= 0.9
    assert found["Clopper-Pearson"] < 0.9


def test_a_fixed_number_of_cycles_needs_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clopper-Pearson's holds there; one at the wrong confidence, as planted, does not."""
    assert min(shares(fixed_number(0.03, 1_000), 400).values()) >= 0.93
    plain = coverage_runs.clopper_pearson

    def narrow(successes: int, trials: int, *_: object) -> Interval:
        return plain(successes, trials, 0.5)

    monkeypatch.setattr(coverage_runs, "_once", narrow)
    assert max(shares(fixed_number(0.03, 1_000), 400).values()) < 0.9
