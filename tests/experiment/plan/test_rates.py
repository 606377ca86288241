"""Solving for rates: by real records, and not by broken ones."""

from __future__ import annotations

import random

import pytest

from harness.errors import MeasurementError
from harness.experiment.plan.rates import solved
from harness.experiment.written.configuration import (
    Calibration,
    Condition,
    Experiment,
    FaultSetting,
    SetBy,
)
from harness.results.records import CycleRecord

FAULTS = {"noop": FaultSetting(rate=SetBy(set_by="most", times=0.5))}
EXPERIMENT = Experiment(
    name="x",
    conditions=(Condition(name="a", faults=FAULTS),),
    calibrations={"most": Calibration(target=0.8, condition="a", cycles=3000)},
)


def measure(condition: Condition, cycles: range) -> list[CycleRecord]:
    """Fail with a chance of ten times the rate."""
    chance = min(1.0, 10 * condition.rates()["noop"])
    return [
        CycleRecord("a", n, "dirty_known" if random.Random(n).random() < chance else "cleaned")  # noqa: S311 - no secret
        for n in cycles
    ]


def test_the_rate_solved_for_gives_the_target() -> None:
    """A known dependence is found again: 10 * 0.5 * rate = 0.2 at rate 0.04."""
    assert solved(EXPERIMENT, measure)["most"] == pytest.approx(0.04, rel=0.3)


def test_a_harness_error_is_no_point_to_solve_by() -> None:
    """Calibration stops, and names the cycle."""

    def broken(condition: Condition, cycles: range) -> list[CycleRecord]:
        return [CycleRecord("a", n, "harness_error", detail="planted") for n in cycles]

    with pytest.raises(MeasurementError, match=r"calibration 'most': cycle 0 .* planted"):
        solved(EXPERIMENT, broken)
