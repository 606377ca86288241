from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import apsw

from harness.guard import Guard
from harness.guard.sqlite.rollback_mode import is_done
from tests.guard.connected import connected

# Begins to wait, ends as it is told, with its connection open.
_SESSION = """
import os, sqlite3, sys
from pathlib import Path
from harness.guard.sqlite.rollback_mode import leave_later
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM t")
assert leave_later(Path(sys.argv[1]))
os._exit(7)
"""


def in_wal(folder: Path) -> Path:
    """A database in WAL mode."""
    path = folder / "dev.sqlite3"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode=wal; CREATE TABLE t(x)").fetchall()
    return path


def is_in_wal(path: Path) -> bool:
    """Whether the file's header says so."""
    with path.open("rb") as file:
        return file.read(20)[18:] == b"\2\2"


def test_it_comes_back_when_the_process_has_ended(folder: Path) -> None:
    """A process that ends with its connection open leaves rollback mode behind, and no file."""
    path = in_wal(folder)
    done = subprocess.run([sys.executable, "-c", _SESSION, str(path)], timeout=60, check=False)
    assert done.returncode == 7
    deadline = time.monotonic() + 30
    while is_in_wal(path) or len(os.listdir(folder)) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_is_put_back_too_early_or_elsewhere(folder: Path) -> None:
    """Not while others are connected or a guard is at work, and never in another file's header."""
    path = in_wal(folder)
    status = os.stat(path)
    with connected(path, "SELECT * FROM t"):
        assert not is_done(path, status.st_dev, status.st_ino)
    guard = Guard(path, recoveries=["online_backup"])
    with guard:
        assert not is_done(path, status.st_dev, status.st_ino)
    assert is_done(path, status.st_dev, status.st_ino + 1)
    assert is_in_wal(path)
    assert is_done(path, status.st_dev, status.st_ino)
    assert not is_in_wal(path)
    path.unlink()
    assert is_done(path, status.st_dev, status.st_ino)
