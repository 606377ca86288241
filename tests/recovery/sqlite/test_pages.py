"""Pages of one database into another: all of them, in one transaction, or none."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest

from harness.recovery.sqlite.pages import pages_in
from tests.recovery.helpers import DAMAGE, content, execute, make


def pair(folder: Path, mode: str) -> tuple[Path, Path]:
    """A database and its baseline, both of the same content."""
    live = make(folder, mode)
    baseline = live.with_name("baseline")
    shutil.copyfile(live, baseline)
    return live, baseline


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_whatever_was_done_goes(folder: Path, mode: str, damage: str) -> None:
    """The live database holds what the baseline holds, and the baseline is read alone."""
    live, baseline = pair(folder, mode)
    before, pristine = content(live), baseline.read_bytes()
    execute(live, DAMAGE[damage], fold=False)
    assert content(live) != before
    pages_in(baseline, live, vfs=None, busy_timeout_ms=20)
    assert content(live) == before
    assert baseline.read_bytes() == pristine


def test_a_writer_is_waited_for_and_then_busy(folder: Path) -> None:
    """Nothing is written while a transaction of somebody else's is open; afterwards it is."""
    live, baseline = pair(folder, "wal")
    before = content(live)
    writer = apsw.Connection(str(live))
    writer.execute("BEGIN IMMEDIATE; INSERT INTO users VALUES ('late')").fetchall()
    with pytest.raises(apsw.BusyError):
        pages_in(baseline, live, vfs=None, busy_timeout_ms=20)
    writer.execute("COMMIT").fetchall()
    assert content(live) != before
    pages_in(baseline, live, vfs=None, busy_timeout_ms=20)
    writer.close()
    assert content(live) == before


def test_another_page_size_needs_a_moment_alone(folder: Path) -> None:
    """Where somebody stays connected in WAL mode it is refused; alone it is set back."""
    live, baseline = pair(folder, "wal")
    before = content(live)
    execute(live, "PRAGMA journal_mode=delete; PRAGMA page_size=8192; VACUUM")
    execute(live, "PRAGMA journal_mode=wal; INSERT INTO users VALUES ('x')")
    other = apsw.Connection(str(live))
    other.execute("SELECT count(*) FROM users").fetchall()
    assert other.pragma("page_size") == 8192
    with pytest.raises(apsw.BusyError):
        pages_in(baseline, live, vfs=None, busy_timeout_ms=20)
    other.close()
    pages_in(baseline, live, vfs=None, busy_timeout_ms=20)
    assert content(live) == before
