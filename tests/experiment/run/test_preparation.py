"""Before the first cycle: rates that are solved for are kept."""

from __future__ import annotations

import json
from collections.abc import Callable

from harness.experiment.written.configuration import load
from harness.results.records import CycleRecord
from tests.experiment.run.runs import Runs


def test_calibrations_set_the_rates(runs: Runs) -> None:
    """Rates solved for are said, kept, used, and not solved for again on resuming."""
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
    told = json.loads((runs.folder / "one" / "run.json").read_text())
    assert told["rates"] == {"half": 0.4}
    assert told["experiment"]["conditions"][1]["faults"]["noop"]["rate"] == 0.2
    assert runs("one", calibrate=calibrate, cycles=60, resume=True) == 0
    assert len(seen) == 1
