"""Looking at a database that a killed guard has pinned."""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from harness.guard import Guard, recover
from harness.guard.sqlite.target import FileTarget
from harness.guard.sqlite.undisturbed import undisturbed
from harness.guard.target import target_of
from tests.guard.killing import forked
from tests.recovery.helpers import make


def test_a_last_connection_does_not_fold_the_tests_into_the_baseline(folder: Path) -> None:
    """While it is held, whoever opens and closes the database leaves the pinned bytes alone."""
    database = make(folder, "wal")
    before = database.read_bytes()

    def killed() -> None:
        Guard(database, recoveries=["wal_pin"]).begin()
        connection = apsw.Connection(str(database))
        connection.execute("CREATE TABLE left_behind (x)")
        os.kill(os.getpid(), 9)

    forked(killed)
    target = target_of(database)
    assert isinstance(target, FileTarget)
    with undisturbed(target):
        connection = apsw.Connection(str(database))
        assert connection.execute("SELECT count(*) FROM left_behind").get == 0
        connection.close()
        assert database.read_bytes() == before
    assert not target.journal.is_held
    assert recover(database) == "wal_pin"


def test_nothing_is_held_where_nothing_was_left(folder: Path) -> None:
    """A database without a guard's traces is opened, and folded, as ever."""
    database = make(folder, "wal")
    target = target_of(database)
    assert isinstance(target, FileTarget)
    with undisturbed(target):
        connection = apsw.Connection(str(database))
        connection.execute("CREATE TABLE more (x)")
        connection.close()
    assert not Path(f"{database}-wal").exists()
