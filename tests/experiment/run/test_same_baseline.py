"""A run goes on, and a cycle is replayed, on the baseline it began with, or not at all."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.errors import MeasurementError, UsageError
from harness.experiment.run.both_records import same
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.replay import replay
from harness.experiment.run.runner import run
from harness.results.folder import read_run, write_run
from tests.experiment.own_project import make_project

SITE = "tests.experiment.sites:Quick"
TEXT = """
name = "own"
cycles = CYCLES
[[conditions]]
name = "a"
demands = "rows"
recoveries = ["online_backup"]
cleanup = "by_difference"
project.database = "app.sqlite3"
project.create = ["INSERT INTO bots (name) VALUES ('e2e ' || :cycle)"]
"""


def go(folder: Path, cycles: int, *, resume: bool = False) -> int:
    """Run the experiment of a project, by a path that is relative to the working folder."""
    path = Path("project", "own.toml")
    path.write_text(TEXT.replace("CYCLES", str(cycles)))
    options = RunOptions(output=folder / "run", workers=1, resume=resume)
    return run(path, options, Machinery(SITE, work_folder=folder))


@pytest.fixture
def database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database of a project below the working folder, of which two cycles are stored."""
    monkeypatch.chdir(folder)
    (folder / "project").mkdir()
    path = make_project(folder / "project")
    assert go(folder, 2) == 0
    return path


def sql(database: Path, *statements: str) -> None:
    """Do something to it."""
    with closing(apsw.Connection(str(database))) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()


def test_a_changed_database_ends_both(folder: Path, database: Path) -> None:
    """Before a cycle is run or anything stored; with its content back both go on."""
    kept = shutil.copy(database, folder / "kept")
    sql(database, "INSERT INTO bots (name) VALUES ('Bishop')")
    with pytest.raises(UsageError, match="'a', has changed since this run began"):
        go(folder, 4, resume=True)
    with pytest.raises(MeasurementError, match="'a', has changed since this run: on another"):
        replay(folder / "run", "a", 1, SITE)
    assert len(json.loads((folder / "run" / "summary.json").read_text())["conditions"]) == 1
    shutil.copy(kept, database)
    assert go(folder, 4, resume=True) == 0
    stored, new = replay(folder / "run", "a", 3, SITE)
    assert same(stored, new)


def test_where_its_content_stands_is_no_matter(folder: Path, database: Path) -> None:
    """In the -wal or behind a checkpoint, written to and written back: it is the same baseline."""
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute("UPDATE bots SET name = 'x' WHERE id = 1")
        connection.execute("UPDATE bots SET name = 'Marvin' WHERE id = 1")
        assert go(folder, 3, resume=True) == 0
    sql(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert go(folder, 4, resume=True) == 0


def test_a_run_is_replayed_from_any_folder(
    folder: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also together with its project in another place; the project is found from the run."""
    elsewhere = folder / "else" / "where"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    assert same(*replay(Path("../../run"), "a", 1, SITE))
    shutil.move(folder / "run", elsewhere)
    shutil.move(database.parent, elsewhere)
    assert same(*replay(elsewhere / "run", "a", 1, SITE))


def test_a_run_from_before_is_gone_on_with(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says that nobody can tell; replay works from the folder that it was begun in."""
    before = read_run(folder / "run")
    del before["baselines"], before["begun_in"]
    write_run(folder / "run", before)
    sql(database, "VACUUM")
    assert go(folder, 3, resume=True) == 0
    assert "nobody can tell" in capsys.readouterr().out
    assert same(*replay(folder / "run", "a", 1, SITE))
