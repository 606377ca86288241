"""SQLite's backup API: others stay connected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.recovery.online_backup import OnlineBackup
from tests.recovery.helpers import (
    DAMAGE,
    as_pages,
    content,
    execute,
    in_child,
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
