"""A SQLite file as the guard deals with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.errors import RestoreError
from harness.guard.sqlite.target import FileTarget
from harness.guard.target import target_of
from tests.recovery.helpers import make


def target(database: Path) -> FileTarget:
    """Make one whose place is noted."""
    made = target_of(database)
    assert isinstance(made, FileTarget)
    made.note_place()
    return made


def test_a_link_in_its_place_is_left_alone(folder: Path) -> None:
    """One that was none when the target was made; and a link for the folder as well."""
    (folder / "in").mkdir()
    database = make(folder / "in", "delete")
    made = target(database)
    made.refuse_detour()
    database.rename(folder / "elsewhere")
    database.symlink_to(folder / "elsewhere")
    with pytest.raises(RestoreError, match="is a symbolic link now"):
        made.refuse_detour()
    database.unlink()
    shutil.move(folder / "in", folder / "away")
    (folder / "in").symlink_to("away")
    assert made.is_elsewhere
    assert not made.bring_back()
    with pytest.raises(RestoreError, match="the folder of"):
        made.refuse_detour()


def test_a_folder_that_is_gone_is_made_again_with_the_journal_in_it(folder: Path) -> None:
    """As it was noted; whether anything stands there is known by names alone."""
    (folder / "in").mkdir(mode=0o750)
    made = target(make(folder / "in", "delete"))
    made.journal.begin({"state": "capturing", "backups": []})
    shutil.rmtree(folder / "in")
    assert made.is_gone
    assert not made.is_there
    assert not made.has_place
    assert made.bring_back()
    assert made.has_place
    assert made.journal.is_in_reach
    made.journal.end()


def test_a_recovery_lies_at_its_place_and_is_known_again(folder: Path) -> None:
    """Beside the database, by its place of the chain; made anew it has its second name too."""
    made = target(make(folder, "delete"))
    recovery = made.recovery("file_copy", 1)
    assert recovery.backup.name.endswith(".e2e-backup.2")
    assert recovery.engine is made.engine
    again = made.recovery_again({"recovery": "file_copy", "place": 1})
    assert again.backup == recovery.backup
    assert again.second == made.journal.second.backup(1)


def test_what_it_holds_is_archived_and_what_stands_removed(folder: Path) -> None:
    """A standing backup becomes an archive, and nothing but database and archives is left."""
    made = target(make(folder, "delete"))
    recovery = made.recovery("file_copy", 0)
    recovery.capture()
    assert made.archive_backup(recovery, chosen=recovery.backup) is None
    assert made.archive() is not None
    (kept,) = made.archive_standing()
    assert kept.name.startswith(f"{made.database.name}.e2e-archive-")
    assert not recovery.backup.exists()
