"""Before the first cycle: baselines, rates that are solved for, the cycles of strata."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import ConfigurationError, UsageError
from harness.experiment.cycle.rehearsal import rehearse
from harness.experiment.plan import pilot, planning
from harness.experiment.plan.rates import Calibrate, Measure
from harness.experiment.run.pool import Task
from harness.experiment.run.progress import Tally
from harness.experiment.run.under_way import UnderWay
from harness.experiment.written.configuration import Condition, Experiment
from harness.log import Log
from harness.results.records import CycleRecord

_LOG = Log("run.preparation")


def build_baselines(run: UnderWay) -> None:
    """Build every baseline; UsageError names file, condition and key where there can be none."""
    for condition in run.configured.conditions:
        if run.pool.stop.is_set():
            raise KeyboardInterrupt
        try:
            _LOG.info("rehearsing %s", condition.name)
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
    run.tell(f"calibrating: {', '.join(run.configured.calibrations)}")
    wanted = {wanted.condition: wanted.cycles for wanted in run.configured.calibrations.values()}
    return dict(calibrate(run.configured, _measure(run, "calibrating", wanted)))


def designed(run: UnderWay, experiment: Experiment) -> Experiment:
    """Allocate the cycles of strata; UsageError names the file where there are too few."""

    def slots(condition: Condition) -> dict[str, int]:
        pristine = run.baselines.of(condition)
        return planning.slots_by_kind(condition, experiment.seed, pristine)

    try:
        return pilot.designed(experiment, slots, _measure(run, "pilot of", {}))
    except UsageError as error:
        raise ConfigurationError(f"{run.source}: {error}") from error


def _measure(run: UnderWay, doing: str, wanted: Mapping[str, int]) -> Measure:
    """Run cycles that are not stored; how many there will be in all is ``wanted`` by condition."""
    tallies: dict[str, Tally] = {}

    def measure(condition: Condition, cycles: range) -> list[CycleRecord]:
        if condition.name not in tallies:
            most = wanted.get(condition.name, len(cycles))
            tallies[condition.name] = Tally(condition.name, most, designed=True, doing=doing)
            run.display.begin(tallies[condition.name])
        tally, records = tallies[condition.name], []
        _LOG.info("%s %s: cycles %d to %d", doing, condition.name, cycles.start, cycles.stop - 1)
        tally.wanted = max(tally.wanted, tally.cycles + len(cycles))
        for batch in run.pool.run([Task(condition, run.baselines.of(condition), cycles)]):
            records += batch
            tally.add(batch)
            run.display.tick()
        if run.pool.stop.is_set():
            raise KeyboardInterrupt
        return sorted(records, key=lambda record: record.cycle)

    return measure
