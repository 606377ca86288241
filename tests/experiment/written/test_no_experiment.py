"""A path at which there is no experiment: one sentence, with the nearest right thing to type."""

from __future__ import annotations

import shlex
from pathlib import Path

import apsw
import pytest

from harness.errors import ConfigurationError
from harness.experiment.written.configuration import load
from tests.stored_runs import cycles, make_run


def refusal(path: Path) -> str:
    """What is said of a path, in one line and not in Python's words."""
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: cannot be read: ")
    assert "\n" not in said
    assert "Errno" not in said
    assert "codec" not in said
    return said


def test_a_mistyped_name(folder: Path) -> None:
    """The nearest file beside it is offered, else those that there are, else how to have one."""
    assert "'harness init DATABASE' writes an experiment" in refusal(folder / "nope.toml")
    (folder / "experiment.toml").write_text("")
    (folder / "pyproject.toml").write_text("")
    assert f"did you mean {folder / 'experiment.toml'}?" in refusal(folder / "experimnet.toml")
    assert f"did you mean {folder / 'experiment.toml'}?" in refusal(folder / "experiment")
    said = refusal(folder / "zzz.cfg")
    assert said.endswith(f"there is no such file; give one of {folder / 'experiment.toml'}")
    assert "harness init" in refusal(folder / "no" / "such" / "folder.toml")


def test_a_database_is_no_experiment(folder: Path) -> None:
    """Whoever gives the database itself is told of `harness init`, as a shell takes it."""
    path = folder / "my dev.sqlite3"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE a (b)")
    connection.close()
    assert f"'harness init {shlex.quote(str(path))}' writes one" in refusal(path)


def test_folders(folder: Path) -> None:
    """A run's folder is told from another, and of that the experiments are named."""
    make_run(folder / "run", cycles(["cleaned"]))
    assert f"'harness report {folder / 'run'}' shows its results" in refusal(folder / "run")
    for number in range(7):
        (folder / f"{number}.toml").write_text("")
    said = refusal(folder)
    assert f"it is a folder; give one of {folder / '0.toml'}, " in said
    assert said.endswith("and 2 more")


def test_what_is_no_text(folder: Path) -> None:
    """Other bytes are said to be no text."""
    (folder / "a.toml").write_bytes(b"\xff\xfe\x00")
    assert "no text in UTF-8" in refusal(folder / "a.toml")
