from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from harness.errors import RecoveryRefused, RestoreError
from harness.guard.per_test.standing_pin import StandingPin
from tests.guard.connected import connected, elsewhere
from tests.recovery.helpers import DAMAGE, content, main_bytes, make


@pytest.fixture
def pin(folder: Path) -> Iterator[StandingPin]:
    """A pin that stands."""
    made = StandingPin(make(folder, "wal"), busy_timeout_ms=20)
    made.take()
    yield made
    made.let_go()


def test_no_checkpoint_writes_the_main_file(pin: StandingPin) -> None:
    """Commits, checkpoints and the last close of another process leave the main file alone."""
    elsewhere(pin.main, DAMAGE["insert"] + "; PRAGMA wal_checkpoint(TRUNCATE)")
    pin.check()
    assert not pin.untouched()
    pin.restore()
    assert pin.untouched()
    pin.let_go()
    assert len(content(pin.main)["rows bots"]) == 59


def test_what_is_let_go_of_is_let_go_of_once(pin: StandingPin) -> None:
    """Let go of again, it closes nothing that somebody else has opened meanwhile."""
    pin.let_go()
    known = {number: os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)}
    pin.let_go()
    assert {number: os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)} == known


def test_struck_out_frames_never_come_back(pin: StandingPin) -> None:
    """The -wal keeps its blocks, but no frame counts to the next writer or after a kill."""
    elsewhere(pin.main, DAMAGE["insert"])
    long = os.stat(f"{pin.main}-wal").st_size
    pin.restore()
    elsewhere(pin.main, "DELETE FROM users WHERE mail LIKE 'a%'")
    assert os.stat(f"{pin.main}-wal").st_size == long
    pin.let_go()  # as a kill would
    now = content(pin.main)
    assert (len(now["rows bots"]), len(now["rows users"])) == (59, 1)


def test_others_connected_keep_it(pin: StandingPin) -> None:
    """With somebody connected nothing is thrown away, and the pin stands on."""
    with connected(pin.main, "DELETE FROM users"), pytest.raises(apsw.BusyError):
        pin.restore()
    pin.restore()
    pin.let_go()
    assert len(content(pin.main)["rows users"]) == 2


def test_removed_wal_files_are_seen(pin: StandingPin) -> None:
    """A -shm that was removed holds no lock that counts: the pin says so and takes a new one."""
    os.unlink(f"{pin.main}-shm")
    assert not pin.untouched()
    pin.restore()
    assert pin.untouched()


def test_not_in_wal_mode(folder: Path) -> None:
    """Rollback mode is refused, and nothing is written or left."""
    path = make(folder, "delete")
    before = main_bytes(path)
    pin = StandingPin(path, busy_timeout_ms=20)
    with pytest.raises(RecoveryRefused, match="WAL mode"):
        pin.take()
    with pytest.raises(RestoreError, match="nothing"):
        pin.restore()
    assert main_bytes(path) == before
    assert os.listdir(folder) == [path.name]
