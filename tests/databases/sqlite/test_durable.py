from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.databases.sqlite.durable import make_durable
from harness.system.files import Files
from tests.recovery.helpers import execute, make


class Counting(Files):
    """The real operations, and what was synced."""

    def __init__(self) -> None:
        self.synced: list[str] = []

    def sync(self, descriptor: int) -> None:
        """Note the name."""
        self.synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        super().sync(descriptor)

    def sync_folder(self, folder: Path) -> None:
        """Note it."""
        self.synced.append("folder")
        super().sync_folder(folder)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only there a handle has a name")
def test_what_is_synced(folder: Path) -> None:
    """The -wal and the folder, and the main file through SQLite, whose locks stay."""
    path = make(folder, "wal")
    execute(path, "INSERT INTO users VALUES ('x')", fold=False)
    files = Counting()
    with closing(apsw.Connection(str(path))) as one:
        one.execute("BEGIN IMMEDIATE")
        make_durable(path, files)
        with closing(apsw.Connection(str(path))) as other, pytest.raises(apsw.BusyError):
            other.execute("BEGIN IMMEDIATE")
    assert files.synced == ["app.sqlite3-wal", "folder"]


def test_a_database_that_is_gone(folder: Path) -> None:
    """Is no silence."""
    with pytest.raises((OSError, apsw.Error)):
        make_durable(folder / "none", Files())
