"""Running into a folder of results: what is there is lost to no run that has not ended well."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.results import overwriting
from harness.results.overwriting import ASIDE
from tests.stored_runs import cycles, make_run


def stored(folder: Path, number: int) -> Path:
    """Store a run of so many cycles, and something of somebody's own beside it."""
    make_run(folder, cycles(["cleaned"] * number))
    (folder / "notes.md").write_text("mine")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every file in a folder."""
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}


def test_what_is_moved_aside_comes_back(folder: Path) -> None:
    """Byte for byte, and what somebody else has put there is not moved at all."""
    run = stored(folder / "run", 3)
    before = content(run)
    overwriting.move_aside(run)
    assert content(run) == {"notes.md": b"mine"}
    (run / "run.json").write_text("half a run")
    assert overwriting.put_back(run)
    assert content(run) == before
    assert not (run / ASIDE).exists()
    assert not overwriting.put_back(run)
    assert content(run) == before


def test_the_last_run_that_ended_well_is_kept(folder: Path) -> None:
    """A second start over a run that did not end well keeps the first one's; settled, it goes."""
    run = stored(folder / "run", 3)
    good = content(run)
    overwriting.move_aside(run)
    make_run(run, cycles(["harness_error"] * 2))
    assert str(run / ASIDE) in overwriting.sentence(run)
    overwriting.move_aside(run)
    assert content(run / ASIDE) == {name: good[name] for name in good if name != "notes.md"}
    assert content(run) == {"notes.md": b"mine"}
    make_run(run, cycles(["cleaned"] * 4))
    overwriting.settle(run)
    assert overwriting.sentence(run) == ""
    assert sorted(one.name for one in run.iterdir()) == sorted(good)


@pytest.mark.parametrize("moved", range(1, 6))
def test_a_start_that_is_killed_on_the_way(folder: Path, moved: int) -> None:
    """Whichever files it had moved, the next start keeps the whole run."""
    run = stored(folder / "run", 3)
    before = content(run)
    names = [name for name in overwriting._FILES if name in before]
    (run / overwriting._HALF).mkdir()
    for name in names[:moved]:
        (run / name).rename(run / overwriting._HALF / name)
    overwriting.refuse_no_results(run)
    overwriting.move_aside(run)
    assert overwriting.put_back(run)
    assert content(run) == before


def test_what_is_half_moved_is_never_put_over_another_run(folder: Path) -> None:
    """Where somebody has run into the folder since, the half-moved run is the one that is kept."""
    run = stored(folder / "run", 3)
    good = content(run)
    (run / overwriting._HALF).mkdir()
    for name in good:
        (run / name).rename(run / overwriting._HALF / name)
    make_run(run, cycles(["cleaned"] * 9))
    overwriting.move_aside(run)
    assert overwriting.put_back(run)
    assert content(run) == {name: good[name] for name in good if name != "notes.md"}


def test_what_is_no_run_is_refused(folder: Path) -> None:
    """A folder of other files, one with a folder of that name, and one in use: all untouched."""
    other = folder / "other"
    other.mkdir()
    overwriting.refuse_no_results(other)  # empty
    overwriting.refuse_no_results(folder / "none")
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds no run"):
        overwriting.refuse_no_results(other)
    overwriting.move_aside(other)
    assert content(other) == {"thesis.txt": b"mine"}
    run = stored(folder / "run", 1)
    (run / ASIDE).mkdir()
    with pytest.raises(UsageError, match="is in the way"):
        overwriting.refuse_no_results(run)
    overwriting.settle(run)
    assert (run / ASIDE).is_dir()
    (run / ASIDE).rmdir()
    lock = overwriting.locked(run)
    with pytest.raises(UsageError, match="another run is writing"):
        overwriting.refuse_no_results(run)
    os.close(lock)
    overwriting.refuse_no_results(run)
