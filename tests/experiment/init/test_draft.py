from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.experiment.init.draft import init, name_of, plain, quoted
from harness.experiment.written.claimed import confidence_each, parse_claim
from harness.experiment.written.configuration import load
from harness.processes.written import CALLABLE
from harness.statistics.sequential import support_boundary
from tests.experiment.init.test_looking import SCHEMA, made

REAL = (
    "chinook.sqlite",
    "chinook_autoincrement.sqlite",
    "datasette_fixtures.db",
    "northwind.db",
    "sakila.db",
    "wagtail_bakerydemo.sqlite3",
    "wal_database.db",
)


def run(path: Path) -> subprocess.CompletedProcess[str]:
    """Run an experiment shortly."""
    return subprocess.run(
        [sys.executable, "-m", "harness", "run", path, "--cycles", "40", "--output", "out"],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize("name", REAL)
def test_every_real_database_gets_an_experiment(real_database, folder: Path, name: str) -> None:  # noqa: ANN001 - a fixture's function
    """What is written for a real database loads, leaves no table out, and changes nothing."""
    database = real_database(name)
    before = {one.name: one.read_bytes() for one in folder.iterdir()}
    said = init(database, folder / "experiment.toml")
    assert "left out" not in said
    experiment = load(folder / "experiment.toml")
    text = (folder / "experiment.toml").read_text()
    assert text.startswith("#:schema ./")
    assert text[: text.index("name =")].count("\n") < 10  # the first key is in sight
    assert [one.cleanup for one in experiment.conditions] == ["by_difference", "none"]
    (folder / "experiment.toml").unlink()
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == before


def test_an_editor_finds_the_schema(folder: Path) -> None:
    """The first line names a file beside it, and the command for it, as written, makes that."""
    database = made(folder / "a.db", SCHEMA)
    init(database, folder / "experiment.toml")
    text = (folder / "experiment.toml").read_text()
    named = re.match(r"#:schema \./(\S+)\n", text)
    said = re.search(r"harness (list --schema) > (\S+)\n", text)
    assert named is not None
    assert said is not None
    assert named[1] == said[2]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *said[1].split()], capture_output=True, check=True
    )
    assert set(tomllib.loads(text)) <= set(json.loads(done.stdout)["properties"])


def test_the_cycles_follow_from_the_claims(folder: Path) -> None:
    """Each of the claims can be supported with 0, 1 and 2 failures, alone and with all others."""
    path = folder / "experiment.toml"
    init(made(folder / "a.db", SCHEMA), path)
    alone = load(path)
    path.write_text(uncommented(path.read_text()))
    for experiment in (alone, load(path)):
        claims = [parse_claim(text) for one in experiment.conditions for text in one.claims]
        each = confidence_each(experiment.confidence, len(claims))
        assert experiment.budget is not None
        assert experiment.budget.cycles is not None
        for failures in (0, 1, 2):
            takes = sum(support_boundary(failures, claim.at_least, each) for claim in claims)
            assert takes <= experiment.budget.cycles
    assert len(alone.conditions) < len(experiment.conditions)


@pytest.mark.long
def test_as_written_it_is_decided(folder: Path) -> None:
    """Its faults strike, and each claim has a verdict: 0 or 1, and never 3."""
    path = folder / "experiment.toml"
    init(made(folder / "a.db", SCHEMA), path)
    command = [sys.executable, "-m", "harness", "run", path, "--output", folder / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    told = json.loads((folder / "out" / "summary.json").read_text())["conditions"]
    assert {claim["verdict"] for one in told for claim in one["claims"]} <= {"supported", "refuted"}


@pytest.mark.long
@pytest.mark.parametrize("name", ["chinook.sqlite", "wal_database.db"])
def test_it_runs_at_once(real_database, folder: Path, name: str) -> None:  # noqa: ANN001 - a fixture's function
    """A short run of it ends with 0 or 3: no harness error, every fault has struck."""
    init(real_database(name), folder / "experiment.toml")
    done = run(folder / "experiment.toml")
    assert done.returncode in (0, 3), done.stdout + done.stderr
    told = json.loads((folder / "out" / "summary.json").read_text())["conditions"]
    assert [one["cycles"] for one in told] == [40, 40]
    assert all(one["outcomes"]["harness_error"] == 0 for one in told)


def uncommented(text: str) -> str:
    """Take the first "# " off the conditions that are for people to fill in."""
    start, end = text.index("# [[conditions]]"), text.index("# What cannot strike")
    opened = re.sub(r"^# ?", "", text[start:end], flags=re.MULTILINE)
    return text[:start] + opened + text[end:]


def test_what_is_commented_out_is_right_too(folder: Path) -> None:
    """With the marks taken away their own cleanups load: by key, command, function, SQL."""
    path = folder / "experiment.toml"
    init(made(folder / "a.db", SCHEMA), path)
    path.write_text(uncommented(path.read_text()))
    written = [one.cleanup for one in load(path).conditions]
    assert written[:3] == ["by_difference", "none", "sql"]
    assert isinstance(written[3], str)
    assert CALLABLE.fullmatch(str(written[4]))
    assert isinstance(written[5], tuple)
    for place in (1, 2, 3):
        assert f"FILL IN {place}" in path.read_text()


@pytest.mark.parametrize(
    "name", ['it\'s "quoted" & spaced.db', "ünï—日本.db", "-dash.db", "back\\slash.db", "...db"]
)
def test_any_name_can_be_written(folder: Path, name: str) -> None:
    """Spaces, quotes and letters of any script: the file loads and names the database."""
    database = made(folder / name, SCHEMA)
    (folder / "else where").mkdir()
    output = folder / "else where" / "experiment.toml"
    init(database, output)
    project = load(output).conditions[0].project
    assert project is not None
    assert project.path.samefile(database)
    assert not Path(project.database).is_absolute()


def test_nothing_is_overwritten(folder: Path) -> None:
    """A file that is there stays as it is unless asked; the database itself whatever is asked."""
    database, output = made(folder / "a.db", SCHEMA), folder / "experiment.toml"
    output.write_text("mine")
    with pytest.raises(UsageError, match="is there already") as refused:
        init(database, output)
    assert refused.value.exit_code == 2
    assert output.read_text() == "mine"
    before = database.read_bytes()
    with pytest.raises(UsageError, match="is the database itself"):
        init(database, database, force=True)
    assert database.read_bytes() == before
    init(database, output, force=True)
    assert load(output).name == "a"


def test_places_that_cannot_be_written_are_said(folder: Path) -> None:
    """A folder, and a folder that is not there, are no places for an experiment."""
    database = made(folder / "a.db", SCHEMA)
    with pytest.raises(UsageError, match="is a folder"):
        init(database, folder)
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        init(database, folder / "none" / "experiment.toml")


def test_what_is_left_out_is_said(folder: Path) -> None:
    """Tables that cannot be read or filled are named with the reason, on screen and in the file."""
    sql = (
        "CREATE TABLE good (a); CREATE TABLE never (a CHECK (a IS NULL AND a IS NOT NULL));"
        "CREATE TABLE odd (a TEXT PRIMARY KEY COLLATE theirs) WITHOUT ROWID"
    )
    output = folder / "experiment.toml"
    said = init(made(folder / "a.db", sql), output)
    for name in ("never", "odd"):
        assert f"left out: table {name}: " in said
        assert re.search(rf"^# .*\b{name}: ", output.read_text(), re.MULTILINE)
    project = load(output).conditions[0].project
    assert project is not None
    assert project.tables == ("good",)


def test_where_no_rows_can_be_made_it_says_so(folder: Path) -> None:
    """The file is written all the same, and whoever reads is told to fill in create first."""
    sql = "CREATE TABLE never (a CHECK (a IS NULL AND a IS NOT NULL))"
    said = init(made(folder / "a.db", sql), folder / "experiment.toml")
    assert "fill in your own create" in said


def test_names_and_comments_stay_in_their_line() -> None:
    """A table's name with a line's end in it breaks no comment; a name is one that is allowed."""
    assert "\n" not in plain("a\nb\x07")
    assert quoted('a"\n\x7f') == '"a\\"\\n\\u007f"'
    assert name_of(Path("...")) == "database"
    assert name_of(Path("my app (dev).sqlite3")) == "my_app_dev_"
    with pytest.raises(UsageError, match="not UTF-8"):
        quoted("\udcff")
