"""No database is a baseline, too."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from harness.databases import Differences
from harness.errors import RecoveryRefused, RestoreError
from harness.recovery.sqlite.absence import Absence
from harness.system.files import Files
from tests.recovery.helpers import execute, make


def absence(path: Path) -> Absence:
    """The recovery of a path at which nothing is."""
    return Absence(path, Path(f"{path}.backup"), files=Files(), busy_timeout_ms=10)


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_what_is_made_is_told_and_removed(folder: Path, mode: str) -> None:
    """With all that SQLite keeps beside it, also while somebody is connected."""
    one = absence(folder / "app.sqlite3")
    one.capture()
    assert one.differences() == Differences()
    path = make(folder, mode)
    connection = apsw.Connection(str(path))
    connection.execute("BEGIN IMMEDIATE; INSERT INTO users VALUES ('never committed')")
    found = one.differences()
    assert found == Differences(whole="the whole database (2 tables, 61 rows)")
    assert found.sentences() == ["the whole database (2 tables, 61 rows)"]
    assert not found.clean("rows")
    one.restore()
    connection.close()
    assert os.listdir(folder) == []
    assert one.differences() == Differences()


def test_a_database_is_no_absence(folder: Path) -> None:
    """Where there is one, or a part of one, nothing is taken for a baseline."""
    path = make(folder, "wal")
    with pytest.raises(RecoveryRefused, match="is there"):
        absence(path).capture()
    path.rename(f"{path}-wal")
    with pytest.raises(RecoveryRefused, match="-wal is there"):
        absence(path).capture()
    assert absence(path).differences().whole == f"{path.name}-wal, without its database"


def test_what_cannot_be_read_is_removed_as_well(folder: Path) -> None:
    """And said to be what it is; a table of a module that is not here is no reason."""
    path = folder / "app.sqlite3"
    path.write_bytes(b"no database at all, and longer than a header would be" * 20)
    assert "which cannot be read" in absence(path).differences().whole
    absence(path).restore()
    assert not path.exists()
    execute(path, "CREATE TABLE t(x); INSERT INTO t VALUES (1)")
    execute(
        path,
        "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema"
        " VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING nosuch(x)')",
    )
    assert absence(path).differences().whole == "the whole database (2 tables, 1 row)"


def test_what_is_no_file_is_left_alone(folder: Path) -> None:
    """A folder, or a link, in its place or beside it: nothing is removed."""
    path = folder / "app.sqlite3"
    path.mkdir()
    with pytest.raises(RestoreError, match="is a folder now: it was left alone"):
        absence(path).restore()
    path.rmdir()
    path.write_bytes(b"")
    Path(f"{path}-wal").symlink_to(folder)
    with pytest.raises(RestoreError, match="-wal is a symbolic link now"):
        absence(path).restore()
    assert path.exists()
