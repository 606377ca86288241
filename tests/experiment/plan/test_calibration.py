from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import MeasurementError
from harness.experiment.plan.calibration import solve

CURVES: list[Callable[[float], float]] = [
    lambda rate: (1 - rate / 2) ** 18,  # every second fault is fatal
    lambda rate: (1 - rate) ** 6,
    lambda rate: (1 - rate**2) ** 20,  # one retry beats a fault
]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(CURVES), st.sampled_from([0.6, 0.8, 0.95, 0.98]), st.integers(0, 2**32 - 1))
def test_the_rate_found_gives_the_target(
    curve: Callable[[float], float], target: float, seed: int
) -> None:
    """Whatever the curve, the rate found makes the target share succeed, to a few points."""
    random = np.random.default_rng(seed)
    found = solve(target, lambda rate, first, count: random.binomial(count, curve(rate)), 6000)
    assert curve(found.rate) == pytest.approx(target, abs=0.035)
    assert sum(count for _, count, _ in found.points) == found.cycles <= 6000


def test_cycles_are_never_run_twice() -> None:
    """Every stage asks for cycle numbers of its own: no draw is counted double."""
    asked: list[range] = []

    def evaluate(rate: float, first: int, count: int) -> int:
        asked.append(range(first, first + count))
        return round(count * (1 - rate) ** 6)

    solve(0.9, evaluate, 3000)
    numbers = [number for block in asked for number in block]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("share", [0.0, 1.0, 0.5])
def test_a_target_out_of_reach_is_refused(share: float) -> None:
    """A fault that always, never or half the time breaks cannot be tuned to 95%: said, not bent."""
    with pytest.raises(MeasurementError, match="no fault rate makes"):
        solve(0.95, lambda rate, first, count: int(count * share), 2000)


def found_on_average(
    curve: Callable[[float], float], target: float, cycles: int, runs: int
) -> float:
    """Give the mean of the true share at the rates that many calibrations find."""

    def once(seed: int) -> float:
        random = np.random.default_rng(seed)
        evaluate = lambda rate, first, count: int(random.binomial(count, curve(rate)))  # noqa: E731
        return curve(solve(target, evaluate, cycles).rate)

    return float(np.mean([once(seed) for seed in range(runs)]))


def test_few_cycles_aim_at_the_target_and_not_below_it() -> None:
    """What luck one calibration has is made up by others: no cycle weighs by how it ended."""
    assert found_on_average(CURVES[1], 0.75, 160, 40) == pytest.approx(0.75, abs=0.02)


@pytest.mark.long
@pytest.mark.parametrize(
    ("curve", "target", "cycles", "within"),
    [(CURVES[1], 0.75, 160, 0.01), (CURVES[2], 0.98, 450, 0.002)],
)
def test_a_calibration_is_not_biased(
    curve: Callable[[float], float], target: float, cycles: int, within: float
) -> None:
    """Over 250 calibrations the true share is the target to a point, or a fifth of one at 98%."""
    assert found_on_average(curve, target, cycles, 250) == pytest.approx(target, abs=within)
