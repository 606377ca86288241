from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.errors import UsageError
from harness.guard import Guard
from harness.guard.refusals import check
from harness.guard.sqlite.refusals import NETWORKED, check_file
from harness.system.mounts import file_system_of, mounts


def database(folder: Path, name: str = "api_db_dev.sqlite3") -> Path:
    """A database with one row."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
    return path


def refused(path: Path, **options: object) -> str:
    """The reason, in an environment that says nothing."""
    options.setdefault("environment", {})
    with pytest.raises(UsageError) as caught:
        check(path, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_link_is_refused_with_the_file_it_leads_to(folder: Path) -> None:
    """A symbolic link is resolved and the file itself asked for, which then passes."""
    path = database(folder, "elsewhere/app.db")
    link = folder / "app.db"
    link.symlink_to(path)
    reason = refused(link, override=True)
    assert f"Give the file itself: {path}" in reason
    check(path, environment={})


def test_what_is_no_database_is_refused(folder: Path) -> None:
    """Nothing, a folder, a pipe and a text file are refused, each by its reason."""
    assert "no such database" in refused(folder / "missing.db", override=True)
    assert "a folder" in refused(folder)
    os.mkfifo(folder / "pipe")
    assert "no regular file" in refused(folder / "pipe")
    (folder / "notes.txt").write_text("SQLite is nice")
    assert "no SQLite database" in refused(folder / "notes.txt", override=True)
    assert "postgresql://" in refused("postgresql://localhost/app")  # type: ignore[arg-type]
    (folder / "empty.db").touch()
    check(folder / "empty.db", environment={})


def test_a_database_that_a_killed_guard_left_ruined_is_let_pass(folder: Path) -> None:
    """Where a journal stands, a missing or ruined file is no reason: its backup comes back."""
    path = database(folder)
    guard = Guard(path, recoveries=("online_backup",))
    guard.begin()
    guard.abandon()
    path.write_bytes(b"ruined")
    check(path, environment={})
    path.unlink()
    check(path, environment={})


def test_locks_held_by_this_process_are_kept(folder: Path) -> None:
    """Looking at the header drops no lock: another process still cannot write."""
    path = database(folder)
    with closing(apsw.Connection(str(path))) as holder:
        holder.execute("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)")
        check(path, environment={})
        write = f"import apsw; apsw.Connection({str(path)!r}).execute('INSERT INTO t VALUES (3)')"
        other = subprocess.run([sys.executable, "-c", write], capture_output=True, check=False)
        assert b"BusyError" in other.stderr


def test_what_cannot_be_written_is_refused(folder: Path) -> None:
    """A file or folder without the right to write is refused, seen as a user who is not root."""
    path = database(folder)
    for target, mode in ((path, 0o444), (folder, 0o555)):
        before = target.stat().st_mode
        folder.chmod(0o777)
        path.chmod(0o666)
        target.chmod(mode)
        assert "cannot be written" in _as_nobody(path)
        target.chmod(before)


def _as_nobody(path: Path) -> str:
    script = (
        "import os, sys, harness.guard.sqlite.target; from harness.guard.refusals import check\n"
        "os.geteuid() or os.setresuid(65534, 65534, 65534)\n"
        "try: check(sys.argv[1], environment={})\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_a_path_on_a_network_file_system_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own table is read; the type found there decides, and whoever knows passes."""
    path = database(folder)
    kind = file_system_of(str(path), mounts())
    named = subprocess.run(
        ["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert kind is not None
    assert kind[:3] == named[:3]  # stat says ext2/ext3 for ext4
    monkeypatch.setattr("harness.guard.sqlite.refusals.NETWORKED", NETWORKED | {kind})
    assert f"network file system ({kind})" in refused(path)
    check(path, override=True, environment={})


def test_a_database_of_two_names_is_refused(folder: Path) -> None:
    """A guard by the other name would take this one's test data for the baseline."""
    path = database(folder)
    os.link(path, folder / "alias.db")
    for name in (path, folder / "alias.db"):
        with pytest.raises(UsageError, match="2 names"):
            check_file(name, ["online_backup"])


@pytest.mark.parametrize("suffix", [".restoring", ".e2e-backup", ".e2e-backup.part"])
def test_a_name_that_is_taken_is_refused(folder: Path, suffix: str) -> None:
    """What stands under a name the guard needs is somebody's, and is not removed."""
    path = database(folder)
    taken = path.with_name(path.name + suffix)
    taken.write_text("mine")
    with pytest.raises(UsageError, match="a name that the guard needs"):
        check_file(path, ["online_backup"])
    if suffix != ".restoring":
        check_file(path, ["wal_pin"])  # which makes no file
    assert taken.read_text() == "mine"
