"""Before the first cycle: rates that are solved for are kept."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from harness.errors import MeasurementError, UsageError
from harness.experiment.run import verdicts
from harness.experiment.run.workers import Lost
from harness.experiment.written.configuration import load
from harness.results.records import CycleRecord
from tests.experiment.run.runs import Runs


def test_calibrations_set_the_rates(runs: Runs, caplog: pytest.LogCaptureFixture) -> None:
    """Rates solved for are said, kept, used, and not solved for again on resuming."""
    caplog.set_level("INFO", "reliability_harness")
    more = """faults.noop.rate = {set_by = "half", times = 0.5}
[calibrations.half]
target = 0.5
condition = "b"
"""
    runs.write(more=more)
    seen = []

    def calibrate(experiment: object, measure: Callable[..., list[CycleRecord]]) -> dict:
        seen.append(experiment)
        condition = load(runs.path).conditions[1].resolved({"half": 0.4})
        assert [r.cycle for r in measure(condition, range(10, 50))] == list(range(10, 50))
        return {"half": 0.4}

    assert runs("one", calibrate=calibrate, cycles=30) == 0
    assert "b: noop at 0.2 a slot" in runs.said
    assert "calibrating b: cycles 10 to 49" in caplog.messages
    told = json.loads((runs.folder / "one" / "run.json").read_text())
    assert told["rates"] == {"half": 0.4}
    assert told["experiment"]["conditions"][1]["faults"]["noop"]["rate"] == 0.2
    assert runs("one", calibrate=calibrate, cycles=60, resume=True) == 0
    assert len(seen) == 1


def test_interrupted_before_the_first_cycle_is_resumed_like_any_other(runs: Runs) -> None:
    """Ctrl-C in a calibration: 130, what was asked for is kept, and --resume solves it anew."""
    more = """faults.noop.rate = {set_by = "half"}
[calibrations.half]
target = 0.5
condition = "b"
"""
    runs.write(more=more)

    def interrupted(experiment: object, measure: Callable[..., list[CycleRecord]]) -> dict:
        measure(load(runs.path).conditions[1].resolved({"half": 0.4}), range(20))
        raise KeyboardInterrupt

    assert runs("one", calibrate=interrupted, cycles=30) == 130
    assert "calibrating b: 20/3,000 cycles" in runs.said
    assert "go on with --resume" in runs.said
    assert verdicts.check(runs.folder / "one", claim="reliability >= 0.5")[0].doubts
    with pytest.raises(UsageError, match="nothing was overwritten"):
        runs("one", cycles=30)
    for name, resume in (("one", True), ("unbroken", False)):
        assert runs(name, calibrate=lambda *_: {"half": 0.4}, cycles=30, resume=resume) == 0
    assert runs.rows("one") == runs.rows("unbroken")
    told = [json.loads((runs.folder / n / "run.json").read_text()) for n in ("one", "unbroken")]
    assert told[0]["rates"] == told[1]["rates"] == {"half": 0.4}
    assert told[0]["experiment"] == told[1]["experiment"]


def test_a_cluster_lost_while_rates_are_solved_for(runs: Runs) -> None:
    """Nothing is stored, so nothing can be gone on with; what was before, can."""
    more = """faults.noop.rate = {set_by = "half"}
[calibrations.half]
target = 0.5
condition = "b"
"""
    runs.write(more=more)

    def lost(*_: object) -> dict[str, float]:
        raise Lost("the cluster's scheduler is gone")

    with pytest.raises(MeasurementError, match="is gone; nothing was stored yet, so run it again"):
        runs("one", calibrate=lost)
    assert not (runs.folder / "one").exists()

    def interrupted(*_: object) -> dict[str, float]:
        raise KeyboardInterrupt

    assert runs("one", calibrate=interrupted) == 130
    with pytest.raises(MeasurementError, match="is gone; what came in is stored: go on with"):
        runs("one", calibrate=lost, resume=True)
