"""A range of cycles: which there can be, and what a shard must not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigurationError, UsageError
from harness.experiment.run import part
from harness.experiment.run.options import RunOptions
from tests.experiment.run.runs import Runs

STRATA = "[conditions.strata]\nenumerate = 1\ncycles = 100\n"


def test_a_range_says_which_cycles_there_are(runs: Runs) -> None:
    """Those of the file are replaced, as by --cycles N: they end where the range does."""
    experiment = RunOptions(cycles=range(100, 200)).experiment(runs.path)
    assert [condition.cycles for condition in experiment.conditions] == [200, 200]
    condition = experiment.conditions[0]
    assert part.of_condition(condition, range(100, 200)) == range(100, 200)
    assert part.of_condition(condition, None) == range(200)
    assert part.of_condition(condition, 200) == range(200)


def test_of_strata_there_are_as_many_as_designed(runs: Runs) -> None:
    """A range takes of them what its numbers name, and none where it lies beyond."""
    runs.write(more=STRATA)
    experiment = RunOptions(cycles=range(100, 200)).experiment(runs.path)
    assert (
        experiment.conditions[1].strata == RunOptions().experiment(runs.path).conditions[1].strata
    )
    designed = experiment.conditions[1].model_copy(update={"cycles": 150})
    assert part.of_condition(designed, range(100, 200)) == range(100, 150)
    only = experiment.model_copy(update={"conditions": (designed,)})
    part.refuse_empty(only, range(149, 200))
    with pytest.raises(UsageError, match="--cycles 150-199: no condition has any of them"):
        part.refuse_empty(only, range(150, 200))


@pytest.mark.parametrize(
    ("cycles", "match"),
    [
        (range(5, 4), "ends before it begins"),
        (range(-1, 4), "begin at 0"),
        (range(0, 9, 2), "begin at 0"),
        (range(2**40, 2**40 + 1), "no cycle has a number above"),
        (2**40 + 1, "no cycle has a number above"),
        (0, "must be 1 or more"),
    ],
)
def test_what_cannot_be_is_refused(runs: Runs, cycles: int | range, match: str) -> None:
    """Before anything is read or written."""
    with pytest.raises(UsageError, match=match):
        RunOptions(cycles=cycles).experiment(runs.path)


def test_a_shard_does_not_stop_early(runs: Runs) -> None:
    """Neither when it is asked to nor by a budget; the reason is said."""
    with pytest.raises(
        UsageError, match=r"cannot stop early: .* slow cycles are often the failing"
    ):
        RunOptions(cycles=range(9), stop_when_decided=True).experiment(runs.path)
    runs.path.write_text(runs.path.read_text().replace("cycles = 60", "budget = { cycles = 999 }"))
    with pytest.raises(UsageError, match=r"shares a budget.*Leave budget out of the file"):
        RunOptions(cycles=range(9)).experiment(runs.path)


def test_stories_are_kept_of_as_many_as_in_one_run(runs: Runs) -> None:
    """What a merged run could not keep no shard does."""
    runs.write(more="story = true\n")
    RunOptions(cycles=range(900, 1000)).experiment(runs.path)
    with pytest.raises(ConfigurationError, match="too many to keep the whole story"):
        RunOptions(cycles=range(900, 1001)).experiment(runs.path)


def test_how_to_go_on_names_the_range(runs: Runs) -> None:
    """And whose rates were taken."""
    options = RunOptions(cycles=range(5, 9), rates_of=runs.folder)
    assert options.folder(options.experiment(runs.path)) == Path("runs/tried-1-5-8")
    assert ("--cycles", "5-8") in options.to_resume(runs.path)
    assert ("--rates-of", str(runs.folder)) in options.to_resume(runs.path)
    with pytest.raises(UsageError, match="--cycles 5-8 and --set cycles="):
        RunOptions(cycles=range(5, 9), overrides=("cycles=3",)).experiment(runs.path)
