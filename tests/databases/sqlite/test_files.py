"""The proofs that the SQLite recoveries stand on."""

from __future__ import annotations

import time
from pathlib import Path

import apsw
import pytest

from harness.databases.errors import describe, is_transient
from harness.databases.sqlite.files import MainFile, busy, hold_steady, sole_access
from tests.recovery.helpers import make


class _Raced(apsw.Connection):
    """A connection after whose first checkpoints another one commits at once."""

    races = 0

    def wal_checkpoint(self, *args: object, **options: object) -> tuple[int, int]:
        done: tuple[int, int] = super().wal_checkpoint(*args, **options)
        if self.races:
            self.races -= 1
            writer = apsw.Connection(self.filename)
            writer.execute("INSERT INTO users VALUES ('raced')")
            writer.close()
        return done


@pytest.mark.parametrize(("races", "holds"), [(0, True), (1, True), (4, True), (5, False)])
def test_a_commit_after_the_checkpoint_is_noticed(folder: Path, races: int, holds: bool) -> None:
    """Who commits between checkpoint and read transaction makes the proof start again."""
    path = make(folder, "wal")
    connection = _Raced(str(path))
    connection.races = races
    if holds:
        assert hold_steady(connection, path) is True
        assert (folder / "app.sqlite3-wal").stat().st_size == 0
    else:
        with pytest.raises(apsw.BusyError, match="others wrote"):
            hold_steady(connection, path)
    connection.close()


def test_rollback_mode_is_held_by_shared(folder: Path) -> None:
    """In rollback mode the read transaction itself keeps writers from the file."""
    path = make(folder, "delete")
    connection, writer = apsw.Connection(str(path)), apsw.Connection(str(path))
    assert hold_steady(connection, path) is False
    with pytest.raises(apsw.BusyError):
        writer.execute("INSERT INTO users VALUES ('x')")
    connection.close()
    writer.close()


def test_busy_is_what_sqlite_would_raise() -> None:
    """The made error is described and retried like SQLite's own."""
    assert describe(busy("locked"))[1] == apsw.SQLITE_BUSY
    assert is_transient(busy("locked"))
    assert str(busy("locked")) == "locked"


def test_sole_access_waits_and_then_refuses(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """EXCLUSIVE is waited for as long as asked, then BusyError; the lock left is SHARED."""
    path = make(folder, "wal")
    neighbour.open(path)
    file, before = MainFile(path), time.monotonic()
    with pytest.raises(apsw.BusyError, match="open elsewhere"):
        file.exclusive(30)
    assert 0.03 <= time.monotonic() - before < 5
    newcomer = apsw.Connection(str(path))
    assert newcomer.execute("SELECT count(*) FROM users").get == 2  # PENDING would keep it out
    newcomer.close()
    neighbour.close()
    file.close()
    with sole_access(path, 30):
        with pytest.raises(RuntimeError, match="BusyError"):
            neighbour.open(path)
        with pytest.raises(apsw.BusyError):
            apsw.Connection(str(path)).pragma("user_version")
    neighbour.open(path)
