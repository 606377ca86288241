"""What this machine notes of guards on servers: each pending one is listed, without a password."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.guard.command import run_recover
from harness.guard.postgresql.notes import Note, pending
from tests.guard.killing import forked
from tests.guard.postgresql.test_by_hand import killed_guard
from tests.postgres import Databases

WHOLE = "postgresql://me@localhost/shop"


def test_a_note_is_there_while_a_guard_is(tmp_path: Path) -> None:
    """Written it is listed, as at work while its process lives; removed it is not."""
    note = Note(WHOLE, tmp_path)
    note.write()
    assert [(one.whole, one.at_work) for one in pending(tmp_path)] == [(WHOLE, True)]
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o077 == 0
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | {"started": "long ago"}))
    assert [one.at_work for one in pending(tmp_path)] == [False]
    note.remove()
    assert [*pending(tmp_path)] == []


def test_what_is_no_note_is_passed_over(tmp_path: Path) -> None:
    """Half of one, one of something else, and a folder."""
    (tmp_path / "a.postgresql").write_text('{"whole": ')
    (tmp_path / "b.postgresql").write_text("[]")
    (tmp_path / "c.postgresql").mkdir()
    assert [*pending(tmp_path)] == []
    assert [*pending(tmp_path / "none")] == []


def test_recover_lists_it(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the exact command, and without the password; after that command there is nothing."""
    monkeypatch.setenv("HARNESS_STATE_DIR", str(tmp_path))
    address = databases.make("shop")
    killed_guard(address.replace("postgres@", "postgres:s3cret@"), "DELETE FROM person")
    said: list[str] = []
    assert run_recover(None, say=said.append) == 0
    assert said == [f"recover: {address}: harness recover --database {address}"]
    assert run_recover(address, say=said.append) == 0
    assert run_recover(None, say=said.append) == 0
    assert said[-1].startswith("recover: nothing is pending")
    assert [*tmp_path.iterdir()] == []


def test_the_note_of_a_guard_that_is_gone(tmp_path: Path) -> None:
    """It is told, as nobody being at work; swept, it is gone."""
    note = Note(WHOLE, tmp_path)
    assert forked(note.write) == 0
    (found,) = pending(tmp_path)
    assert not found.at_work
    note.sweep()
    assert list(pending(tmp_path)) == []
