"""Rates of another run: taken where it is the same experiment, else refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.errors import ConfigurationError, UsageError
from harness.results.folder import write_run
from tests.experiment.run.runs import Runs

CALIBRATED = """
[conditions.faults.timeout]
rate = { set_by = "often" }
[calibrations.often]
target = 0.9
condition = "b"
cycles = 100
"""


def found(experiment: Any, measure: Any) -> dict[str, float]:
    """Solve for nothing."""
    return {"often": 0.125}


def refused(experiment: Any, measure: Any) -> dict[str, float]:
    """Tell that somebody solves for rates."""
    raise AssertionError("rates were solved for")


def rewritten(runs: Runs, name: str, **values: Any) -> None:
    """Change run.json as another run would have written it."""
    run = json.loads((runs.folder / name / "run.json").read_text())
    write_run(runs.folder / name, {key: run[key] for key in run if key != "sha256"} | values)


@pytest.fixture
def first(runs: Runs) -> Runs:
    """Run a shard that has solved for the rates."""
    runs.write(more=CALIBRATED)
    assert runs("first", calibrate=found, cycles=range(4)) == 0
    return runs


def test_rates_are_taken_and_none_is_solved_for(first: Runs) -> None:
    """The next shard says the same, and so does one that is gone on with."""
    rates_of = first.folder / "first"
    assert first("next", calibrate=refused, cycles=range(4, 8), rates_of=rates_of) == 0
    assert "b: timeout at 0.125 a slot" in first.said
    runs = [json.loads((first.folder / n / "run.json").read_text()) for n in ("first", "next")]
    assert [run["rates"] for run in runs] == [{"often": 0.125}] * 2
    assert runs[0]["baselines"] == runs[1]["baselines"]
    assert runs[0]["baselines"].keys() == {"a", "b"}  # those that were built too
    asked = {"cycles": range(4, 8), "resume": True, "rates_of": rates_of}
    assert first("next", calibrate=refused, **asked) == 0


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"rates": None}, "interrupted before its rates were known"),
        ({"versions": {"harness": "0"}}, "found by other versions"),
        ({"baselines": {"b": "x"}}, "condition 'b' had another baseline there"),
    ],
)
def test_rates_of_what_is_not_the_same_are_refused(
    first: Runs, values: dict[str, Any], match: str
) -> None:
    """Nothing is written then."""
    rewritten(first, "first", **values)
    with pytest.raises(UsageError, match=match):
        first("next", calibrate=refused, cycles=range(4, 8), rates_of=first.folder / "first")
    assert not (first.folder / "next").exists()


def test_a_shard_is_of_one_version(first: Runs) -> None:
    """One that was begun with others cannot be gone on with: its rows would be of both."""
    rewritten(first, "first", versions={"harness": "0"})
    with pytest.raises(UsageError, match="begun with other versions"):
        first("first", calibrate=refused, cycles=range(4), resume=True)


def test_rates_of_another_experiment_are_refused(first: Runs) -> None:
    """Another seed is another experiment; a folder without a run is none."""
    with pytest.raises(ConfigurationError, match="they differ in: seed 1 -> 2"):
        first("next", seed=2, cycles=range(4, 8), rates_of=first.folder / "first")
    with pytest.raises(UsageError, match="is not a run's folder"):
        first("next", cycles=range(4, 8), rates_of=first.folder)
