"""Notes of this machine: which databases on servers a guard is at work on."""

from __future__ import annotations

import os
from pathlib import Path

from harness.guard.postgresql.notes import Note, pending
from tests.guard.killing import forked

ADDRESS = "postgresql://localhost/app_dev"


def test_a_note_is_found_until_it_is_removed(tmp_path: Path) -> None:
    """While its guard lives it is said to be at work."""
    note = Note(ADDRESS, tmp_path / "state")
    assert list(pending(tmp_path / "state")) == []
    note.write()
    (found,) = pending(tmp_path / "state")
    assert (found.whole, found.at_work) == (ADDRESS, True)
    note.sweep()
    assert list(pending(tmp_path / "state")) == [found]
    note.remove()
    note.remove()
    assert os.listdir(tmp_path / "state") == []


def test_the_note_of_a_guard_that_is_gone(tmp_path: Path) -> None:
    """It is told, as nobody being at work; swept, it is gone."""
    note = Note(ADDRESS, tmp_path)
    assert forked(note.write) == 0
    (found,) = pending(tmp_path)
    assert not found.at_work
    note.sweep()
    assert list(pending(tmp_path)) == []


def test_what_is_no_note_is_passed_over(tmp_path: Path) -> None:
    """Whatever else has such a name tells nothing, and is left alone."""
    (tmp_path / "other.postgresql").write_text("three years of work")
    assert list(pending(tmp_path)) == []
    Note(ADDRESS, tmp_path).sweep()
    assert (tmp_path / "other.postgresql").read_text() == "three years of work"
