"""The rehearsal refuses what cannot work in any cycle, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.errors import UsageError
from harness.experiment.cycle.rehearsal import commands_s, needs_time, rehearse
from harness.experiment.cycle.site import Site
from tests.experiment.own_project import condition, make_project


def rehearsed(folder: Path, **changes: Any) -> str:
    """Rehearse a project; return what was refused."""
    database = folder / "app.sqlite3"
    if not database.exists():
        make_project(folder)
    before = database.read_bytes()
    root = folder / "root"
    root.mkdir(exist_ok=True)
    said = ""
    try:
        rehearse(condition(folder, **changes), 1, database, root)
    except UsageError as error:
        said = str(error)
    assert database.read_bytes() == before
    assert list(root.iterdir()) == []
    return said


def test_what_works_is_let_pass(tmp_path: Path) -> None:
    """Also a cleanup that fails, or that leaves every row: that is what is measured."""
    assert rehearsed(tmp_path) == ""
    assert rehearsed(tmp_path, cleanup="exit 3") == ""
    assert rehearsed(tmp_path, cleanup="true") == ""
    assert rehearsed(tmp_path, cleanup=["DELETE FROM nowhere"]) == ""


@pytest.mark.parametrize(
    ("create", "said"),
    [
        (["INSERT INTO nowhere VALUES (1)"], "no such table: nowhere"),
        (["UPDATE bots SET name = name"], "every row is as before"),
        (["SELECT 1"], "changed nothing"),
        ("echo oh dear >&2; exit 4", "exit status 4; it said: oh dear"),
        ("no-such-command --now", "no such command"),
        ("no_such_package.e2e:create", "No module named 'no_such_package'"),
    ],
)
def test_a_create_that_cannot_work(create: Any, said: str, tmp_path: Path) -> None:
    """It is refused by condition and key, with the database's or the command's own words."""
    refused = rehearsed(tmp_path, project={"create": create})
    assert refused.startswith("condition 'own': project.create: ")
    assert said in refused


def test_a_changed_schema_needs_a_restore(tmp_path: Path) -> None:
    """A create that makes a table is let pass where a recovery takes it away, and only there."""
    project = {"create": ["CREATE TABLE more (id)"]}
    for policy in ("hybrid_verified", "hybrid_trusting", "restore_only"):
        assert rehearsed(tmp_path, project=project, policy=policy) == ""
    refused = rehearsed(tmp_path, project=project, policy="cleanup_only")
    assert refused.startswith("condition 'own': project.create: changes the schema (table more add")
    assert "policy = 'cleanup_only' has none" in refused


def test_a_test_that_cannot_work(tmp_path: Path) -> None:
    """It has a key of its own."""
    refused = rehearsed(tmp_path, project={"test": "echo red; exit 1"})
    assert refused.startswith("condition 'own': project.test: ")
    assert "it said: red" in refused


@pytest.mark.parametrize(
    ("cleanup", "said"),
    [
        ("no-such-command --now", "no such command"),
        ("./clean.py", "executable"),
        ("clean:no_such_function", "no_such_function"),
    ],
)
def test_a_cleanup_that_is_not_there(cleanup: str, said: str, tmp_path: Path) -> None:
    """A cleanup that can never begin is refused."""
    make_project(tmp_path)
    (tmp_path / "clean.py").write_text("")
    refused = rehearsed(tmp_path, cleanup=cleanup)
    assert refused.startswith("condition 'own': cleanup: ")
    assert said in refused


ENDINGS = [
    ("os._exit(0)", "ended the process that it was called in (exit status 0)"),
    ("os.kill(os.getpid(), 9)", "ended the process that it was called in (signal 9)"),
    ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
]


@pytest.mark.parametrize(("ending", "said"), ENDINGS)
def test_a_function_that_ends_its_process_is_refused(
    ending: str, said: str, tmp_path: Path
) -> None:
    """It ends neither the program, with whatever status, nor the rehearsal unseen."""
    (tmp_path / "ending_e2e.py").write_text(f"import os\ndef clean(context): {ending}\n")
    refused = rehearsed(tmp_path, cleanup="ending_e2e:clean")
    assert refused.startswith("condition 'own': cleanup: ")
    assert said in refused


def test_a_module_that_ends_its_process_is_refused(tmp_path: Path) -> None:
    """So is one that does it as it is imported."""
    (tmp_path / "leaving_e2e.py").write_text("import os\nos._exit(0)\n")
    assert "exit status 0" in rehearsed(tmp_path, cleanup="leaving_e2e:clean")


def test_what_a_function_does_to_its_process_is_not_done_to_ours(tmp_path: Path) -> None:
    """A folder that is gone, a library without its door, a thread that never ends."""
    (tmp_path / "rude_e2e.py").write_text(
        "import apsw, os, threading, time\n"
        "def clean(context):\n"
        "    threading.Thread(target=time.sleep, args=(4000,)).start()\n"
        "    apsw.Connection = None\n"
        "    os.chdir('/')\n"
    )
    here, connection = os.getcwd(), apsw.Connection
    rehearsed(tmp_path, cleanup="rude_e2e:clean")
    assert os.getcwd() == here
    assert apsw.Connection is connection


def test_an_error_that_cannot_be_told_is_a_failure(tmp_path: Path) -> None:
    """An exception whose text raises is a cleanup that failed, which is what is measured."""
    (tmp_path / "mute_e2e.py").write_text(
        "class Mute(Exception):\n"
        "    def __str__(self): raise ValueError\n"
        "def clean(context): raise Mute\n"
    )
    assert rehearsed(tmp_path, cleanup="mute_e2e:clean") == ""


@pytest.mark.parametrize("line", ["true " + "x" * 200_000, "echo a\0b"])
def test_a_command_that_no_shell_can_be_given_is_refused(line: str, tmp_path: Path) -> None:
    """It would fail in every cycle, and no cleanup be measured."""
    refused = rehearsed(tmp_path, cleanup=line)
    assert refused.startswith("condition 'own': cleanup: ")
    assert len(refused) < 1000


@pytest.mark.parametrize(
    "cleanup",
    [
        "python3 -S own.py",
        ["ATTACH '{0}/app.sqlite3' AS o", "DELETE FROM o.bots WHERE id = 1"],
    ],
)
def test_work_on_the_database_itself_is_told(cleanup: Any, tmp_path: Path) -> None:
    """Commands that do not look where they are told to are stopped at the first try."""
    make_project(tmp_path)
    (tmp_path / "own.py").write_text(
        "import sqlite3\nc = sqlite3.connect('app.sqlite3')\n"
        "c.execute('DELETE FROM bots WHERE id = 1')\nc.commit()\nc.close()\n"
    )
    if not isinstance(cleanup, str):
        cleanup = [one.format(tmp_path) for one in cleanup]
    (tmp_path / "root").mkdir()
    pristine = tmp_path / "pristine"
    pristine.write_bytes((tmp_path / "app.sqlite3").read_bytes())
    with pytest.raises(UsageError, match=r"itself was written to.*DATABASE_PATH"):
        rehearse(condition(tmp_path, cleanup=cleanup), 1, pristine, tmp_path / "root")


def test_somebody_may_want_it_to_end(tmp_path: Path) -> None:
    """Ctrl-C in a command that hangs is heard."""
    make_project(tmp_path)
    (tmp_path / "root").mkdir()
    hanging = condition(tmp_path, cleanup="touch hangs; sleep 4000")
    with pytest.raises(KeyboardInterrupt):
        rehearse(
            hanging,
            1,
            tmp_path / "app.sqlite3",
            tmp_path / "root",
            stopped=(tmp_path / "hangs").exists,
        )
    assert list((tmp_path / "root").iterdir()) == []


def test_who_needs_the_time(tmp_path: Path) -> None:
    """Only conditions with a fault that strikes at a moment of the cleanup's run."""
    make_project(tmp_path)
    assert not needs_time(condition(tmp_path))
    assert needs_time(condition(tmp_path, faults={"cleanup_killed": {"rate": 0.5}}))


def test_the_watchdog_waits_for_commands(tmp_path: Path) -> None:
    """As long as create, test and cleanup may take one after the other, and their ends."""
    make_project(tmp_path)
    assert commands_s([condition(tmp_path, project={"timeout_s": 100})]) >= 306
    assert commands_s([]) == 0.0


def test_what_a_cleanup_leaves_is_not_in_the_next_rehearsals_way(tmp_path: Path) -> None:
    """A cleanup that leaves a unique row is timed more than once, and the baseline is put back."""
    database = make_project(tmp_path)
    (tmp_path / "site").mkdir()
    killed = {"cleanup_killed": {"rate": 1.0}}
    site = Site(condition(tmp_path, cleanup="true", faults=killed), 1, database, tmp_path / "site")
    try:
        assert site.scene.terms is not None
        assert site.scene.terms.usual_s > 0
        assert site.run(0).outcome != "harness_error"
    finally:
        site.close()
