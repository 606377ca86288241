"""The steps of one trip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import BackupError
from harness.guard import recover
from harness.guard.options import Options
from harness.guard.sqlite.backups import BACKUP_SUFFIX
from harness.guard.sqlite.journal import SUFFIX as JOURNAL
from harness.guard.target import target_of
from harness.guard.trip import Trip
from harness.system.files import Files
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


class Stuck(Files):
    """The real operations, but some names cannot be removed: the kernel is given their folder."""

    def __init__(self, *endings: str) -> None:
        self.endings = endings

    def unlink(self, path: Path) -> None:
        """Remove it, or let the kernel refuse (EISDIR)."""
        super().unlink(path.parent if path.name.endswith(self.endings) else path)


@pytest.mark.parametrize("stuck", [(), (".restoring",), (JOURNAL,), (".restoring", JOURNAL)])
def test_what_a_refusal_leaves_is_said(folder: Path, stuck: tuple[str, ...]) -> None:
    """Where the journal, or what a recovery had begun, cannot be removed the result says so."""
    database = make(folder, "delete")
    os.link(database, folder / "other name")  # which file_copy refuses
    target = target_of(database, files=Stuck(*stuck))
    trip = Trip(target, Options(recoveries=("file_copy",)))
    with pytest.raises(BackupError, match="no test was run"):
        trip.back_up()
    assert trip.result.undisposed == bool(stuck)


@pytest.mark.parametrize("stuck", [(), (BACKUP_SUFFIX,), (JOURNAL,)])
def test_what_a_proven_end_leaves_is_said_and_left_to_the_next(
    folder: Path, stuck: tuple[str, ...]
) -> None:
    """A backup that cannot be removed keeps the journal that names it; neither is kept in secret.

    The next ``recover`` removes both.
    """
    database = make(folder, "delete")
    target = target_of(database, files=Stuck(*stuck))
    trip = Trip(target, Options(recoveries=("file_copy",)))
    trip.back_up()
    assert trip.verify().clean("exact")
    trip.result.ended = "cleaned"
    trip.end()
    assert trip.result.undisposed == bool(stuck)
    assert target_of(database).journal.exists == bool(stuck)
    assert not trip.target.journal.is_held
    recover(database)
    assert [path.name for path in folder.iterdir()] == [database.name]


def test_without_its_journal_a_backup_is_not_removed(folder: Path) -> None:
    """Nobody could tell the next guard that it is gone: it stays, and that is said."""
    database = make(folder, "delete")
    trip = Trip(target_of(database), Options(recoveries=("file_copy",)))
    trip.back_up()
    assert trip.verify().clean("exact")
    trip.result.ended = "cleaned"
    trip.target.journal.release()
    trip.end()
    assert trip.result.undisposed
    assert database.with_name(database.name + BACKUP_SUFFIX).exists()
