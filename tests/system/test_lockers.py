"""Who holds a lock on a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import apsw
import pytest

from harness.system import lockers as module
from harness.system.lockers import lockers
from tests.neighbour import Neighbour
from tests.recovery.helpers import make

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no /proc/locks here")


def test_a_writer_is_seen_as_long_as_it_writes(folder: Path, neighbour: Neighbour) -> None:
    """Its lock is, in WAL mode that on the -shm; a reader, and whoever waits, has none."""
    for mode, suffix in (("delete", ""), ("wal", "-shm")):
        (folder / mode).mkdir()
        path = make(folder / mode, mode)
        locked = Path(f"{path}{suffix}")
        neighbour.open(path)
        reader = apsw.Connection(str(path))
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        assert lockers(locked) == set()
        neighbour.run("BEGIN IMMEDIATE")
        assert lockers(locked) == {neighbour.process.pid}
        neighbour.run("COMMIT")
        assert lockers(locked) == set()
        reader.close()
        neighbour.close()


def test_a_device_that_the_kernel_calls_otherwise(
    folder: Path, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, of those with a lock on such an inode, who has the file open counts."""
    path = make(folder, "delete")
    neighbour.open(path)
    neighbour.run("BEGIN IMMEDIATE")
    listed = folder / "locks"
    line = "1: POSIX  ADVISORY  WRITE {} ff:fe:" + f"{os.stat(path).st_ino} 0 EOF\n"
    listed.write_text(line.format(neighbour.process.pid) + line.format(1) + "1: -> POSIX x\n")
    monkeypatch.setattr(module, "LOCKS", str(listed))
    assert lockers(path) == {neighbour.process.pid}
    monkeypatch.setattr(module, "LOCKS", str(folder / "none"))
    assert lockers(path) == set()
