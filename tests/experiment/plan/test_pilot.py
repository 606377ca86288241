"""The pilot divides the cycles of strata, and leaves nothing else behind."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from harness.errors import ConfigurationError, MeasurementError, UsageError
from harness.experiment.plan.pilot import designed, sentence, stored
from harness.experiment.plan.strata import PILOT
from harness.experiment.run.both_records import same
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.replay import replay
from harness.experiment.run.runner import run
from harness.experiment.written.configuration import Condition, Experiment
from harness.results.records import CycleRecord
from harness.results.store import Store

SLOTS = {"timeout": 12}
EXPERIMENT = Experiment.from_json(
    {
        "name": "rare",
        "conditions": [
            {
                "name": "one", "faults": {"timeout": {"rate": 0.01}},
                "strata": {"cycles": 1000, "enumerate": 1, "pilot": 10, "highest_rate": 0.2},
            },
            {"name": "plain", "cycles": 7},
        ],
    }
)  # fmt: skip


def slots(condition: Condition) -> dict[str, int]:
    """Count twelve slots."""
    return SLOTS


def half_fail(condition: Condition, cycles: range) -> list[CycleRecord]:
    """Fail in half the cycles of the stratum of three struck, the second of the pilot."""
    assert cycles.start == PILOT
    return [
        CycleRecord("one", n, "dirty_known" if 10 <= n - PILOT < 20 and n % 2 else "cleaned")
        for n in cycles
    ]


def test_cycles_go_where_failures_vary() -> None:
    """All drawn cycles are divided, the stratum that failed in half its pilot gets most of 3 up."""
    experiment = designed(EXPERIMENT, slots, half_fail)
    one, plain = experiment.conditions
    assert one.strata is not None
    assert one.strata.slots == SLOTS
    drawn = {k: cycles for k, cycles in one.strata.allocated.items() if k != "0"}
    assert one.strata.allocated["0"] == one.strata.unstruck == 1000
    assert sum(drawn.values()) == 1000
    assert drawn["3"] == max(drawn.values())
    assert min(drawn.values()) >= 30
    assert one.cycles == (1 + 12) * 2 + 1000 + 1000
    assert plain == EXPERIMENT.conditions[1]
    assert "12 slots; 1,026 cycles with every set of up to 1 struck, 1,000 cycles" in sentence(one)
    assert sentence(plain) == ""


def test_a_stored_run_is_gone_on_with_as_it_was_planned() -> None:
    """No second pilot: what the first allocated is taken from run.json."""
    there = designed(EXPERIMENT, slots, half_fail)
    assert stored(EXPERIMENT, {"experiment": there.to_json()}) == there


def test_a_harness_error_in_the_pilot_stops() -> None:
    """Nothing is divided by cycles that the instrument spoiled; the first is named."""

    def broken(condition: Condition, cycles: range) -> list[CycleRecord]:
        return [CycleRecord("one", n, "harness_error", detail="planted") for n in cycles]

    with pytest.raises(MeasurementError, match=rf"pilot of 'one': cycle {PILOT} .*planted"):
        designed(EXPERIMENT, slots, broken)


def test_what_cannot_be_divided_is_refused() -> None:
    """No slots, and fewer cycles than strata, are mistakes with a sentence and no traceback."""
    with pytest.raises(ConfigurationError, match=r"'one': strata: none of timeout has a slot"):
        designed(EXPERIMENT, lambda _: {}, half_fail)
    one = EXPERIMENT.conditions[0]
    assert one.strata is not None
    few = one.model_copy(update={"strata": one.strata.model_copy(update={"cycles": 2})})
    with pytest.raises(ConfigurationError, match=r"'one': strata.cycles: 2 are too few"):
        designed(EXPERIMENT.model_copy(update={"conditions": (few,)}), slots, half_fail)
    all_strike = one.resolved({}).model_dump(mode="json")
    all_strike["faults"]["timeout"]["rate"] = 1.0
    solved = Condition.model_validate(all_strike)
    with pytest.raises(ConfigurationError, match=r"faults.timeout.rate was solved for and is 1"):
        designed(EXPERIMENT.model_copy(update={"conditions": (solved,)}), slots, half_fail)


TEXT = """
name = "rare"
[[conditions]]
name = "one"
policy = "hybrid_verified"
recoveries = ["online_backup"]
demands = "rows"
workload.size_bytes = 262144
strata = { cycles = 100, enumerate = 1, pilot = 1, highest_rate = 0.05 }
claims = ["reliability >= 0.9"]
[conditions.faults]
timeout = { rate = 0.001, phases = ["cleanup"] }
"""


def started(path: Path, output: Path, **options: object) -> tuple[int, str]:
    """Run an experiment; return its status and what it said."""
    said = io.StringIO()
    console = Console(file=said, width=300)
    asked = RunOptions(output=output, **options)  # type: ignore[arg-type]  # as given
    status = run(path, asked, Machinery(work_folder=path.parent, console=console))
    return status, said.getvalue()


@pytest.mark.long
def test_a_real_run_is_judged_replayed_and_gone_on_with(folder: Path) -> None:
    """Any number of workers stores the same; --resume fills a gap, replay gives the same cycle.

    Stopping when decided cuts nothing short, and the share of designed cycles is shown nowhere.
    """
    path = folder / "rare.toml"
    path.write_text(TEXT)
    status, said = started(path, folder / "a", workers=1, stop_when_decided=True)
    assert status == 0
    assert "cycles with every set of up to 1 struck, 100 cycles with more" in said
    assert "; reliability -;" in said
    summary = json.loads((folder / "a" / "summary.json").read_text())["conditions"][0]
    assert summary["reliability"]["method"] == summary["data_safety"]["method"]
    assert summary["reliability"]["method"] == "stratified_chernoff"
    assert summary["cycles"] == sum(summary["outcomes"].values()) > 100
    assert summary["strata"]["steady"]
    started(path, folder / "b", workers=2)
    one, other = Store(folder / "a"), Store(folder / "b")
    for mine, theirs in zip(one.records("one"), other.records("one"), strict=True):
        assert same(mine, theirs)
    one.close()
    other.close()
    before, again = replay(folder / "a", "one", summary["cycles"] - 1)
    assert same(before, again)
    with pytest.raises(UsageError, match=r"strata\.cycles"):
        started(path, folder / "a", workers=1, resume=True, cycles=200)
    status, said = started(path, folder / "a", workers=1, resume=True)
    assert status == 0
