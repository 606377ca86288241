"""The ways of faults into a SQLite file."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.faults.reach.reach import LockedOut
from tests.faults.conftest import BUSY_TIMEOUT_MS, Stage


def test_the_cleanups_vfs(stage: Stage) -> None:
    """Through the striking VFS where the site says so, keeping all else; the next cycle too."""
    stage.scene.reach.storage_in_cleanup = True
    stage.scene.start()
    connection = stage.scene.connect(stage.database)
    assert connection.open_vfs == stage.reach.vfs.vfs_name
    assert connection.pragma("busy_timeout") == BUSY_TIMEOUT_MS
    assert connection.pragma("foreign_keys") == 1
    denial = stage.reach.deny("notes", print)
    denial.begin()
    with pytest.raises(apsw.AuthError):
        connection.execute("DELETE FROM notes")
    connection.close()
    stage.scene.start()


def test_another_programs_transaction(stage: Stage) -> None:
    """It is committed at the end; an error takes it back; who is locked out knows it as such."""
    reach = stage.reach
    with reach.transaction(busy_timeout_ms=0) as connection:
        connection.execute("DELETE FROM notes WHERE id = 1")
        assert stage.rows("SELECT count(*) FROM notes") == [(2,)]
        with pytest.raises(LockedOut), reach.transaction(busy_timeout_ms=0):
            pass
    with pytest.raises(apsw.SQLError), reach.transaction(busy_timeout_ms=0) as connection:
        connection.execute("DELETE FROM notes; SELECT nonsense")
    with reach.transaction(busy_timeout_ms=0, writes=False) as connection:
        assert connection.execute("SELECT id FROM notes").fetchall() == [(2,)]


def test_the_lock(stage: Stage) -> None:
    """Held, nobody writes; it says how it is held, and nothing where somebody else has it."""
    assert "BEGIN IMMEDIATE" in stage.reach.lock()
    assert stage.is_locked()
    stage.reach.unlock()
    stage.reach.unlock()
    assert not stage.is_locked()
    other = stage.reach.other()
    other.execute("BEGIN IMMEDIATE")
    assert stage.reach.lock() == ""
    other.close()


def test_files_of_the_database(stage: Stage) -> None:
    """Which has a size; how long the -wal is, which is 0 bytes where there is none."""
    assert stage.reach.growing_bytes() == 0
    assert stage.reach.file_of(stage.database.stat().st_size) == "database"
    assert stage.reach.file_of(1) == ""
    Path(f"{stage.database}-journal").write_bytes(b"1")
    assert stage.reach.file_of(1) == "journal"
    Path(f"{stage.database}-journal").unlink()
    connection = stage.reach.other()
    connection.execute("DELETE FROM notes")
    assert (stage.reach.growing_bytes() > 0) is (stage.journal_mode == "wal")
    connection.close()


def test_a_backup_is_lost_or_cut(stage: Stage) -> None:
    """The file itself; what is not there cannot be struck."""
    backup = stage.folder / "some.backup"
    assert (stage.reach.lose(backup), stage.reach.cut(backup, 0.5)) == ("", "")
    backup.write_bytes(b"12345678")
    assert stage.reach.cut(backup, 0.5) == "some.backup cut to 4 bytes"
    assert backup.read_bytes() == b"1234"
    assert stage.reach.lose(backup) == "some.backup removed"
    assert not backup.exists()


def test_only_seams_that_are_used(stage: Stage) -> None:
    """Each has its own strikes; a guard none of whose recoveries copies anything needs none."""
    reach = stage.reach
    assert reach.seams(()) == {}
    assert reach.seams(["files"]) == {"files": reach.files}
    assert reach.seams(["engine"]) == {"vfs": reach.vfs.vfs_name}
    assert reach.storage("files") is reach.files.armed
    assert reach.storage("engine") is reach.vfs.armed
