"""The VFS in which storage faults strike what SQLite reads and writes."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from harness.databases.errors import describe, is_transient
from harness.databases.sqlite.session import connect
from harness.faults.reach.sqlite.vfs import StrikingVfs
from harness.faults.reach.storage import FULL, UNMAPPED, Strike
from tests.faults.conftest import Stage

ERRORS = {FULL: errno.ENOSPC, UNMAPPED: errno.EIO}


def fill(connection: apsw.Connection, rows: int) -> None:
    """Write some pages."""
    connection.execute("CREATE TABLE IF NOT EXISTS filler (a)")
    for _ in range(rows):
        connection.execute("INSERT INTO filler VALUES (zeroblob(3000))")


def through_vfs(stage: Stage, vfs: StrikingVfs) -> dict[str, Callable[[], None]]:
    """What recoveries do through SQLite: back up out of the database, and into it again."""
    copy = stage.folder / "copy"

    def pour(source: Path, target: Path) -> None:
        one = apsw.Connection(str(source), vfs=vfs.vfs_name)
        two = apsw.Connection(str(target), vfs=vfs.vfs_name)
        try:
            with two.backup("main", one, "main") as backup:
                backup.step(-1)
        finally:
            two.close()
            one.close()

    pour(stage.database, copy)
    spare = stage.folder / "spare"
    return {"out": lambda: pour(stage.database, spare), "in": lambda: pour(copy, stage.database)}


@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize(
    ("device", "reads", "code", "reason"),
    [
        (FULL, False, apsw.SQLITE_FULL, "disk full"),
        (UNMAPPED, False, apsw.SQLITE_IOERR_WRITE, "input/output error"),
        (UNMAPPED, True, apsw.SQLITE_IOERR_READ, "input/output error"),
    ],
)
def test_sqlite_meets_the_kernels_error(
    stage: Stage, direction: str, device: Path, reads: bool, code: int, reason: str
) -> None:
    """SQLite's backup API fails with SQLite's own code, in both journal modes; nothing is lost."""
    connection = connect(stage.database)
    fill(connection, 30)
    connection.close()
    vfs = stage.reach.vfs
    action = through_vfs(stage, vfs)[direction]
    after_bytes = 3000 if reads else 40_000
    strike = Strike(device, reads, after_bytes)
    vfs.armed.strikes.append(strike)
    with pytest.raises(apsw.Error) as failed:
        action()
    assert failed.value.extendedresult == code
    assert describe(failed.value) == (reason, code)
    assert is_transient(failed.value)
    assert f"errno {ERRORS[device]}" in strike.said
    vfs.armed.strikes.remove(strike)
    strike.close()
    assert stage.rows("SELECT count(*) FROM filler") == [(30,)]
    assert stage.rows("PRAGMA integrity_check") == [("ok",)]
    assert stage.rows("PRAGMA journal_mode") == [(stage.journal_mode,)]
    action()  # and passes when nothing is armed any more


def test_the_vfs_alone_changes_nothing(stage: Stage) -> None:
    """Unarmed it is SQLite's own: it and connections without it see each other's rows and locks."""
    with_vfs = connect(stage.database, vfs=stage.reach.vfs.vfs_name, busy_timeout_ms=0)
    without = connect(stage.database, busy_timeout_ms=0)
    with_vfs.execute("INSERT INTO users VALUES (20, 'through the VFS')")
    without.execute("INSERT INTO users VALUES (21, 'without')")
    sql = "SELECT count(*) FROM users WHERE id >= 20"
    for one, other in ((with_vfs, without), (without, with_vfs)):
        assert one.execute(sql).fetchone() == (2,)
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(apsw.BusyError):
            other.execute("BEGIN IMMEDIATE")
        one.execute("ROLLBACK")
    if stage.journal_mode == "wal":
        assert Path(f"{stage.database}-wal").stat().st_size > 0
        assert with_vfs.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)[0] == 0
    with_vfs.close()
    without.close()


def test_closing_says_nothing_of_the_disk(stage: Stage) -> None:
    """A disk that refuses the last checkpoint is no error of the cleanup's; no row is lost."""
    stage.scene.reach.storage_in_cleanup = True
    connection = stage.scene.connect(stage.database)
    connection.execute("DELETE FROM notes WHERE id = 2")
    strike = Strike(FULL, reads=False, after_bytes=0)
    stage.reach.vfs.armed.strikes.append(strike)
    connection.close()
    stage.reach.vfs.armed.strikes.remove(strike)
    strike.close()
    assert bool(strike.said) is (stage.journal_mode == "wal")
    with pytest.raises(apsw.ConnectionClosedError):
        connection.execute("SELECT 1")
    assert stage.rows("SELECT id FROM notes") == [(1,)]
