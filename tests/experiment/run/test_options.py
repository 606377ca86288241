"""What a run is asked for: refused where it makes no sense, else put into the experiment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.errors import MeasurementError, UsageError
from harness.experiment.run.options import RunOptions
from tests.experiment.run.runs import Runs


def test_what_is_asked_for_stands_in_the_experiment(runs: Runs) -> None:
    """Cycles, seed and single values instead of the file's; the folder is called after them."""
    options = RunOptions(cycles=7, seed=9, overrides=("conditions.b.policy=cleanup_only",))
    experiment = options.experiment(runs.path)
    assert [condition.cycles for condition in experiment.conditions] == [7, 7]
    assert experiment.conditions[1].policy == "cleanup_only"
    assert options.folder(experiment) == Path("runs/tried-9")
    assert options.processes() == os.cpu_count()
    assert RunOptions(workers=3).processes() == 3
    assert [c.cycles for c in RunOptions().experiment(runs.path).conditions] == [60, 60]


def test_again_needs_something_to_go_on_with(runs: Runs) -> None:
    """There are no killed cycles in a new run."""
    with pytest.raises(UsageError, match="say --resume as well"):
        RunOptions(again=True).experiment(runs.path)
    RunOptions(again=True, resume=True).experiment(runs.path)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"overrides": ("seed=1", "seed=2")}, "--set seed=2: takes the place of"),
        ({"overrides": ("conditions.b.retry.attempts=2", "conditions.1.retry={}")}, "takes the"),
        ({"overrides": ("conditions.b.retry.attempts=2", "conditions.b.retry={}")}, "which one"),
        ({"overrides": (" seed = 1",), "seed": 2}, "--seed 2 and --set seed=...: which one"),
        ({"overrides": ("cycles=1",), "cycles": 2}, "--cycles 2 and --set cycles=...: which one"),
    ],
)
def test_nothing_that_is_given_drops_what_was_given_before(
    runs: Runs, options: dict[str, Any], match: str
) -> None:
    """A key is set once, be it by two --set or by an option of its own."""
    with pytest.raises(UsageError, match=match):
        RunOptions(**options).experiment(runs.path)


def test_what_cannot_be_run_is_refused_before_anything_is_written(runs: Runs) -> None:
    """Bad numbers on the command line leave no folder behind."""
    with pytest.raises(UsageError, match="--cycles 0"):
        runs("one", cycles=0)
    with pytest.raises(UsageError, match="--seed -1"):
        runs("one", seed=-1)
    with pytest.raises(MeasurementError, match="Nobody"):
        runs("one", site="Nobody")
    assert not (runs.folder / "one").exists()


def test_how_to_go_on_has_all_that_was_asked_for() -> None:
    """But what was of the beginning alone: whoever overwrote goes on with what there is now."""
    path = Path("an experiment.toml")
    assert RunOptions(overwrite=True).to_resume(path) == [
        ("harness", "run", "an experiment.toml"), ("--resume",),
    ]  # fmt: skip
    asked = RunOptions(
        cycles=7, seed=0, workers=2, output=Path("there"), overrides=("a=1", "b=2"),
        stop_when_decided=True,
    )  # fmt: skip
    assert asked.to_resume(path)[2:] == [
        ("--output", "there"), ("--cycles", "7"), ("--seed", "0"), ("--workers", "2"),
        ("--set", "a=1"), ("--set", "b=2"), ("--stop-when-decided",),
    ]  # fmt: skip
