"""Solve for the fault rates that an experiment leaves to its calibrations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.errors import MeasurementError
from harness.experiment.plan import calibration
from harness.experiment.written.configuration import Condition, Experiment
from harness.results.records import CycleRecord
from harness.statistics.digits import number

# Runs cycles of a condition; returns their records in order of cycle number.
Measure = Callable[[Condition, range], list[CycleRecord]]
# Solves for every rate that a calibration sets: its name -> the rate.
Calibrate = Callable[[Experiment, Measure], Mapping[str, float]]
SUCCESSES = ("cleaned", "restored")


def solved(experiment: Experiment, measure: Measure) -> dict[str, float]:
    """Solve every calibration of ``experiment``, in the order of the file.

    MeasurementError where no rate reaches the target, or a cycle is a harness error.
    """
    rates: dict[str, float] = {}
    for name, wanted in experiment.calibrations.items():
        condition = experiment.condition(wanted.condition)

        def evaluate(
            rate: float, first: int, count: int, condition: Condition = condition, name: str = name
        ) -> int:
            at_rate = condition.resolved({**rates, name: rate})
            records = measure(at_rate, range(first, first + count))
            for record in records:
                if record.outcome == "harness_error":
                    raise MeasurementError(
                        f"calibration {name!r}: cycle {record.cycle} of {condition.name!r} at "
                        f"rate {number(rate, 4)} is a harness error: {record.detail}"
                    )
            return sum(record.outcome in SUCCESSES for record in records)

        rates[name] = calibration.solve(wanted.target, evaluate, wanted.cycles).rate
    return rates
