from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.configured.settings import settings
from harness.errors import ConfigurationError


def wrong(folder: Path, text: str) -> list[str]:
    """What is said of a table, a line for each problem."""
    path = folder / "pyproject.toml"
    path.write_text(f"[project]\nname = 'x'\n[tool.reliability-harness]\n{text}\n")
    with pytest.raises(ConfigurationError) as raised:
        settings(folder)
    assert raised.value.exit_code == 2
    return [line.removeprefix(f"{path}:") for line in str(raised.value).splitlines()]


def test_what_is_written_is_read_with_its_lines(folder: Path) -> None:
    """Values as they are, the line of each, and the folder that paths start from."""
    path = folder / "pyproject.toml"
    path.write_text(
        "[tool.other]\nwait_s = 9\n\n[tool.reliability-harness]\n# what we guard\n"
        'database = "a.db"\nrecovery = [\n  "file_copy",\n]\nwait_s = 1.5\n\n[tool.z]\ngrade = 1\n'
    )
    read = settings(folder)
    assert read.values == {"database": "a.db", "recovery": ["file_copy"], "wait_s": 1.5}
    assert read.lines == {"database": 6, "recovery": 7, "wait_s": 10}
    assert read.folder == folder
    assert read.place("wait_s") == f"{path}:10: wait_s"


def test_where_there_is_none_nothing_holds(folder: Path) -> None:
    """No file, or no folder any more."""
    (folder / ".git").mkdir()
    assert settings(folder).path is None
    gone, here = folder / "gone", Path.cwd()
    gone.mkdir()
    os.chdir(gone)
    try:
        gone.rmdir()
        assert settings().path is None
    finally:
        os.chdir(here)


def test_what_nobody_knows_is_refused_with_the_nearest(folder: Path) -> None:
    """File, line and key, what was meant perhaps, and what there is; every problem at once."""
    first, second, third, fourth = wrong(
        folder, 'databse = "a.db"\nwait = 3\nproduction-signs = ["a"]\nzzz = 1'
    )
    assert first.startswith("4: databse: there is no such key in [tool.reliability-harness]; did")
    assert "did you mean 'database'? known: database, cleanup, " in first
    assert "5: wait: " in second
    assert "did you mean 'wait_s'?" in second
    assert "did you mean 'signs'?" in third
    assert "did you mean" not in fourth


def test_a_wrong_type_is_refused_with_what_is_wanted(folder: Path) -> None:
    """And a password in it is not repeated."""
    told = wrong(folder, 'absent_ok = "yes"\ndatabase = ["postgresql://u:s3cret@h/d"]')
    assert told == [
        "4: absent_ok: 'yes' is not true or false",
        "5: database: ['postgresql://u@h/d'] is not a text that is not empty",
    ]


@pytest.mark.parametrize("key", ["i_know", "end-survivors", "allow_survivors"])
def test_what_is_for_one_run_is_refused(folder: Path, key: str) -> None:
    """An override that everybody always has is none: the option is named."""
    (told,) = wrong(folder, f"{key} = true")
    option = "--" + key.replace("_", "-")
    assert told.startswith(f"4: {key}: is for one run and cannot be said for all: give {option}")


def test_a_table_on_one_line_is_read_too(folder: Path) -> None:
    """However TOML lets a table be written; without a line, where it has none of its own."""
    (folder / "pyproject.toml").write_text("[tool]\nreliability-harness = {wait_s = -1}\n")
    with pytest.raises(ConfigurationError, match=r"pyproject.toml: wait_s: -1 is not"):
        settings(folder)
