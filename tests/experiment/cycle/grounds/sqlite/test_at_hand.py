"""Which files count as a backup: what somebody can still restore from, and nothing else."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.experiment.cycle.grounds.sqlite import at_hand
from harness.guard import Guard
from harness.guard.sqlite.second_names import SecondNames
from harness.system.files import Files
from harness.truth.sqlite import SqliteTruth


@pytest.fixture
def pristine(folder: Path) -> Path:
    """Make a small baseline in WAL mode, closed."""
    path = folder / "pristine"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    connection.close()
    return path


def guarded(pristine: Path, recovery: str) -> tuple[Path, Guard]:
    """Begin a guard on a copy of ``pristine``."""
    database = pristine.with_name("live")
    database.write_bytes(pristine.read_bytes())
    guard = Guard(database, recoveries=[recovery])
    guard.begin()
    return database, guard


def test_a_pin_is_a_backup_while_its_journal_says_so(pristine: Path) -> None:
    """The main file counts where a guard gave up and left its journal, and in no other case."""
    database, guard = guarded(pristine, "wal_pin")
    guard.abandon()
    assert at_hand.is_pinned(database, ["wal_pin"])
    journal = Path(f"{database}.e2e-journal")
    written = journal.read_bytes()
    journal.write_bytes(written.replace(b'"captured"', b'"proven"'))
    assert not at_hand.is_pinned(database, ["wal_pin"])
    journal.write_bytes(b"\xff\n")
    assert not at_hand.is_pinned(database, ["wal_pin"])
    journal.unlink()
    assert not at_hand.is_pinned(database, ["wal_pin"])


def test_a_copy_pins_nothing(pristine: Path) -> None:
    """The journal of a recovery with a file of its own makes no backup of the database itself."""
    database, guard = guarded(pristine, "file_copy")
    guard.abandon()
    assert not at_hand.is_pinned(database, ["file_copy"])


def test_only_what_is_the_baseline_is_kept(pristine: Path, folder: Path) -> None:
    """A whole backup counts, also under a second name; a cut one, none and a folder do not."""
    truth, backup, live = SqliteTruth(pristine), folder / "live.e2e-backup", folder / "live"
    assert not at_hand.is_kept(truth, live, [backup])
    backup.mkdir()
    assert not at_hand.is_kept(truth, live, [backup])
    backup.rmdir()
    backup.write_bytes(pristine.read_bytes()[:-4096])
    assert not at_hand.is_kept(truth, live, [backup])
    names = SecondNames(live, Files())
    names.prepare()
    second = names.backup(0)
    assert second is not None
    second.write_bytes(pristine.read_bytes())
    assert at_hand.is_kept(truth, live, [backup])
    names.remove_all()
    backup.write_bytes(pristine.read_bytes())
    assert at_hand.is_kept(truth, live, [backup])
