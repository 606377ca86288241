from __future__ import annotations

import pytest

from harness.faults.backup_missing import BackupMissing
from tests.faults.conftest import Stage, plan
from tests.faults.copies import Copies


@pytest.mark.parametrize("name", ["file_copy", "online_backup", "naive_copy"])
def test_the_file_is_gone_when_it_is_needed(stage: Stage, name: str) -> None:
    """The recovery says so, without another attempt, and the fault is known to be the cause."""
    injector = stage.injector(plan("backup_missing", name, phase="restore"))
    copies = Copies(stage, injector)
    recovery = copies.recovery(name)
    assert copies.tried("backup", recovery)
    assert stage.scene.backup_of(name).exists()
    assert not copies.tried("restore", recovery)
    assert len(copies.failures) == 1
    (entry,) = injector.finish(copies.failures)
    assert (entry.fired, entry.surfaced) == (True, True)
    assert entry.evidence == f"{name}.backup removed"
    assert not stage.scene.backup_of(name).exists()


@pytest.mark.parametrize("name", ["file_copy", "online_backup"])
def test_the_database_is_not_touched(stage: Stage, name: str) -> None:
    """Without its backup a recovery leaves the live database as it is."""
    injector = stage.injector(plan("backup_missing", name, phase="restore"))
    copies = Copies(stage, injector)
    recovery = copies.recovery(name)
    copies.tried("backup", recovery)
    stage.clean(injector)
    before = stage.rows("SELECT * FROM users, bots, notes")
    assert not copies.tried("restore", recovery)
    assert stage.rows("SELECT * FROM users, bots, notes") == before
    injector.finish(copies.failures)


def test_nothing_fires_where_there_is_no_file(stage: Stage) -> None:
    """No backup file, no evidence; and a restore that never comes is never struck."""
    injector = stage.injector(
        plan("backup_missing", "file_copy", phase="restore"),
        plan("backup_missing", "online_backup", phase="restore"),
    )
    copies = Copies(stage, injector)
    assert not copies.tried("restore", copies.recovery("file_copy"))  # nothing was captured
    assert [e.fired for e in injector.finish(copies.failures)] == [False, False]
    assert [e.surfaced for e in injector.finish(copies.failures)] == [False, False]
    assert injector.error is None


def test_opportunities(stage: Stage) -> None:
    """The first attempt of each recovery that keeps a file; else it says why never."""
    shape = stage.shape(recoveries=("wal_pin", "online_backup", "file_copy"))
    assert BackupMissing.slots(shape) == [
        ("restore", "online_backup", 1),
        ("restore", "file_copy", 1),
    ]
    assert BackupMissing.why_never(shape) is None
    only_pin = stage.shape(recoveries=("wal_pin",))
    assert BackupMissing.why_never(only_pin) == ("no recovery of the condition keeps a backup file")
