"""What another user puts beside a database, and what root does not do for them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.guard.sqlite.journal import SUFFIX
from harness.guard.sqlite.second_names import SecondNames
from harness.system import processes
from harness.system.files import Files
from tests.guard.test_killed_anywhere import killed_guard
from tests.recovery.helpers import content, execute, make

NOBODY = 65534
pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to be another user as well"
)


# What is imported late may lie where nobody else can read.
AS_NOBODY = """
import importlib, os, pkgutil, pwd, subprocess, sys
import harness.databases, harness.guard, harness.recovery
for package in (harness.databases, harness.guard, harness.recovery):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
from harness.errors import UsageError
from harness.guard.command import run_guarded
os.setresgid(65534, 65534, 65534)
os.setgroups([])
os.setresuid(65534, 65534, 65534)
try:
    sys.exit(run_guarded(sys.argv[1], ["true"], say=print))
except UsageError as error:
    print(error)
    sys.exit(2)
"""


def harness(*words: str, state: Path | None = None) -> tuple[int, str]:
    """Run the real command."""
    environment = os.environ | ({"HARNESS_STATE_DIR": str(state)} if state else {})
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        capture_output=True, text=True, check=False, timeout=60, env=environment,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def everything(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content, mode and owner of every file."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mode, path.stat().st_uid)
        for path in folder.iterdir()
        if path.is_file()
    }


def planted(folder: Path, **more: object) -> Path:
    """A journal and a backup as a killed guard leaves them, with another's data and name."""
    path, _ = killed_guard(folder, "file_copy")
    execute(path, "DELETE FROM bots; DELETE FROM users")
    journal, backup = Path(f"{path}{SUFFIX}"), Path(f"{path}.e2e-backup")
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    for entry in entries:
        entry["version"] = 1
        for one in entry["backups"]:
            one.update(more)
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    SecondNames(path, Files()).remove_all()
    for file in (journal, backup):
        os.chown(file, NOBODY, NOBODY)
    return path


@pytest.mark.parametrize("verb", ["guard", "recover"])
def test_root_believes_no_neighbour(folder: Path, verb: str) -> None:
    """In a folder that others may write: a sentence, status 2, and nothing is changed."""
    path = planted(folder, mode=0o4755, uid=0, gid=0)
    folder.chmod(0o1777)
    before = everything(folder)
    status, said = harness(verb, "--database", str(path), *(["--", "true"] * (verb == "guard")))
    assert status == 2, said
    assert "belongs to" in said
    assert everything(folder) == before


def test_the_databases_owner_is_believed_and_gets_no_more(folder: Path) -> None:
    """Their own backup is put back for them, as theirs, and without set-id bits."""
    path = planted(folder, mode=0o4755, uid=0, gid=0)
    os.chown(path, NOBODY, NOBODY)
    path.unlink()
    path.touch()
    os.chown(path, NOBODY, NOBODY)
    Path(f"{path}.e2e-backup").chmod(0o6755)
    status, said = harness("recover", "--database", str(path))
    assert status == 0, said
    now = path.stat()
    assert (now.st_uid, now.st_mode & (stat.S_ISUID | stat.S_ISGID)) == (NOBODY, 0)


def test_an_ordinary_user_leaves_roots_files_alone(folder: Path) -> None:
    """And says whose they are, and who has to recover."""
    path, before = killed_guard(folder, "file_copy")
    folder.chmod(0o777)
    path.chmod(0o666)
    (place := folder / "home").mkdir()
    os.chown(place, NOBODY, NOBODY)
    there = everything(folder)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(path)],
        capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | {"HARNESS_STATE_DIR": str(place / "state")},
    )  # fmt: skip
    status, said = done.returncode, done.stdout + done.stderr
    assert status == 2, said
    assert "belongs to the user root" in said
    assert "recover" in said
    assert everything(folder) == there
    assert harness("recover", "--database", str(path))[0] == 0
    assert content(path) == before


def test_a_file_of_anothers_under_a_name_that_is_needed(folder: Path) -> None:
    """Is refused before anything runs, and stays."""
    path = make(folder, "delete")
    folder.chmod(0o1777)
    taken = folder / "app.sqlite3.restoring"
    taken.write_text("theirs")
    os.chown(taken, NOBODY, NOBODY)
    status, said = harness("guard", "--database", str(path), "--", "touch", str(folder / "ran"))
    assert (status, (folder / "ran").exists()) == (2, False), said
    assert taken.read_text() == "theirs"


def test_a_state_folder_of_anothers_is_not_used(folder: Path) -> None:
    """Root with a home of somebody else's (sudo) keeps nothing there, and says so."""
    path = make(folder, "delete")
    (state := folder / "state").mkdir(mode=0o700)
    os.chown(state, NOBODY, NOBODY)
    status, said = harness("guard", "--database", str(path), "--", "true", state=state)
    assert status == 0
    assert "belongs to another user" in said
    assert os.listdir(state) == []


def test_root_follows_no_pointer_of_anothers(folder: Path) -> None:
    """A ``.git`` file that another user wrote leads root to no folder of root's."""
    (place := folder / "place").mkdir()
    (target := folder / "target").mkdir()
    path = make(place, "delete")
    (place / ".git").write_text(f"gitdir: {target}\n")
    for owned in (place / ".git", place):
        os.chown(owned, NOBODY, NOBODY)
    assert harness("guard", "--database", str(path), "--", "true")[0] == 0
    assert os.listdir(target) == []


@pytest.mark.parametrize("recovery", ["online_backup", "file_copy", "naive_copy"])
def test_a_link_that_comes_while_root_waits_is_not_followed(folder: Path, recovery: str) -> None:
    """A neighbour's journal makes root wait, then a link lies there: nothing is written."""
    (place := folder / "place").mkdir()
    path, _ = killed_guard(place, "file_copy")
    secret = make(folder, "delete", rows=2)
    before = secret.read_bytes()
    journal = Path(f"{path}{SUFFIX}")
    names = [str(path), str(secret)]
    waits = f"import os, time; a, b = {names}; time.sleep(1); os.unlink(a); os.symlink(b, a)"
    process = subprocess.Popen([sys.executable, "-c", waits])
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    for entry in entries:
        for one in entry["backups"]:
            one["recovery"] = recovery
    entries[-1]["command"] = {"pid": process.pid, "started": processes.started(process.pid)}
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    status, said = harness("recover", "--database", str(path))
    process.wait()
    assert status == 125, said
    assert secret.read_bytes() == before
