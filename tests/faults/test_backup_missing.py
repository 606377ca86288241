from __future__ import annotations

import pytest

from harness.faults.backup_missing import BackupMissing
from tests.faults.conftest import Stage, plan
from tests.faults.copies import Copies


def test_the_file_is_gone_when_it_is_needed(stage: Stage) -> None:
    """A recovery that holds nothing says so, once, and the fault is known to be the cause."""
    name = "naive_copy"
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
def test_who_holds_the_file_does_not_need_its_name(stage: Stage, name: str) -> None:
    """The fault fires and is masked: the baseline is back, and so is the name until it is done."""
    injector = stage.injector(plan("backup_missing", name, phase="restore"))
    copies = Copies(stage, injector)
    recovery = copies.recovery(name)
    copies.tried("backup", recovery)
    recovery.keep_out_of_reach()
    stage.clean(injector)
    assert copies.tried("restore", recovery)
    (entry,) = injector.finish(copies.failures)
    assert (entry.fired, entry.surfaced) == (True, False)
    assert stage.scene.backup_of(name).exists()
    recovery.dispose()


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
