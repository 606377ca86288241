from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.errors import BackupError, RestoreError
from harness.guard.each_test import EachTest
from harness.truth.sqlite import SqliteTruth
from tests.recovery.helpers import DAMAGE, content, execute, make


@pytest.fixture(params=["alone", "with sqlite3"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """With and without Python's sqlite3 in the process: by copy and by pin."""
    if request.param == "alone":
        monkeypatch.delitem(sys.modules, "sqlite3", raising=False)
    else:
        __import__("sqlite3")
    yield request.param
    monkeypatch.undo()


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_every_damage_is_undone(folder: Path, mode: str, damage: str) -> None:
    """Test after test comes back to the baseline, whatever was committed; nothing is left."""
    path = make(folder, mode)
    before = content(path)
    for _ in range(2):
        each = EachTest(path, busy_timeout_ms=50)
        each.begin()
        execute(path, damage)
        each.finish()
        assert content(path) == before
    assert [n for n in os.listdir(folder) if "e2e" in n] == []


@pytest.mark.usefixtures("library")
def test_with_others_connected(folder: Path) -> None:
    """A connection left open, before or during the test, sees the baseline again."""
    path = make(folder, "wal")
    before = content(path)
    each = EachTest(path, busy_timeout_ms=50)
    each.begin()
    with closing(apsw.Connection(str(path))) as other:
        other.execute(DAMAGE["insert"])
        each.finish()
        assert other.execute("SELECT count(*) FROM bots").get == 59
        again = EachTest(path, busy_timeout_ms=50)
        again.begin()
        other.execute(DAMAGE["delete"])
        again.finish()
    assert content(path) == before


@pytest.mark.usefixtures("library")
def test_a_transaction_left_open_is_told(folder: Path) -> None:
    """What cannot be restored is said with what to do, and never passed over."""
    path = make(folder, "wal")
    each = EachTest(path, busy_timeout_ms=20)
    each.begin()
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN IMMEDIATE; DELETE FROM users")
        with pytest.raises(RestoreError, match="close every connection"):
            each.finish()


def test_no_database_no_baseline(folder: Path) -> None:
    """A database that is not there is no baseline."""
    with pytest.raises(BackupError, match="no such database"):
        EachTest(folder / "missing.db").begin()


@pytest.mark.usefixtures("library")
def test_the_truth_agrees(pristine: Path, folder: Path) -> None:
    """The independent look finds the platform's baseline to be what it was."""
    path = folder / "dev.sqlite3"
    path.write_bytes(pristine.read_bytes())
    each = EachTest(path)
    each.begin()
    execute(path, "DELETE FROM sqlite_sequence; PRAGMA user_version = 77")
    each.finish()
    assert SqliteTruth(pristine).judge(path).exact
