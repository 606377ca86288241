"""Sizes and times of a database, seen without a trace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.databases.sqlite.session import connect
from harness.experiment.cycle.grounds.sqlite.sizes import page_count, states


@pytest.fixture
def database(pristine: Path, folder: Path) -> Path:
    """Copy the baseline."""
    return Path(shutil.copyfile(pristine, folder / "api.sqlite3"))


def test_pages_are_counted_without_a_trace(database: Path) -> None:
    """Counting pages sees what is only in the -wal, and folds nothing."""
    writer = connect(database)
    writer.execute("BEGIN")
    for number in range(400):
        writer.execute("INSERT INTO tags (name, colour) VALUES (?, ?)", (f"t{number}", "x" * 200))
    writer.execute("COMMIT")
    size_bytes = database.stat().st_size
    assert page_count(database) * 4096 > size_bytes
    assert database.stat().st_size == size_bytes
    writer.close()


def test_the_pages_are_counted_without_a_connection(database: Path) -> None:
    """As many as SQLite counts, with frames rolled back or of before a checkpoint in the -wal."""
    connection = connect(database)
    try:
        connection.pragma("journal_mode", "wal")
        connection.execute("CREATE TABLE filled (body)")
        for action in ("", "ROLLBACK", "PRAGMA wal_checkpoint(RESTART)", ""):
            connection.execute("BEGIN; INSERT INTO filled SELECT randomblob(9000) FROM users")
            connection.execute("COMMIT" if action != "ROLLBACK" else action)
            if action.startswith("PRAGMA"):
                connection.execute(action).fetchall()
                connection.execute("DELETE FROM filled WHERE rowid = 1")
            assert page_count(database) == connection.pragma("page_count")
    finally:
        connection.close()
    assert page_count(database) * 4096 == database.stat().st_size


def test_who_writes_is_seen(folder: Path) -> None:
    """Size and time of each file that is asked for; nothing of one that is not there."""
    database = folder / "some.db"
    assert states(database) == ((0, 0), (0, 0))
    database.write_bytes(b"12")
    main, wal = states(database)
    assert (main[0], wal) == (2, (0, 0))
    Path(f"{database}-wal").write_bytes(b"3")
    assert states(database)[1][0] == 1
    assert len(states(database, ("", "-wal", "-journal"))) == 3
