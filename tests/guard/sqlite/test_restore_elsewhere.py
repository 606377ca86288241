from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.errors import RestoreError
from harness.guard import Guard
from harness.guard.sqlite.journal import SUFFIX
from harness.guard.sqlite.restore_elsewhere import recover_elsewhere
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


@pytest.mark.parametrize("archives", [False, True])
def test_another_process_brings_it_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, archives: bool
) -> None:
    """From any folder, also one whose files have the names of modules."""
    path = left_by_a_guard(folder)
    (folder / "apsw.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(folder)
    assert recover_elsewhere(path, archives=archives) == "online_backup"
    assert count(path) == 0
    assert bool(list(folder.glob("*.e2e-archive-*"))) == archives


def test_without_a_journal_nothing_is_proven(folder: Path) -> None:
    """With both its names gone nobody says that the tests' rows are the baseline."""
    path = left_by_a_guard(folder)
    (folder / f"{path.name}{SUFFIX}").unlink()
    second = SecondNames(path, Files()).journal
    assert second is not None
    second.unlink()
    with pytest.raises(RestoreError, match="is gone, so nothing was put back"):
        recover_elsewhere(path)
    assert count(path) == 1


def test_why_it_could_not_is_raised(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that stays, and a Python that cannot be started, are each told as a sentence."""
    path = left_by_a_guard(folder)
    with closing(apsw.Connection(str(path))) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(RestoreError, match="could not be brought back"):
            recover_elsewhere(path, busy_timeout_ms=10)
    assert count(path) == 1
    monkeypatch.setattr(sys, "executable", str(folder / "none"))
    with pytest.raises(RestoreError, match="could be started"):
        recover_elsewhere(path)
    monkeypatch.undo()
    assert recover_elsewhere(path) == "online_backup"
