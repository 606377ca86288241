"""Before the first cycle: baselines, rates that are solved for, the cycles of strata."""

from __future__ import annotations

from harness.errors import ConfigurationError, UsageError
from harness.experiment.cycle.rehearsal import rehearse
from harness.experiment.plan import pilot, planning
from harness.experiment.plan.rates import Calibrate, Measure
from harness.experiment.run.pool import Task
from harness.experiment.run.under_way import UnderWay
from harness.experiment.written.configuration import Condition, Experiment
from harness.results.records import CycleRecord


def build_baselines(run: UnderWay) -> None:
    """Build every baseline; UsageError names file, condition and key where there can be none."""
    for condition in run.configured.conditions:
        if run.pool.stop.is_set():
            raise KeyboardInterrupt
        try:
            pristine = run.baselines.of(condition)
            planning.check_script(condition, run.configured.seed, pristine)
            seed, stopped = run.configured.seed, run.pool.stop.is_set
            rehearse(condition, seed, pristine, run.pool.root, stopped=stopped)
        except UsageError as error:
            raise ConfigurationError(f"{run.source}: {error}") from error


def calibrated(run: UnderWay, calibrate: Calibrate) -> dict[str, float]:
    """Solve for the rates that calibrations set: {name of the calibration: rate}."""
    if not run.configured.calibrations:
        return {}
    run.say(f"calibrating: {', '.join(run.configured.calibrations)}")
    return dict(calibrate(run.configured, _measure(run)))


def designed(run: UnderWay, experiment: Experiment) -> Experiment:
    """Allocate the cycles of strata; UsageError names the file where there are too few."""

    def slots(condition: Condition) -> dict[str, int]:
        pristine = run.baselines.of(condition)
        return planning.slots_by_kind(condition, experiment.seed, pristine)

    try:
        return pilot.designed(experiment, slots, _measure(run))
    except UsageError as error:
        raise ConfigurationError(f"{run.source}: {error}") from error


def _measure(run: UnderWay) -> Measure:
    """Run cycles that are not stored."""

    def measure(condition: Condition, cycles: range) -> list[CycleRecord]:
        task = Task(condition, run.baselines.of(condition), cycles)
        records = [record for batch in run.pool.run([task]) for record in batch]
        if run.pool.stop.is_set():
            raise KeyboardInterrupt
        return sorted(records, key=lambda record: record.cycle)

    return measure
