"""SQLite's backup API: others stay connected."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.databases import Differences
from harness.databases.sqlite.session import connect
from harness.errors import RestoreError
from harness.recovery.online_backup import OnlineBackup
from harness.system import copying
from harness.system.files import Files
from tests.recovery.helpers import (
    DAMAGE,
    FailingFiles,
    as_pages,
    content,
    execute,
    in_child,
    leftovers,
    main_bytes,
    make,
    recovery,
)


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_same_size_to_the_byte(folder: Path, mode: str) -> None:
    """The backup has as many bytes as the database, and its pages."""
    path = make(folder, mode)
    one = recovery(OnlineBackup, path)
    one.capture()
    backup = one.backup.read_bytes()
    assert len(backup) == path.stat().st_size
    assert backup[100:] == main_bytes(path)[100:]


@pytest.mark.parametrize("who", ["here", "there"])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_others_see_the_baseline(
    folder: Path,
    neighbour,  # noqa: ANN001 - another process
    mode: str,
    who: str,
) -> None:
    """An idle connection with the tests' schema in its cache sees the baseline, and can write."""
    path = make(folder, mode)
    before = content(path)
    one = recovery(OnlineBackup, path)
    one.capture()
    mine = apsw.Connection(str(path))
    run, close = lambda sql: mine.execute(sql).fetchall(), mine.close
    if who == "there":
        mine.close()
        neighbour.open(path)
        run, close = neighbour.run, neighbour.close
    run("ALTER TABLE bots ADD COLUMN extra DEFAULT 7")
    run("INSERT INTO bots(name) VALUES ('test')")
    assert list(run("SELECT extra FROM bots WHERE name = 'test'")[0]) == [7]
    one.restore()
    assert run("SELECT count(*) FROM bots WHERE name = 'test'") in ([[0]], [(0,)])
    assert content(path) == before
    run("INSERT INTO users VALUES ('later')")
    close()
    after = content(path)
    assert after["rows users"] == sorted([*before["rows users"], "('later',)"])
    assert after["rows bots"] == before["rows bots"]
    assert after["schema"] == before["schema"]


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.parametrize(
    "change",
    [
        "PRAGMA journal_mode=delete; PRAGMA page_size=8192; PRAGMA auto_vacuum=2; VACUUM",
        "PRAGMA journal_mode=delete; PRAGMA page_size=1024; VACUUM; PRAGMA journal_mode=wal",
        "PRAGMA journal_mode=wal",
        "PRAGMA journal_mode=delete",
    ],
)
def test_settings_of_the_file_come_back(folder: Path, mode: str, change: str) -> None:
    """Page size, auto_vacuum and journal mode are the baseline's, whatever the tests set."""
    path = make(folder, mode)
    before = content(path)
    one = recovery(OnlineBackup, path)
    one.capture()
    execute(path, change)
    execute(path, DAMAGE["insert"], fold=False)
    one.restore()
    assert content(path) == before


def test_rows_come_back_where_nobody_can_leave_wal_mode(folder: Path) -> None:
    """An application that turned WAL on and stays keeps the mode, and nothing else of its own."""
    path = make(folder, "delete")
    one = recovery(OnlineBackup, path)
    one.capture()
    with closing(connect(path)) as application:
        application.execute("PRAGMA journal_mode=wal").fetchall()
        application.execute(DAMAGE["insert"])
        assert not one.differences().clean("rows")
        one.restore()
        assert one.differences() == Differences(settings={"journal_mode": ("delete", "wal")})
        application.execute("PRAGMA integrity_check").fetchall()
    one.restore()
    assert one.differences() == Differences()


def test_all_or_nothing(folder: Path) -> None:
    """A restore that the disk cannot hold leaves the live database as it was; then it works."""
    path = make(folder, "delete")
    before = content(path)
    one = recovery(OnlineBackup, path, vfs="full")
    full = _Full()
    one.capture()
    execute(path, "DELETE FROM bots WHERE id > 2; INSERT INTO users VALUES ('x'); VACUUM")
    live = content(path)
    full.left = 5
    with pytest.raises(apsw.FullError):
        one.restore()
    assert content(path) == live
    full.left = 10**6
    one.restore()
    assert content(path) == before


class _Full(apsw.VFS):
    """A disk with room for so many more writes."""

    def __init__(self) -> None:
        super().__init__("full", "")
        self.left = 10**6

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's own name
        disk = self

        class File(apsw.VFSFile):
            def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's own name
                disk.left -= 1
                if disk.left < 0:
                    raise apsw.FullError
                super().xWrite(data, offset)

        return File("", name, flags)


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_schema_that_cannot_be_parsed(folder: Path, mode: str, when: str) -> None:
    """Pages are copied all the same, be it the baseline's schema or what the tests made of it."""
    path = make(folder, mode)
    spoil = "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='?' WHERE name='users'"
    one = recovery(OnlineBackup, path)
    if when == "before":
        execute(path, spoil)
    before = main_bytes(path)
    one.capture()
    if when == "after":
        execute(path, spoil)
    execute(path, "PRAGMA user_version = 99")
    one.restore()
    assert as_pages(main_bytes(path)) == as_pages(before)
    if when == "after":
        assert content(path)["user_version"] == 7


def test_a_rollback_journal_left_hot(folder: Path) -> None:
    """What a killed writer left in the file does not keep the baseline from coming back."""
    path = make(folder, "delete")
    before = content(path)
    one = recovery(OnlineBackup, path)
    one.capture()

    def dies() -> None:
        connection = apsw.Connection(str(path))
        connection.pragma("cache_size", 1)  # so that pages are written before the commit
        connection.execute("BEGIN; DELETE FROM bots; UPDATE users SET mail = zeroblob(90000)")
        os._exit(9)

    assert in_child(dies) == 9
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0
    one.restore()
    assert content(path) == before


# A big database: here every one is.


@pytest.fixture
def big(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every database a big one."""
    monkeypatch.setattr(OnlineBackup, "kernel_from_bytes", 1)


class Copying(Files):
    """The real operations; what is to happen between a copy and its end happens."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.copies = 0
        self.meanwhile = meanwhile

    def copy(self, *args: Any, **kwargs: Any) -> None:
        """Count it."""
        super().copy(*args, **kwargs)
        self.copies += 1
        self.meanwhile()


def aged(path: Path) -> None:
    """Wait until the last write is no longer just now."""
    deadline = time.monotonic() + 10
    while time.time_ns() - path.stat().st_ctime_ns < 120_000_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_small_copy_is_the_file_too(folder: Path, mode: str) -> None:
    """Copied by this process while nobody can write: equal to the byte, and untouched is known."""
    path = make(folder, mode)
    aged(path)
    one = recovery(OnlineBackup, path, files=(files := Copying()))
    one.capture()
    assert files.copies == 0
    assert one.backup.read_bytes() == main_bytes(path)
    assert one.untouched()
    execute(path, DAMAGE["update"])
    assert not one.untouched()
    one.dispose()
    assert leftovers(path) == []


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.usefixtures("big")
def test_a_big_copy_is_the_file(folder: Path, mode: str) -> None:
    """A big database is copied to the byte, with what stood in the -wal, and comes back."""
    path = make(folder, mode)
    execute(path, "INSERT INTO users VALUES ('late')", fold=False)
    before = content(path)
    one = recovery(OnlineBackup, path, files=(files := Copying()))
    one.capture()
    assert files.copies == 1
    assert one.backup.read_bytes() == main_bytes(path)
    assert content(one.backup, immutable=True)["rows users"] == before["rows users"]
    execute(path, DAMAGE["vacuum"], fold=False)
    one.restore()
    assert content(path) == before
    one.dispose()
    assert leftovers(path) == []


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.usefixtures("big")
def test_nobody_writes_the_file_while_it_is_copied(
    folder: Path,
    neighbour,  # noqa: ANN001 - another process
    mode: str,
) -> None:
    """A neighbour's commit or checkpoint does not reach the main file, before the copy or after."""
    path = make(folder, mode)
    neighbour.open(path)
    tried = []

    def meddle() -> None:
        update = "UPDATE bots SET name = 'meddled'"
        if mode == "wal":
            neighbour.run(update)  # goes to the -wal
        with pytest.raises(RuntimeError, match="BusyError"):
            neighbour.checkpoint() if mode == "wal" else neighbour.run(update)
        tried.append(mode)

    one = recovery(OnlineBackup, path, files=Copying(meddle))
    one.capture()
    assert tried == [mode]
    assert b"meddled" not in one.backup.read_bytes()
    neighbour.run("UPDATE bots SET name = 'meddled'")
    neighbour.close()
    assert b"meddled" in main_bytes(path)


@pytest.mark.usefixtures("big")
def test_no_lock_of_this_process_is_lost(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """A transaction that another connection of this process has begun outlives the copy."""
    path = make(folder, "delete")
    mine = apsw.Connection(str(path))
    mine.execute("BEGIN IMMEDIATE; INSERT INTO users VALUES ('mine')").fetchall()
    neighbour.open(path)
    one = recovery(OnlineBackup, path, files=(files := Copying()))
    one.capture()
    assert files.copies == 1
    with pytest.raises(RuntimeError, match="BusyError"):
        neighbour.run("INSERT INTO users VALUES ('x')")
    with path.open("rb"):  # planted: what a copy in this process would come to
        pass
    neighbour.run("INSERT INTO users VALUES ('x')")
    mine.close()


@pytest.mark.usefixtures("big")
def test_without_a_steady_moment_by_pages(folder: Path) -> None:
    """A reader of the -wal leaves no steady moment: SQLite copies the pages, the -wal's too."""
    path = make(folder, "wal")
    reader, writer = apsw.Connection(str(path)), apsw.Connection(str(path))
    writer.execute("INSERT INTO users VALUES ('x')")
    reader.execute("BEGIN; SELECT * FROM users").fetchall()
    writer.execute("INSERT INTO users VALUES ('y')")
    one = recovery(OnlineBackup, path, files=(files := Copying()))
    one.capture()
    assert files.copies == 0
    assert "('y',)" in content(one.backup, immutable=True)["rows users"]
    assert not one.untouched()
    reader.close()
    writer.close()


@pytest.mark.usefixtures("big")
def test_without_another_process_by_pages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be started SQLite copies the pages, and nothing is left over."""
    path = make(folder, "wal")
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(copying.CannotStart):
        copying.copy(str(path), 0, 1, lambda _: None, identity=(0, 0))
    one = recovery(OnlineBackup, path)
    one.capture()
    assert content(one.backup, immutable=True)["rows bots"] == content(path)["rows bots"]
    one.dispose()
    assert leftovers(path) == []


def test_a_vfs_of_somebodys_own_is_read_through(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a VFS named the kernel does not copy behind its back; nor does it a small database."""
    path = make(folder, "wal")
    full = _Full()
    monkeypatch.setattr(OnlineBackup, "kernel_from_bytes", 1)
    one = recovery(OnlineBackup, path, files=(files := Copying()), vfs="full")
    one.capture()
    one.dispose()
    monkeypatch.undo()
    recovery(OnlineBackup, path, files=files).capture()
    assert files.copies == 0
    del full


@pytest.mark.usefixtures("big")
def test_every_operation_of_a_big_capture_may_fail(folder: Path) -> None:
    """Whatever the kernel refuses, nothing half made is left and another attempt succeeds."""
    path, struck = make(folder, "wal", rows=10), set()
    for nth in range(1, 100):
        files = FailingFiles(nth)
        one = recovery(OnlineBackup, path, files=files)
        for step in (one.capture, one.dispose):
            try:
                step()
            except OSError:
                assert step == one.dispose or leftovers(path) in ([], [one.backup.name])
                step()
            if step == one.capture:
                assert one.backup.read_bytes() == main_bytes(path)
        assert leftovers(path) == []
        if files.struck is None:
            break
        struck.add(files.struck)
    assert struck >= {"copy", "create", "open", "read", "replace", "unlink"}


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_an_untouched_database_is_known(folder: Path, mode: str) -> None:
    """Readers that come and go leave it untouched; a capture of old writes says so."""
    path = make(folder, mode)
    aged(path)
    one = recovery(OnlineBackup, path)
    assert not one.untouched()
    one.capture()
    assert one.untouched()
    content(path)
    assert one.untouched()
    assert leftovers(path) == [one.backup.name]


def _byte(path: Path) -> None:
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(9000)
        byte = file.read(1)
        file.seek(9000)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _replaced(path: Path) -> None:
    times, data = path.stat(), path.read_bytes()
    path.rename(path.with_name("old"))
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


TOUCHES: dict[str, Callable[[Path], None]] = {
    "a byte, its time put back": _byte,
    "a commit": lambda path: execute(path, "UPDATE users SET mail = 'x'"),
    "a commit, not folded": lambda path: execute(path, "DELETE FROM users", fold=False),
    "written and taken back": lambda path: execute(
        path, "INSERT INTO users VALUES ('x'); DELETE FROM users WHERE mail = 'x'"
    ),
    "replaced by its equal": _replaced,
    "deleted": Path.unlink,
    "cut": lambda path: os.truncate(path, 8192),
}


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize("touch", TOUCHES)
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_every_touch_is_seen(folder: Path, mode: str, touch: str) -> None:
    """Whatever anybody did to the file, it is not called untouched."""
    path = make(folder, mode)
    aged(path)
    one = recovery(OnlineBackup, path)
    one.capture()
    assert one.untouched()
    TOUCHES[touch](path)
    there = leftovers(path)
    assert not one.untouched()
    assert leftovers(path) == there


@pytest.mark.usefixtures("big")
def test_a_transaction_at_work_is_seen(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """Somebody who has begun to write keeps the database from being called untouched."""
    path = make(folder, "delete")
    aged(path)
    one = recovery(OnlineBackup, path)
    one.capture()
    neighbour.open(path)
    neighbour.run("BEGIN IMMEDIATE")
    assert not one.untouched()
    neighbour.run("ROLLBACK")
    assert one.untouched()


@pytest.mark.usefixtures("big")
def test_written_just_before_proves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file written within the racy time could be written again at the same time of its clock."""
    path = make(folder, "wal")
    monkeypatch.setattr("harness.recovery.sqlite.stamp.RACY_NS", 3_600 * 10**9)
    one = recovery(OnlineBackup, path)
    one.capture()
    assert not one.untouched()


# A database file that is gone or ruined; the recovery of the default chain has to bring it back.


def _garbage_first(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"not a database, " * 256)


def _garbage_within(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 12_000)


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database, " * 1000)


RUIN: dict[str, Callable[[Path], None]] = {
    "deleted": Path.unlink,
    "emptied": lambda path: os.truncate(path, 0),
    "cut within the header": lambda path: os.truncate(path, 50),
    "cut within a page": lambda path: os.truncate(path, 700),
    "cut between pages": lambda path: os.truncate(path, 8192),
    "garbage first": _garbage_first,
    "garbage within": _garbage_within,
    "garbage": _garbage,
}


@pytest.mark.parametrize("ruin", RUIN)
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_ruined_database_comes_back(folder: Path, mode: str, ruin: str) -> None:
    """Whatever became of the file, and whatever stands beside it, the baseline comes back."""
    path = make(folder, mode)
    before = content(path)
    one = recovery(OnlineBackup, path)
    one.capture()
    execute(path, DAMAGE["insert"], fold=False)
    RUIN[ruin](path)
    one.restore()
    assert content(path) == before
    one.restore()
    one.dispose()
    assert leftovers(path) == []


@pytest.mark.parametrize("what", ["link", "dangling", "folder", "pipe"])
def test_what_is_no_file_is_refused(folder: Path, what: str) -> None:
    """A link is not followed, a folder not removed: a sentence says what to do."""
    path = make(folder, "delete")
    one = recovery(OnlineBackup, path)
    one.capture()
    elsewhere = folder / "elsewhere"
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(elsewhere)
        if what == "link":
            elsewhere.write_text("precious")
    with pytest.raises(RestoreError, match="left alone; move it away"):
        one.restore()
    assert not elsewhere.exists() or elsewhere.read_text() == "precious"
    assert one.backup.exists()


def test_a_ruined_file_that_is_in_use_stays(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """While another process has the ruined file open it is not replaced; afterwards it is."""
    path = make(folder, "wal")
    before = content(path)
    one = recovery(OnlineBackup, path)
    one.capture()
    neighbour.open(path)
    os.truncate(path, 0)
    with pytest.raises(apsw.BusyError):
        one.restore()
    neighbour.kill()
    one.restore()
    assert content(path) == before
