"""Without extras the package is the guard: what it needs is there, what it has not it names."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import cache
from importlib.metadata import metadata, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness import extras
from harness.cli import cli

ROOT = Path(__file__).resolve().parents[1]
# What Python imports by itself when it starts: every module but those named is not there.
_SITE = '''
import sys

HERE = {here!r}

class Nothing:
    """Finds no module that is installed here and is not to be."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HERE:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Nothing())
'''
_PYTEST = ("pytest", "pytest-xdist")  # somebody's own tests bring these
_OTHERS = ("faker", "anyio", "hypothesispytest", "pytest_postgresql", "django")
_NO_OTHERS = [*(word for plugin in _OTHERS for word in ("-p", f"no:{plugin}")), "-q"]
WORK = ("guard", "recover", "backup", "verify", "restore", "list", "config")
LACK = {
    "run": ["experiment.toml"],
    "check": ["results"],
    "report": ["results", "--format", "json"],
    "compare": ["results", "results"],
    "replay": ["results", "--condition", "guarded", "--cycle", "0"],
    "backend": ["--database", "app.db"],
    "init": ["app.db"],
    "merge": ["results", "results", "--output", "merged"],
}
Call = Callable[..., "subprocess.CompletedProcess[str]"]


def closure(*wanted: str) -> set[str]:
    """The distributions that ``wanted`` bring when they are installed without extras."""
    found: set[str] = set()
    todo = [canonicalize_name(name) for name in wanted]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            needed = [Requirement(line) for line in requires(name) or []]
            todo += [
                canonicalize_name(one.name)
                for one in needed
                if one.marker is None or one.marker.evaluate({"extra": ""})
            ]
    return found


@cache
def others(*wanted: str) -> set[str]:
    """The modules that are installed here and do not come with ``wanted``."""
    kept = closure(*wanted)
    return {
        module
        for module, homes in packages_distributions().items()
        if not kept & {canonicalize_name(home) for home in homes}
    }


@pytest.fixture
def bare(folder: Path) -> Call:
    """Call Python in a folder with a database, as though the package alone were installed."""
    site = folder / "site"
    site.mkdir()
    hidden = others(extras.PACKAGE, *_PYTEST)
    assert {"numpy", "pandas", "rich", "pydantic", "anyio", "dateutil"} <= hidden
    (site / "sitecustomize.py").write_text(_SITE.format(here=hidden))
    with closing(sqlite3.connect(folder / "app.db")) as database, database:
        database.execute("CREATE TABLE t (a)")
        database.execute("INSERT INTO t VALUES (1)")

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return call


def harness(bare: Call, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command line."""
    return bare("-m", "harness", *arguments)


def rows(folder: Path) -> list[int]:
    """What the table holds."""
    with closing(sqlite3.connect(folder / "app.db")) as database:
        return [row[0] for row in database.execute("SELECT a FROM t")]


def test_what_is_not_there_cannot_be_imported(bare: Call) -> None:
    """The room without extras is one: what measures is missing there, what guards is not."""
    done = bare("-c", "import apsw, click, psutil, harness.guard\nimport scipy.stats")
    assert done.returncode == 1
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'scipy'\n")


def test_every_command_has_help(bare: Call) -> None:
    """Nothing but the package is needed to read what a command does."""
    each = f"for verb in {list(cli.commands)}: cli.main([verb, '--help'], standalone_mode=False)"
    done = bare("-c", f"from harness.cli import cli\n{each}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage:") == len(cli.commands)


def test_every_command_works_or_lacks_an_extra() -> None:
    """A new command is tried here, in one test or the other."""
    assert set(cli.commands) == {*WORK, *LACK}


@pytest.mark.parametrize("cleanup", ["by_difference", "true"])
def test_the_guard_works(bare: Call, folder: Path, cleanup: str) -> None:
    """Every recovery in one chain, a cleanup by it or none: the baseline comes back."""
    chain = [word for name in ("file_copy", "online_backup") for word in ("--recovery", name)]
    insert = "import sqlite3; c = sqlite3.connect('app.db'); c.execute('INSERT INTO t VALUES (2)')"
    test = [sys.executable, "-c", f"{insert}; c.commit()"]
    done = harness(bare, "guard", "--database", "app.db", *chain, "--cleanup", cleanup, "--", *test)
    assert done.returncode == 0, done.stderr
    assert "is proven back at its baseline" in done.stderr
    assert rows(folder) == [1]
    assert harness(bare, "recover", "--database", "app.db").returncode == 0


def test_what_holds_is_shown(bare: Call, folder: Path) -> None:
    """``config`` reads pyproject.toml and says where each value comes from."""
    table = '[tool.reliability-harness]\ndatabase = "app.db"\n'
    (folder / "pyproject.toml").write_text(table, encoding="utf-8")
    done = harness(bare, "config")
    assert done.returncode == 0, done.stderr
    assert "app.db" in done.stdout


def test_a_killed_guard_is_made_good(bare: Call, folder: Path) -> None:
    """``recover`` brings the baseline back, also by wal_pin."""
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
    kill = "import os, signal, sqlite3; c = sqlite3.connect('app.db'); "
    kill += "c.execute('INSERT INTO t VALUES (2)'); c.commit(); os.kill(os.getppid(), 9)"
    chain = ["--recovery", "wal_pin", "--recovery", "online_backup"]
    harness(bare, "guard", "--database", "app.db", *chain, "--", sys.executable, "-c", kill)
    done = harness(bare, "recover", "--database", "app.db", "--end-survivors")
    assert done.returncode == 0, done.stderr
    assert rows(folder) == [1]


def test_by_hand_works(bare: Call, folder: Path) -> None:
    """Back up, verify, restore, and the list of what was thrown away."""
    assert harness(bare, "backup", "app.db", "app.backup").returncode == 0
    with closing(sqlite3.connect(folder / "app.db")) as database, database:
        database.execute("INSERT INTO t VALUES (2)")
    assert harness(bare, "verify", "app.db", "app.backup").returncode == 1
    assert harness(bare, "verify", "app.db", "app.backup", "--json").returncode == 1
    assert harness(bare, "restore", "app.db", "app.backup").returncode == 0
    assert harness(bare, "verify", "app.db", "app.backup").returncode == 0
    assert harness(bare, "restore", "app.db", "--list").returncode == 0
    assert rows(folder) == [1]


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_the_plugin_works(bare: Call, folder: Path, workers: list[str]) -> None:
    """A guarded session with each fixture, in one process and in a worker: proven."""
    (folder / "test_app.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('number', [2, 3])\n"
        "def test_rows(database_connection, number):\n"
        "    database_connection.execute(f'INSERT INTO t VALUES ({number})')\n"
        "    database_connection.commit()\n"
        "    assert len(database_connection.execute('SELECT a FROM t').fetchall()) == 2\n"
        "def test_module(database_restored_module, database_restored, guarded_database):\n"
        "    assert guarded_database.exists()\n"
    )
    arguments = [*_NO_OTHERS, *workers, "--guard-database", "app.db", "test_app.py"]
    done = bare("-m", "pytest", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is proven back at its baseline" in done.stdout
    assert rows(folder) == [1]


def test_the_guard_in_python_works(bare: Call, folder: Path) -> None:
    """``harness.guard`` is there, and what is not says what to install."""
    source = (
        "import harness, pathlib, sqlite3\n"
        "with harness.guard('app.db') as g:\n"
        "    c = sqlite3.connect('app.db'); c.execute('DELETE FROM t'); c.commit(); c.close()\n"
        "assert g.result.says_clean\n"
        "harness.{}\n"
    )
    for name in ("load", "plot"):
        done = bare("-c", source.format(name))
        assert done.stderr.splitlines()[-1].startswith(f"ModuleNotFoundError: harness.{name}: this")
        assert done.stderr.endswith("pip install 'reliability-harness[measure]'\n")
    assert rows(folder) == [1]


@pytest.mark.parametrize("verb", LACK)
def test_a_command_says_which_extra_it_lacks(bare: Call, folder: Path, verb: str) -> None:
    """One sentence with the line to type, 2, and nothing is written."""
    before = sorted(folder.rglob("*"))
    done = harness(bare, verb, *LACK[verb])
    line = r"harness: this needs \w+, which is not installed: "
    line += r"pip install 'reliability-harness\[measure\]'\n"
    assert re.fullmatch(line, done.stderr), done.stderr
    assert (done.returncode, done.stdout) == (2, "")
    assert sorted(folder.rglob("*")) == before


def test_what_there_is_is_listed(bare: Call) -> None:
    """Recoveries of files are all there; of what cannot be used it says what to install."""
    recoveries = json.loads(harness(bare, "list", "recovery", "--json").stdout)["recovery"]
    lacking = {one["name"]: one["problem"] for one in recoveries if one["problem"]}
    assert set(lacking) == {"delete", "dump", "template", "truncate", "undo_log"}  # of PostgreSQL
    assert all("pip install 'reliability-harness[postgres]'" in why for why in lacking.values())
    engines = json.loads(harness(bare, "list", "engines", "--json").stdout)["engines"]
    assert [bool(one["problem"]) for one in engines] == [True, False]  # PostgreSQL's driver
    listed = " ".join(harness(bare, "list", "cleanup").stdout.split())
    assert "CANNOT BE USED: this needs httpcore2, which is not installed: pip install" in listed
    assert harness(bare, "list", "measures").returncode == 2
    assert harness(bare, "list", "--schema").returncode == 2


def test_a_module_of_no_extra_is_a_defect(bare: Call) -> None:
    """Only what an extra brings is asked for; the rest keeps its traceback, and 4."""
    assert extras.advice(ModuleNotFoundError("none", name="nowhere.at_all")) is None
    assert extras.advice(ModuleNotFoundError("none", name="apsw")) is None
    assert extras.advice(ModuleNotFoundError("none")) is None
    assert extras.advice(ImportError("none", name="numpy")) is None
    told = extras.advice(ModuleNotFoundError("none", name="flask_swagger_ui.thing"))
    assert told is not None
    assert "flask_swagger_ui" in told
    planted = "import sys; sys.modules['click.testing'] = None\nfrom harness import cli\n"
    planted += (
        "cli.cli.callback = None\ncli.cli.main = lambda **_: __import__('nowhere')\ncli.main()"
    )
    done = bare("-c", planted)
    assert done.returncode == 4
    assert "Traceback" in done.stderr


def test_the_page_names_the_extras() -> None:
    """Those of the metadata and no others; without any the package needs three."""
    lines = [Requirement(line) for line in requires(extras.PACKAGE) or []]
    assert {one.name for one in lines if one.marker is None} == {"apsw", "click", "psutil"}
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    table = page.partition("| extra | what it brings |\n")[2].partition("\n\n")[0]
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(named) == sorted(metadata(extras.PACKAGE).get_all("Provides-Extra") or [])
