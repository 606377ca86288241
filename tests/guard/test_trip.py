"""The steps of one trip."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BackupError
from harness.guard.options import Options
from harness.guard.target import target_of
from harness.guard.trip import Trip
from tests.recovery.helpers import make


def test_the_engine_says_by_what_to_recover_where_nobody_does(folder: Path) -> None:
    """Without a chain it is the engine's own, and what it leaves after its end is nothing."""
    database = make(folder, "wal")
    trip = Trip(target_of(database), Options())
    trip.back_up()
    assert trip.result.backed_up_by == trip.target.engine.default_recoveries
    assert trip.verify().clean("exact")
    trip.result.ended = "cleaned"
    trip.end()
    assert not trip.result.undisposed
    assert [path.name for path in folder.iterdir()] == [database.name]


def test_what_is_not_proven_is_left_to_the_next(folder: Path) -> None:
    """A dirty end keeps journal and backup, and lets go of both."""
    database = make(folder, "delete")
    trip = Trip(target_of(database), Options(recoveries=("file_copy",)))
    trip.back_up()
    trip.end()
    assert not trip.target.journal.is_held
    assert target_of(database).journal.exists
    assert not trip.result.lost


def test_without_a_backup_no_test_runs_and_nothing_is_left(folder: Path) -> None:
    """It is refused, with the reason, and the journal is gone."""
    database = make(folder, "delete")
    trip = Trip(target_of(database), Options(recoveries=("wal_pin",)))
    with pytest.raises(BackupError, match="so no test was run: wal_pin"):
        trip.back_up()
    assert trip.result.ended == "refused"
    assert not target_of(database).journal.exists
