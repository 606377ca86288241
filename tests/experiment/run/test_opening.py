"""A run's folder: begun once, gone on with only as the same run."""

from __future__ import annotations

import json

import pytest

from harness.errors import ConfigurationError, UsageError
from harness.results.overwriting import ASIDE
from tests.experiment.run.runs import Runs


def test_run_json_tells_what_ran_where(runs: Runs) -> None:
    """A run's folder holds all there is to know of it, and the reports."""
    runs("one", seed=7)
    told = json.loads((runs.folder / "one" / "run.json").read_text())
    assert told["seed"] == 7
    assert told["experiment"]["seed"] == 7
    assert set(told["versions"]) == {"harness", "python", "apsw", "sqlite", "numpy"}
    assert set(told["machine"]) == {"cpu", "cores", "system", "kernel", "filesystem"}
    assert told["started"] <= told["finished"]
    assert told["wall_s"] > 0
    assert set(told["wall_s_by_condition"]) == {"a", "b"}
    names = {path.name for path in (runs.folder / "one").iterdir()}
    assert names == {"run.json", "cycles.sqlite", "cycles.parquet", "summary.json", "report.html"}


def test_a_used_folder_is_refused_and_left_alone(runs: Runs) -> None:
    """Without --resume nothing is overwritten; with it, nothing is left to do."""
    runs("one")
    before = (runs.folder / "one" / "cycles.sqlite").read_bytes()
    with pytest.raises(UsageError, match="nothing was overwritten"):
        runs("one")
    assert (runs.folder / "one" / "cycles.sqlite").read_bytes() == before
    rows = runs.rows("one")
    assert runs("one", resume=True) == 0
    assert runs.rows("one") == rows


def test_there_must_be_something_to_resume(runs: Runs) -> None:
    """A mistyped --output begins no run of its own: the folder is named, and nothing is made."""
    with pytest.raises(UsageError, match=r"mistyped: is not there, so .* nothing to --resume"):
        runs("mistyped", resume=True)
    assert not (runs.folder / "mistyped").exists()
    (runs.folder / "other").mkdir()
    with pytest.raises(UsageError, match=r"other: holds no run, .* leave --resume out"):
        runs("other", resume=True)
    assert not list((runs.folder / "other").iterdir())
    runs("one")
    (runs.folder / "one" / "cycles.sqlite").unlink()
    with pytest.raises(UsageError, match=r"one: was published without its cycles\.sqlite"):
        runs("one", resume=True)


def test_another_experiments_folder_is_refused(runs: Runs) -> None:
    """--resume into another seed's folder names both."""
    runs("one")
    with pytest.raises(ConfigurationError, match="seed 1, asked for is 'tried' with seed 2"):
        runs("one", resume=True, seed=2)


def test_a_run_goes_on_with_more_cycles(runs: Runs) -> None:
    """Resumed with more cycles, the rows are those of a longer run from the start."""
    runs("one", cycles=30)
    assert runs("one", cycles=60, resume=True) == 0
    runs("two", cycles=60)
    assert runs.rows("one") == runs.rows("two")


def test_a_used_folder_is_overwritten_on_demand(runs: Runs) -> None:
    """An edited experiment runs again into the folder of the one before it, and nothing is left."""
    runs("one")
    runs.write(cycles=30)
    assert runs("one", overwrite=True) == 0
    assert len(runs.rows("one")) == 60
    assert not (runs.folder / "one" / ASIDE).exists()
    assert runs("new", overwrite=True) == 0  # nothing there: it begins as ever
    with pytest.raises(UsageError, match="which one is meant"):
        runs("one", overwrite=True, resume=True)


def test_a_good_run_is_not_lost_to_a_bad_edit(runs: Runs) -> None:
    """One that cannot be loaded changes nothing; one that ends in harness errors keeps it aside."""
    runs("one")
    rows = runs.rows("one")
    runs.write(more="\n[[conditions]]\nname = 'a'\n")
    with pytest.raises(ConfigurationError, match="two conditions"):
        runs("one", overwrite=True)
    assert runs.rows("one") == rows
    runs.write()
    assert runs("one", site="Raising", overwrite=True) == 4
    assert f"kept in {runs.folder / 'one' / ASIDE}" in runs.said
    assert runs.rows(f"one/{ASIDE}") == rows
    assert runs("one", overwrite=True) == 0
    assert runs.rows("one") == rows
    assert not (runs.folder / "one" / ASIDE).exists()


def test_an_interrupted_preparation_overwrites_nothing(runs: Runs) -> None:
    """Ctrl-C while rates are solved for: the results are as they were, and it is said."""

    def interrupted(*_: object) -> dict[str, float]:
        raise KeyboardInterrupt

    runs("one")
    before = {one.name: one.read_bytes() for one in (runs.folder / "one").iterdir()}
    runs.write(more="\n[calibrations.x]\ntarget = 0.5\ncondition = 'a'\n")
    rate = ("defaults.faults.noop.rate={ set_by = 'x' }",)
    assert runs("one", calibrate=interrupted, overrides=rate, overwrite=True) == 130
    assert f"{runs.folder / 'one'} is as it was" in runs.said
    assert {one.name: one.read_bytes() for one in (runs.folder / "one").iterdir()} == before
