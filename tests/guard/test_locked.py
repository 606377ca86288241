"""Who has a database locked is said wherever that was in the way."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

import harness
from harness.databases.errors import told
from harness.databases.sqlite.session import connect
from harness.errors import BackupError, RestoreError, UsageError
from harness.guard import Guard, by_hand
from harness.guard.command import run_guarded
from harness.guard.leftovers import recover
from harness.guard.locked import noting_who, who
from tests.neighbour import Neighbour
from tests.recovery.helpers import make


@dataclass
class Seen:
    """What the system shows."""

    locking: set[int]
    using: set[int]

    def lockers(self) -> set[int]:
        """Those that hold the lock."""
        return self.locking

    def users(self) -> set[int]:
        """Those that have it open."""
        return self.using


@pytest.mark.parametrize(
    ("locking", "using", "said"),
    [
        ({1}, {1, 2}, r"process 1( \(.*\))? holds the lock"),
        (set(), {1, os.getpid()}, r"process 1( \(.*\))? has it open"),
        ({os.getpid()}, {1, os.getpid()}, "another connection of this process holds the lock"),
        (set(), {os.getpid()}, "no other process is seen to have it open; those of .* do not show"),
    ],
)
def test_whoever_is_in_the_way_is_named(locking: set[int], using: set[int], said: str) -> None:
    """Who holds the lock before who has the file open; where nobody is seen, that is said."""
    with pytest.raises(apsw.BusyError) as raised, noting_who(Seen(locking, using)):
        raise apsw.exception_for(apsw.SQLITE_BUSY)
    assert told(raised.value).endswith(f"; {who(Seen(locking, using))}")
    assert re.fullmatch(said, who(Seen(locking, using)))


def test_nothing_is_noted_with_another_error() -> None:
    """A full disk is nobody's lock."""
    with pytest.raises(apsw.FullError) as raised, noting_who(Seen({1}, {1})):
        raise apsw.exception_for(apsw.SQLITE_FULL)
    assert "process" not in told(raised.value)


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc/locks here")
def test_every_entrance_names_the_process(folder: Path, neighbour: Neighbour) -> None:
    """The command, the block, and each verb by hand; a guard that was not asked spends no time."""
    path = make(folder, "wal")
    by_hand.backup(path, folder / "kept")
    neighbour.open(path)
    neighbour.run("BEGIN IMMEDIATE")
    named = rf"process {neighbour.process.pid} \(.*?\) holds the lock"
    lines: list[str] = []
    assert run_guarded(path, ["true"], say=lines.append, busy_timeout_ms=0) == 125
    each = len(re.findall(named, lines[-1]))  # of the chain's recoveries
    assert each == lines[-1].count("BusyError") == 2
    with pytest.raises(BackupError, match=named), harness.guard(path, busy_timeout_ms=0):
        pass
    with pytest.raises(UsageError, match=named):
        by_hand.backup(path, folder / "other", busy_timeout_ms=0)
    with pytest.raises(UsageError, match=named):
        by_hand.verify(path, folder / "kept", busy_timeout_ms=0)
    with pytest.raises(UsageError, match=named):
        by_hand.restore(path, folder / "kept", busy_timeout_ms=0)
    with pytest.raises(BackupError) as raised:
        Guard(path, busy_timeout_ms=0, recoveries=("online_backup",)).begin()
    assert "holds the lock" not in str(raised.value)


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc/locks here")
def test_recover_names_the_process(folder: Path, neighbour: Neighbour) -> None:
    """Also what a killed guard left is kept from coming back by somebody."""
    path = make(folder, "delete")
    guard = Guard(path, recoveries=("online_backup",))
    guard.begin()
    with connect(path) as connection:
        connection.execute("CREATE TABLE left (x)")
    connection.close()
    guard.abandon()
    neighbour.open(path)
    neighbour.run("BEGIN IMMEDIATE")
    with pytest.raises(RestoreError, match=f"process {neighbour.process.pid} .* holds the lock"):
        recover(path, busy_timeout_ms=0)
    neighbour.run("ROLLBACK")
    assert recover(path) == "online_backup"
