from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.command_line import Call

FILE = """
[tool.reliability-harness]
database = "dev.db"
cleanup = "./clean.sh"
recovery = "file_copy"
signs = ["acme"]
"""
CLEAN = "#!/bin/sh\npwd > cleaned_in\n"


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a file and a database; the work is done in a folder below."""
    (folder / "pyproject.toml").write_text(FILE)
    (folder / "clean.sh").write_text(CLEAN)
    (folder / "clean.sh").chmod(0o755)
    (folder / "below").mkdir()
    with closing(apsw.Connection(str(folder / "dev.db"))) as connection:
        connection.execute("CREATE TABLE t (a)")
    monkeypatch.chdir(folder / "below")
    monkeypatch.setenv("HARNESS_STATE_DIR", str(folder / "state"))  # where nothing is pending
    return folder


def test_the_guard_does_as_the_file_says(harness: Call, project: Path) -> None:
    """Database, cleanup in the file's folder, recovery: nothing of it has to be typed."""
    status, _, said = harness("guard", "--", "touch", "ran")
    assert status == 0, said
    assert "backed up by file_copy" in said
    assert f"{project / 'dev.db'} is proven back" in said
    assert (project / "cleaned_in").read_text().strip() == str(project)
    status, _, said = harness("recover")
    assert (status, f"no guard left anything at {project / 'dev.db'}" in said) == (0, True)


def test_the_command_line_stands_above_it(harness: Call, project: Path) -> None:
    """Another recovery, no cleanup; a word of production is added, and the file's stays."""
    words = ["--recovery", "online_backup", "--cleanup", "none"]
    status, _, said = harness("guard", *words, "--", "true")
    assert (status, "backed up by online_backup" in said) == (0, True)
    assert not (project / "cleaned_in").exists()
    with closing(apsw.Connection(str(project / "acme.db"))) as connection:
        connection.execute("CREATE TABLE t (a)")
    other = ["--database", project / "acme.db", "--production-sign", "x"]
    status, _, said = harness("guard", *other, "--", "true")
    assert (status, "the word 'acme'" in said) == (2, True)


def test_a_file_that_says_what_cannot_be_stops_everything(harness: Call, project: Path) -> None:
    """Status 2 with file, line and key, before anything runs; help is there all the same."""
    (project / "pyproject.toml").write_text(FILE + 'grade = "clean"\ndatabsae = 1\n')
    for words in (["guard", "--database", "x.db", "--", "touch", "ran"], ["recover"], ["config"]):
        status, _, said = harness(*words)
        assert status == 2
        assert f"harness: {project}/pyproject.toml:7: grade: 'clean' is not" in said
        assert f"{project}/pyproject.toml:8: databsae: there is no such key" in said
        assert "did you mean 'database'?" in said
    assert not (project / "below" / "ran").exists()
    assert harness("guard", "--help")[0] == 0


def test_without_a_file_a_database_has_to_be_given(
    harness: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And ``recover`` lists what is pending, as it does with --list wherever it is."""
    (folder / ".git").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HARNESS_STATE_DIR", str(folder / "state"))  # where nothing is pending
    status, _, said = harness("guard", "--", "true")
    assert (status, "which database? Give --database" in said) == (2, True)
    status, _, said = harness("recover")
    assert (status, "nothing is pending" in said) == (0, True)


def test_what_is_pending_can_be_listed_in_a_project(harness: Call, project: Path) -> None:
    """With a database in the file --list lists all; of one database there is nothing to list."""
    status, _, said = harness("recover", "--list")
    assert (status, "nothing is pending" in said) == (0, True)
    status, _, said = harness("recover", "--list", "--database", project / "dev.db")
    assert (status, "--list is of all databases" in said) == (2, True)


def test_it_is_shown_what_holds(harness: Call, project: Path) -> None:
    """For people and for programs, from the file above the folder of the work."""
    status, out, err = harness("config")
    assert (status, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert ["database", str(project / "dev.db"), "pyproject.toml:3"] in rows
    assert ["grade", "exact", "default"] in rows
    told = json.loads(harness("config", "--json")[1])
    assert told["version"] == 1
    assert told["file"] == str(project / "pyproject.toml")
    assert {one["source"] for one in told["settings"]} == {"default", "file", "environment"}
