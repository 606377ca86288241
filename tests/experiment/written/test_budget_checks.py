"""Who shares a budget is found from what is claimed; what cannot be shared is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.experiment.written.budget import FLOOR, MOST
from harness.experiment.written.budget_checks import least_cycles
from harness.experiment.written.configuration import Experiment, load
from tests.experiment.writing import read, refused

TEXT = """\
name = "shared"
budget = { cycles = 5000 }
[[conditions]]
name = "claims"
claims = ["reliability >= 0.99"]
[[conditions]]
name = "by row"
[[conditions]]
name = "set point"
[[conditions]]
name = "own"
cycles = 70
claims = ["reliability >= 0.99"]
[[rows]]
claim = "a"
claimed = "99%"
condition = "by row"
at_least = 0.99
[[rows]]
claim = "b"
claimed = "100%"
condition = "set point"
at_least = 1.0
"""
PLANTED = {
    "both": ("cycles = 5000", "cycles = 5000, seconds = 9", "says either cycles or seconds"),
    "neither": ("cycles = 5000", "first = []", "says either cycles or seconds"),
    "of each": ("[[conditions]]", "cycles = 9\n[[conditions]]", "is said by the budget"),
    "found": ("cycles = 5000", "cycles = 5000, sharing = []", "budget.sharing: is found by the"),
    "unknown": ("cycles = 5000", 'cycles = 5000, first = ["claim"]', "did you mean 'claims'"),
    "too few": ("cycles = 5000", "cycles = 369", "and 100 of each other, are 370 already"),
    "no table": ("{ cycles = 5000 }", "5000", "budget"),
}


def written(folder: Path, text: str = TEXT) -> Experiment:
    """Write and load it."""
    read(folder, text)
    return load(folder / "experiment.toml")


def test_who_claims_shares_and_the_others_have_their_cycles(tmp_path: Path) -> None:
    """Claims of conditions and of rows share; 100%, which nothing decides, takes the floor."""
    experiment = written(tmp_path)
    assert experiment.budget is not None
    assert experiment.budget.sharing == ("claims", "by row")
    assert [one.cycles for one in experiment.conditions] == [5000, 5000, FLOOR, 70]
    assert least_cycles(experiment) == 370
    seconds = written(tmp_path, TEXT.replace("cycles = 5000", "seconds = 5"))
    assert seconds.conditions[0].cycles == MOST


def test_a_budget_is_stored_and_is_no_other_experiment(tmp_path: Path) -> None:
    """It comes back from JSON; a run may go on with a larger one, or with none."""
    experiment = written(tmp_path)
    assert Experiment.from_json(experiment.to_json()) == experiment
    assert experiment.with_cycles(9).budget is None
    larger = written(tmp_path, TEXT.replace("5000", "6000"))
    assert larger.identity() == experiment.identity() == experiment.with_cycles(9).identity()


@pytest.mark.parametrize(("old", "new", "said"), PLANTED.values(), ids=PLANTED)
def test_each_misfit_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """The sentence names the key and what to write instead."""
    assert said in refused(tmp_path, TEXT.replace(old, new, 1))
