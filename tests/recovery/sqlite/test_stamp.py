"""By what an untouched main file is known; how each touch is seen: test_online_backup.py."""

from __future__ import annotations

import time
from pathlib import Path

import apsw
import pytest

from harness.recovery.sqlite.stamp import RACY_NS, is_racy, stamp_of, still_bears
from tests.recovery.helpers import execute, leftovers, make


@pytest.mark.parametrize(("age_ns", "racy"), [(-1, True), (0, True), (RACY_NS - 1, True)])
def test_a_young_stamp_is_racy(folder: Path, age_ns: int, racy: bool) -> None:
    """What was written as late as the copy, or after, could be written again unseen."""
    path = make(folder, "delete")
    connection = apsw.Connection(str(path))
    stamp = stamp_of(connection, path)
    connection.close()
    changed_at_ns = path.stat().st_ctime_ns
    assert is_racy(stamp, changed_at_ns + age_ns) is racy
    assert not is_racy(stamp, changed_at_ns + RACY_NS)


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_looking_changes_nothing(folder: Path, mode: str) -> None:
    """The look leaves no file and does not move the file's own times."""
    path = make(folder, mode)
    connection = apsw.Connection(str(path))
    stamp = stamp_of(connection, path)
    connection.close()
    for _ in range(3):
        time.sleep(0.02)
        assert still_bears(path, stamp, 20)
    assert leftovers(path) == []
    execute(path, "DELETE FROM users")
    assert not still_bears(path, stamp, 20)


def test_only_the_header_tells(folder: Path) -> None:
    """With all times alike, as after a clock set back, the change counter still tells."""
    path = make(folder, "delete")
    connection = apsw.Connection(str(path))
    stamp = stamp_of(connection, path)
    connection.close()
    other = stamp._replace(header=stamp.header[:24] + b"\0\0\0\0" + stamp.header[28:])
    assert not still_bears(path, other, 20)


def test_an_empty_wal_in_the_place_of_a_written_one_proves_nothing(
    folder: Path,
    neighbour,  # noqa: ANN001 - another process
) -> None:
    """Whoever still has the one that was removed open folds it in as the last to close."""
    path = make(folder, "wal")
    connection = apsw.Connection(str(path))
    connection.pragma("user_version")
    stamp = stamp_of(connection, path)
    neighbour.open(path)
    assert still_bears(path, stamp, 20)
    neighbour.run("INSERT INTO users VALUES ('test')")
    wal = folder / "app.sqlite3-wal"
    wal.unlink()
    wal.touch()
    assert not still_bears(path, stamp, 20)
    connection.close()
