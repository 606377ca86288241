"""The copy done right: steady while read, alone while replaced."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from harness.errors import RecoveryRefused
from harness.recovery.file_copy import FileCopy
from harness.system.files import Files
from tests.recovery.helpers import DAMAGE, content, execute, main_bytes, make, recovery


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_the_backup_is_the_file(folder: Path, mode: str) -> None:
    """The backup has the main file's size and bytes, once the -wal is folded."""
    path = make(folder, mode)
    execute(path, "INSERT INTO users VALUES ('late')", fold=False)
    one = recovery(FileCopy, path)
    one.capture()
    assert one.backup.read_bytes() == main_bytes(path)
    assert "('late',)" in content(one.backup, immutable=True)["rows users"]


def test_capture_waits_for_nobody_forever(folder: Path) -> None:
    """A reader of the -wal keeps the main file from being complete: busy, and no backup."""
    path = make(folder, "wal")
    reader, writer = apsw.Connection(str(path)), apsw.Connection(str(path))
    writer.execute("INSERT INTO users VALUES ('x')")
    reader.execute("BEGIN; SELECT * FROM users").fetchall()
    writer.execute("INSERT INTO users VALUES ('y')")
    one = recovery(FileCopy, path)
    with pytest.raises(apsw.BusyError):
        one.capture()
    assert not one.backup.exists()
    reader.close()
    one.capture()
    assert one.backup.exists()


def test_nobody_writes_while_it_copies(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """While bytes are copied, a neighbour's commits and checkpoints do not reach the main file."""
    path = make(folder, "wal")
    neighbour.open(path)
    seen: list[bool] = []

    class Meddled(Files):
        def write(self, descriptor: int, data: bytes) -> None:
            neighbour.run("UPDATE bots SET name = 'meddled'")
            with pytest.raises(RuntimeError, match="BusyError"):
                neighbour.checkpoint()
            seen.append(b"meddled" in data)
            super().write(descriptor, data)

    one = recovery(FileCopy, path, files=Meddled())
    one.capture()
    assert seen == [False]
    assert b"meddled" not in one.backup.read_bytes()
    neighbour.close()
    assert b"meddled" in main_bytes(path)


@pytest.mark.parametrize("harm", ["gone", "garbage", "short", "empty"])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_ruined_database_is_replaced(folder: Path, mode: str, harm: str) -> None:
    """A live file that tests deleted or overwrote does not keep the baseline away."""
    path = make(folder, mode)
    before = content(path)
    one = recovery(FileCopy, path)
    one.capture()
    execute(path, DAMAGE["insert"], fold=False)
    if harm == "gone":
        path.unlink()
    elif harm == "garbage":
        path.write_bytes(b"not a database, " * 1000)
    else:
        os.truncate(path, 700 if harm == "short" else 0)
    one.restore()
    assert content(path) == before


def test_hard_links_are_refused(folder: Path) -> None:
    """A rename would leave the other name with the test data."""
    path = make(folder, "delete")
    os.link(path, folder / "other")
    with pytest.raises(RecoveryRefused, match="hard links"):
        recovery(FileCopy, path).capture()


def test_a_hot_journal_is_rolled_back_not_renamed_over(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """A journal that a killed writer left never meets the baseline."""
    path = make(folder, "delete")
    before = content(path)
    one = recovery(FileCopy, path)
    one.capture()
    neighbour.open(path)
    neighbour.run("PRAGMA cache_size=1; PRAGMA cache_spill=1")
    neighbour.run("BEGIN; UPDATE bots SET body = randomblob(4000)")
    assert (folder / "app.sqlite3-journal").stat().st_size > 0
    neighbour.kill()
    one.restore()
    assert not (folder / "app.sqlite3-journal").exists()
    assert content(path) == before


def test_an_idle_connection_cannot_write_to_the_old_file(folder: Path) -> None:
    """In rollback mode an idle connection holds no lock: SQLite refuses its later writes."""
    path = make(folder, "delete")
    before = content(path)
    one = recovery(FileCopy, path)
    one.capture()
    idle = apsw.Connection(str(path))
    idle.execute("INSERT INTO users VALUES ('x')")
    one.restore()
    with pytest.raises(apsw.ReadOnlyError):
        idle.execute("INSERT INTO users VALUES ('leak')")
    idle.close()
    assert content(path) == before
