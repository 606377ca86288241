from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.guard import Guard
from harness.guard.result import GuardResult
from harness.guard.sqlite.journal import SUFFIX
from harness.guard.sqlite.restore_elsewhere import finish_elsewhere
from harness.guard.sqlite.second_names import SecondNames
from harness.system.files import Files


def left_by_a_guard(folder: Path) -> Path:
    """A database with one row too many, and a guard that has let go of it."""
    path = folder / "dev.sqlite3"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE t(x)")
        guard = Guard(path, recoveries=["online_backup"])
        guard.begin()
        connection.execute("INSERT INTO t VALUES (1)")
    guard.abandon()
    return path


def count(path: Path) -> int:
    """Count the rows."""
    with closing(apsw.Connection(str(path))) as connection:
        return len(connection.execute("SELECT * FROM t").fetchall())


def finished(path: Path, **options: Any) -> GuardResult:
    """Finish in another process; how it went."""
    result = GuardResult()
    finish_elsewhere(path, result, **options)
    return result


@pytest.mark.parametrize("archives", [False, True])
def test_another_process_brings_it_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, archives: bool
) -> None:
    """From any folder, also one whose files have the names of modules; and says what it found."""
    path = left_by_a_guard(folder)
    (folder / "apsw.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(folder)
    result = finished(path, archives=archives)
    assert (result.ended, result.restored_by) == ("restored", "online_backup")
    assert result.found is not None
    assert result.found.tables["t"].added == ((1, 1),)
    assert count(path) == 0
    assert [result.archive] == (list(folder.glob("*.e2e-archive-*")) or [None])
    assert (result.archive is not None) == archives


def test_what_nobody_changed_is_not_written(folder: Path) -> None:
    """Nothing differs but what is no work of the tests: proven, and the file is left alone."""
    path = left_by_a_guard(folder)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("DELETE FROM t; PRAGMA journal_mode=wal; PRAGMA user_version=5")
    before = path.read_bytes()
    own = {"journal_mode": ("delete", "wal"), "user_version": (0, 5)}
    result = GuardResult(own_settings=own)
    finish_elsewhere(path, result)
    assert (result.ended, result.restored_by) == ("cleaned", None)
    assert path.read_bytes() == before
    assert os.listdir(folder) == [path.name]


def test_without_a_journal_nothing_is_proven(folder: Path) -> None:
    """With both its names gone nobody says that the tests' rows are the baseline."""
    path = left_by_a_guard(folder)
    (folder / f"{path.name}{SUFFIX}").unlink()
    second = SecondNames(path, Files()).journal
    assert second is not None
    second.unlink()
    result = finished(path)
    assert not result.says_clean
    assert "is gone, so nothing was put back" in result.failures[0].error
    assert count(path) == 1


def test_why_it_could_not_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that stays, and a Python that cannot be started, are each told as a sentence."""
    path = left_by_a_guard(folder)
    with closing(apsw.Connection(str(path))) as holder:
        holder.execute("BEGIN IMMEDIATE")
        result = finished(path, busy_timeout_ms=10)
    assert result.ended == "dirty"
    assert "could not be brought back" in result.failures[0].error
    assert count(path) == 1
    monkeypatch.setattr(sys, "executable", str(folder / "none"))
    assert "could be started" in finished(path).failures[0].error
    monkeypatch.undo()
    assert finished(path).restored_by == "online_backup"
