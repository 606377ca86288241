from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from harness.faults.disk_full import DiskFull
from harness.faults.reach.storage import FULL
from harness.steps import Step
from tests.faults.conftest import Stage, plan
from tests.faults.copies import Copies

ALL = "SELECT * FROM users, bots, notes ORDER BY 1, 3, 6"


@pytest.mark.parametrize("where", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("name", ["file_copy", "online_backup"])
def test_a_backup_meets_a_full_disk(stage: Stage, name: str, where: float) -> None:
    """One attempt: the retry passes. The phase: no attempt does, and no half copy counts."""
    before = stage.rows(ALL)
    for lasting, passes in (("attempt", True), ("phase", False)):
        injector = stage.injector(plan("disk_full", name, lasting, phase="backup", where=where))
        copies = Copies(stage, injector)
        recovery = copies.recovery(name)
        assert copies.tried("backup", recovery) is passes
        assert {f.reason for f in copies.failures} == {"disk full"}
        assert len(copies.failures) == (1 if passes else 3)
        assert stage.scene.backup_of(name).exists() is passes
        (entry,) = injector.finish(copies.failures)
        assert entry.surfaced
        assert "write(2) said errno 28" in entry.evidence
        assert stage.rows(ALL) == before
        recovery.dispose()


@pytest.mark.parametrize("name", ["file_copy", "online_backup"])
def test_a_restore_meets_a_full_disk(stage: Stage, name: str) -> None:
    """While nobody makes room nothing is put back and nothing is lost; afterwards it all is."""
    injector = stage.injector(plan("disk_full", name, "cycle", phase="restore"))
    copies = Copies(stage, injector)
    recovery = copies.recovery(name)
    before = stage.rows(ALL)
    assert copies.tried("backup", recovery)
    stage.clean(injector)
    cleaned = stage.rows(ALL)
    assert not copies.tried("restore", recovery)
    assert stage.rows(ALL) == cleaned
    assert stage.rows("PRAGMA integrity_check") == [("ok",)]
    (entry,) = injector.finish(copies.failures)
    assert entry.surfaced
    recovery.restore()
    assert stage.rows(ALL) == before != cleaned
    recovery.dispose()


def test_reading_still_works(stage: Stage) -> None:
    """A disk that is full can be read."""
    injector = stage.injector(plan("disk_full", "file_copy", phase="restore", where=0.0))
    copies = Copies(stage, injector)
    recovery = copies.recovery("file_copy")
    recovery.capture()
    injector.listener(Step(*injector._faults[0].planned.slot))
    descriptor = stage.reach.files.open(recovery.backup)
    assert stage.reach.files.read(descriptor, 100).startswith(b"SQLite format 3")
    stage.reach.files.close(descriptor)
    assert not injector.finish([])[0].fired
    recovery.dispose()


@pytest.mark.parametrize("operation", ["delete bots 9", "delete users 7"])
@pytest.mark.parametrize(
    ("lasting", "failing"), [("attempt", 1), ("phase", 3), ("cycle", 3)], ids=str
)
def test_a_delete_meets_a_full_disk(
    stage: Stage, operation: str, lasting: str, failing: int
) -> None:
    """The first, and the last of the cleanup: the row stays until somebody makes room."""
    stage.scene.reach.storage_in_cleanup = True
    injector = stage.injector(plan("disk_full", operation, lasting))
    report = stage.clean(injector)
    first = operation == "delete bots 9"
    own = [f for f in report.failures if f.step.operation == operation]
    assert [(f.reason, f.code) for f in own] == [("disk full", apsw.SQLITE_FULL)] * failing
    left = stage.rows("SELECT id FROM bots WHERE id > 7 UNION ALL SELECT 7 FROM users WHERE id = 7")
    if lasting == "attempt":
        assert (report.ok, left) == (True, [])
    else:  # every later DELETE fails as well: the user's because the bots are still there
        bots = [f for f in report.failures if f.step.operation == "delete bots 8"]
        assert [f.reason for f in bots] == ["disk full"] * (3 if first else 0)
        assert left == ([(8,), (9,), (7,)] if first else [(7,)])
    (entry,) = injector.finish(report.failures)
    assert entry.surfaced
    assert "write(2) said errno 28" in entry.evidence
    assert stage.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_full_disk_for_the_cycle_fails_the_restore(stage: Stage) -> None:
    """What struck in the cleanup still holds when SQLite restores, and no longer afterwards."""
    stage.scene.reach.storage_in_cleanup = True
    injector = stage.injector(plan("disk_full", "delete users 7", "cycle"))
    copies = Copies(stage, injector)
    recovery = copies.recovery("online_backup")
    before = stage.rows(ALL)
    assert copies.tried("backup", recovery)
    stage.clean(injector)
    assert not copies.tried("restore", recovery)
    assert {f.reason for f in copies.failures} == {"disk full"}
    injector.finish(copies.failures)
    recovery.restore()
    assert stage.rows(ALL) == before
    recovery.dispose()


def test_a_cleanup_that_goes_around_the_vfs_meets_nothing(stage: Stage) -> None:
    """Without the seam the fault has no evidence: it never passes for one that fired."""
    injector = stage.injector(plan("disk_full", "delete bots 9", "cycle"))
    report = stage.clean(injector)
    assert report.ok
    assert not injector.finish(report.failures)[0].fired


def test_opportunities(stage: Stage) -> None:
    """Every attempt at backup and restore of what writes a copy; else it says why never."""
    shape = stage.shape(recoveries=("wal_pin", "online_backup", "file_copy"))
    copies = [slot for slot in DiskFull.slots(shape) if slot.phase in DiskFull.phases]
    assert {(s.phase, s.operation) for s in copies} == {
        (phase, name) for phase in ("backup", "restore") for name in ("online_backup", "file_copy")
    }
    assert len(copies) == 2 * 2 * 3
    assert DiskFull.slots(shape) == copies + shape.cleanup_slots()
    assert DiskFull.slots(replace(shape, cleans_over_http=True)) == copies
    assert DiskFull.why_never(shape) is None
    only_pin = stage.shape(recoveries=("wal_pin",))
    assert DiskFull.why_never(only_pin) == "none of the recoveries writes or reads a copy"
    assert DiskFull.why_never(stage.shape(backs_up=False)) == "the policy takes no backup"
    assert FULL.exists()
