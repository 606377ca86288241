"""Mode, owner and times of a guarded file: what the tests change of them comes back, or is told."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.cleanup.by_difference import DifferenceCleanup
from harness.databases.engines import address_of
from harness.errors import RestoreError
from harness.guard import Guard, GuardResult, recover, telling
from tests.recovery.helpers import content, execute, make

NOBODY = 65534
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
LONG_AGO_NS = 10**18
RECOVERIES = ["online_backup", "file_copy", "naive_copy", "wal_pin"]


def made(folder: Path, mode: str = "wal") -> Path:
    """A database of an odd mode, changed long ago; of another user's where that can be."""
    path = make(folder, mode)
    os.chmod(path, 0o664)
    if IS_ROOT:
        os.chown(path, 1000, 1001)
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return path


def standing(path: Path) -> tuple[int, int, int, int, int]:
    """Mode, owner, names, time of the last change."""
    status = os.stat(path)
    mode = stat.S_IMODE(status.st_mode)
    return mode, status.st_uid, status.st_gid, status.st_nlink, status.st_mtime_ns


def made_anew(path: Path) -> None:
    """Put an equal file of one's own in its place."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    os.chmod(path, 0o600)


def another_mode(path: Path) -> None:
    """Change the mode and the times, and nothing else."""
    os.chmod(path, 0o4640)
    os.utime(path)


def said(path: Path, result: GuardResult) -> str:
    """All that people are told."""
    run = telling.Run(address_of(path), result, 0)
    return "\n".join([*telling.lines(run), *telling.errors(run)])


@contextmanager
def nobody() -> Iterator[None]:
    """Be an ordinary user for a while."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize("change", [made_anew, os.chmod, None], ids=["anew", "mode", "rows alone"])
def test_they_come_back_with_the_rows(
    folder: Path, recovery: str, change: Callable[..., None] | None
) -> None:
    """Whichever recovery restores the rows, the file is as it was, and the tests' mode is told."""
    path = made(folder, "wal" if recovery == "wal_pin" else "delete")
    before, rows = standing(path), content(path)
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    guard = Guard(path, recoveries=[recovery])
    with guard:
        if change is made_anew and recovery != "wal_pin":  # else its file is lost with the -wal
            made_anew(path)
        elif change is not None:
            os.chmod(path, 0o600)
        execute(path, "DELETE FROM users")
    assert guard.result.restored_by == recovery
    assert standing(path) == before
    assert ("mode 0664 -> 0600" in said(path, guard.result)) == (change is not None)
    assert content(path) == rows


@pytest.mark.parametrize("change", [another_mode, made_anew], ids=["mode", "anew"])
def test_they_come_back_where_no_row_was_changed(
    folder: Path, change: Callable[[Path], None]
) -> None:
    """Nothing is restored, no archive is made, and it is said what was put back."""
    path = made(folder, "delete")
    before = standing(path)
    guard = Guard(path, recoveries=["online_backup"], archives=True)
    with guard:
        change(path)
    assert (guard.result.ended, guard.result.restored_by) == ("cleaned", None)
    assert standing(path) == before
    told = said(path, guard.result)
    assert "put back: mode 0664\n" in told
    assert "no restore was needed" in told
    assert telling.Run(address_of(path), guard.result, 0).proven
    assert os.listdir(folder) == [path.name]


def test_a_cleanup_that_puts_rows_back_leaves_no_other_time(folder: Path) -> None:
    """Rows by difference, and the file's time of change is the baseline's."""
    path = made(folder)
    before = standing(path)
    cleanup = DifferenceCleanup(Path(f"{path}.e2e-backup"))
    guard = Guard(path, recoveries=["online_backup"], cleanup=cleanup)
    with guard:
        execute(path, "DELETE FROM users")
    assert guard.result.ended == "cleaned"
    assert standing(path) == before


@pytest.mark.parametrize("linked", ["from outside", "to outside"])
def test_a_second_name_is_undone(folder: Path, linked: str) -> None:
    """A file that has got another name is replaced by one of its own; the other keeps the rows."""
    path, other = made(folder, "delete"), folder / "other"
    before, rows = standing(path), content(path)
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    guard = Guard(path, recoveries=["online_backup"])
    with guard:
        if linked == "to outside":
            other.write_bytes(path.read_bytes())
            path.unlink()
        (path if linked == "to outside" else other).hardlink_to(
            other if linked == "to outside" else path
        )
    assert guard.result.ended == "restored"
    assert "hard links 1 -> 2" in said(path, guard.result)
    assert standing(path) == before
    assert other.stat().st_nlink == 1
    assert content(path) == rows


@pytest.mark.parametrize("recovery", ["online_backup", "file_copy"])
def test_they_come_back_after_a_kill(folder: Path, recovery: str) -> None:
    """From the backup's own file, whatever became of the database's."""
    path = made(folder, "delete")
    before = standing(path)
    guard = Guard(path, recoveries=[recovery])
    guard.begin()
    made_anew(path)
    execute(path, "DELETE FROM users")
    guard.abandon()
    assert recover(path) == recovery
    assert standing(path) == before


@pytest.mark.skipif(not IS_ROOT, reason="needs root, to be two users")
@pytest.mark.parametrize("killed", [False, True])
def test_an_owner_that_cannot_be_put_back_is_no_success(folder: Path, killed: bool) -> None:
    """An ordinary user's guard says whose the file is now, and that this is not proven."""
    path = make(folder, "delete")
    os.chmod(path, 0o666)  # noqa: S103 - for two users
    for one in (path, folder):
        os.chown(one, NOBODY, NOBODY)
    why = f"owner {NOBODY}:{NOBODY} -> 0:0 could not be put back"
    with nobody():
        guard = Guard(path, recoveries=["online_backup"])
        guard.begin()
    os.chown(path, 0, 0)
    with nobody():
        if killed:
            guard.abandon()
            with pytest.raises(RestoreError, match=why):
                recover(path)
        else:
            result = guard.finish()
            assert not result.says_clean
            assert why in said(path, result)
    os.chown(path, NOBODY, NOBODY)
    with nobody():
        assert recover(path) == "online_backup"


@pytest.mark.skipif(not IS_ROOT, reason="needs root, to be two users")
def test_whose_it_was_nobody_guesses(folder: Path) -> None:
    """A backup that could not be given the owner says nothing of it to whoever comes after."""
    path = make(folder, "delete")
    os.chmod(path, 0o666)  # noqa: S103 - for two users
    os.chown(path, 1000, 1001)
    os.chmod(folder, 0o777)  # noqa: S103 - for two users
    with nobody():
        guard = Guard(path, recoveries=["online_backup"])
        guard.begin()
        execute(path, "DELETE FROM users")
        guard.abandon()
        assert recover(path) == "online_backup"
    assert os.stat(path).st_uid == 1000
