from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.experiment.written.configuration import Experiment, load
from harness.experiment.written.schema import schema

SWEPT = """
name = "swept"
[[conditions]]
name = "rising"
each = { "faults.timeout.rate" = [0.01, 0.1], policy = ["cleanup_only", "hybrid_verified"] }
"""


def _load(folder: Path, text: str) -> Experiment:
    path = folder / "e.toml"
    path.write_text(text)
    return load(path)


def test_a_condition_knows_where_in_a_sweep_it_stands(tmp_path: Path) -> None:
    """Every condition that each made keeps the name written and its value on each axis."""
    conditions = _load(tmp_path, SWEPT).conditions
    assert [one.sweep.of for one in conditions if one.sweep] == ["rising"] * 4
    assert conditions[1].sweep is not None
    assert conditions[1].sweep.axes == {"faults.timeout.rate": 0.01, "policy": "hybrid_verified"}


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('sweep = { of = "a", axes = {} }', "sweep"),
        ("strata = { allocated = { 3 = 10 } }", "strata.allocated"),
    ],
)
def test_what_a_run_finds_out_is_not_for_files_to_say(tmp_path: Path, line: str, key: str) -> None:
    """A file that says by itself what a sweep or a pilot gives is refused, with the key."""
    with pytest.raises(ConfigurationError, match=rf"{key}: .*leave it out"):
        _load(tmp_path, f'name = "e"\n[[conditions]]\nname = "a"\n{line}\n')


def test_the_place_in_a_sweep_changes_nothing_of_the_experiment(tmp_path: Path) -> None:
    """Runs from before sweeps were noted are the same experiment, and may be resumed."""
    one = _load(tmp_path, SWEPT)
    bare = tuple(c.model_copy(update={"sweep": None}) for c in one.conditions)
    assert one.identity() == one.model_copy(update={"conditions": bare}).identity()
    assert not {"shadow", "strata", "sweep"} & set(one.identity()["conditions"][0])


def test_editors_are_not_offered_what_files_may_not_say() -> None:
    """The schema leaves out the two keys that are refused."""
    found = schema()
    assert "sweep" not in found["$defs"]["Condition"]["properties"]
    assert "allocated" not in found["$defs"]["StrataSetting"]["properties"]
