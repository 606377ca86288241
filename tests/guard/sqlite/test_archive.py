"""What a restore throws away: kept whole, bounded, and nothing else is touched."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from harness.guard.sqlite.archive import MOST, SUFFIX, claim_and_fill, keep, list_archives, sweep
from harness.system.files import Files
from tests.recovery.helpers import FailingFiles, content, execute, make


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_what_is_kept_is_the_live_database(folder: Path, mode: str) -> None:
    """With another connection open and rows in the -wal, the archive holds all of it."""
    path = make(folder, mode)
    path.chmod(0o640)
    other = apsw.Connection(str(path))
    other.execute("INSERT INTO users VALUES ('only in the wal')")
    kept = keep(path, files=Files())
    other.close()
    assert kept is not None
    assert content(kept, immutable=True)["rows users"] == content(path)["rows users"]
    assert kept.stat().st_mode & 0o777 == 0o640
    assert [one.path for one in list_archives(path)] == [kept]
    assert sorted(p.name for p in folder.iterdir()) == [path.name, kept.name]


def test_the_oldest_go_first_and_the_newest_stays(folder: Path) -> None:
    """Never more than five; the newest is there after each, and names of one second are counted."""
    path = make(folder, "delete")
    made = []
    for _ in range(MOST + 3):
        made.append(keep(path, files=Files()))
        assert [one.path for one in list_archives(path)] == made[-MOST:]
    assert len(set(made)) == MOST + 3


def old(database: Path, day: int, size_bytes: int, suffix: str = "") -> Path:
    """Plant an archive of a day long past."""
    path = database.with_name(f"{database.name}{SUFFIX}202001{day:02}-000000{suffix}")
    path.write_bytes(b"x" * size_bytes)
    return path


def test_together_at_most_ten_databases(folder: Path) -> None:
    """The bound in bytes is by the database's size, or by its size before the damage if greater."""
    path = make(folder, "delete")
    size = path.stat().st_size
    first, second = old(path, 1, 6 * size), old(path, 2, 5 * size, "-2")
    kept = keep(path, files=Files())
    assert [one.path for one in list_archives(path)] == [second, kept]
    assert not first.exists()
    first = old(path, 1, 6 * size)
    third = keep(path, files=Files(), size_bytes=2 * size)
    assert [one.path for one in list_archives(path)] == [first, second, kept, third]


def test_what_is_about_to_be_put_back_stays(folder: Path) -> None:
    """The oldest is spared where it is the one to restore; the next oldest goes instead."""
    path = make(folder, "delete")
    made = [keep(path, files=Files()) for _ in range(MOST)]
    last = keep(path, files=Files(), spare=made[0])
    assert [one.path for one in list_archives(path)] == [made[0], *made[2:], last]


def test_nothing_else_is_touched(folder: Path) -> None:
    """Files with names almost like an archive's, folders and links survive any thinning out."""
    path = make(folder, "delete")
    others = [
        path.with_name(f"{path.name}.e2e-backup"),
        path.with_name(f"{path.name}{SUFFIX}20200101-000000.mine"),
        path.with_name(f"{path.name}{SUFFIX}20209999-000000"),
        path.with_name(f"{path.name}{SUFFIX}notes"),
        path.with_name(f"other{SUFFIX}20200101-000000"),
    ]
    for other in others:
        other.write_bytes(b"mine")
    link = path.with_name(f"{path.name}{SUFFIX}20200102-000000")
    link.symlink_to(others[0])
    for _ in range(MOST + 2):
        keep(path, files=Files())
    assert all(other.read_bytes() == b"mine" for other in others)
    assert link.is_symlink()
    assert len(list_archives(path)) == MOST


def test_what_a_killed_process_left_is_swept_when_it_is_old(folder: Path) -> None:
    """A part an hour old goes; one that may still be in the making stays."""
    path = make(folder, "delete")
    dead = path.with_name(f"{path.name}{SUFFIX}part-{'0' * 16}.part")
    young = path.with_name(f"{path.name}{SUFFIX}part-{'1' * 16}")
    for part in (dead, young):
        part.write_bytes(b"half")
    os.utime(dead, (1, 1))
    keep(path, files=Files())
    assert (dead.exists(), young.exists()) == (False, True)


def test_what_a_dead_process_left_is_swept_at_once(folder: Path) -> None:
    """Its number is in the name; one of a process that lives stays, however old the database is."""
    path = make(folder, "delete")
    gone = subprocess.Popen(["true"])
    gone.wait()
    parts = {
        number: path.with_name(f"{path.name}{SUFFIX}part-{number}-{'0' * 16}")
        for number in (gone.pid, os.getppid(), 1)  # the last may be another user's
    }
    for part in parts.values():
        part.write_bytes(b"half")
        os.utime(part, (1, 1))
    sweep(path)
    assert [part.exists() for part in parts.values()] == [False, True, True]


def test_a_file_that_sqlite_cannot_read_is_kept_as_it_is(folder: Path) -> None:
    """Byte for byte, with its -wal, and removed with it."""
    path = folder / "app.sqlite3"
    path.write_bytes(b"no database at all" * 5000)
    wal = path.with_name(path.name + "-wal")
    wal.write_bytes(b"frames")
    kept = keep(path, files=Files())
    assert kept is not None
    assert kept.read_bytes() == path.read_bytes()
    assert kept.with_name(kept.name + "-wal").read_bytes() == b"frames"
    assert list_archives(path)[0].size_bytes == path.stat().st_size + 6
    wal.unlink()
    for _ in range(MOST):
        keep(path, files=Files())
    assert not kept.exists()
    assert not kept.with_name(kept.name + "-wal").exists()


def test_nothing_there_nothing_kept(folder: Path) -> None:
    """A missing and an empty file have nothing to keep."""
    path = folder / "app.sqlite3"
    assert keep(path, files=Files()) is None
    path.touch()
    assert keep(path, files=Files()) is None
    assert list_archives(path) == []


def test_any_failing_file_operation_leaves_no_half_archive(folder: Path) -> None:
    """Whichever call the kernel refuses, what is listed afterwards is whole, and the live stays."""
    path = make(folder, "delete")
    before = content(path)
    for nth in range(1, 40):
        files = FailingFiles(nth)
        with suppress(OSError):
            keep(path, files=files)
        if files.struck is None:
            break
        assert content(path) == before
        for one in list_archives(path):
            assert content(one.path, immutable=True) == before
    else:
        raise AssertionError("there was no end to the file operations")
    assert nth > 5


def test_a_name_that_is_taken_is_never_overwritten(folder: Path) -> None:
    """Also a dead link's."""
    made, name = folder / "made", folder / "name"
    made.write_bytes(b"made")
    name.symlink_to(folder / "nowhere")
    with pytest.raises(FileExistsError):
        claim_and_fill(name, made, Files())
    assert name.is_symlink()
    assert not (folder / "nowhere").exists()


def test_the_list_is_by_time_then_by_number(folder: Path) -> None:
    """Number 10 of a second comes after number 9 and before the next second."""
    path = make(folder, "delete")
    ninth, tenth = old(path, 1, 9, "-9"), old(path, 1, 10, "-10")
    first, later = old(path, 1, 1), old(path, 2, 2)
    execute(path, "SELECT 1")
    assert [one.path for one in list_archives(path)] == [first, ninth, tenth, later]
    assert str(list_archives(path)[0].made_at) == "2020-01-01 00:00:00+00:00"
