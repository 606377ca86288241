from __future__ import annotations

import pytest

from harness.faults.io_error import IoError
from tests.faults.conftest import Stage, plan
from tests.faults.copies import Copies

ALL = "SELECT * FROM users, bots, notes ORDER BY 1, 3, 6"


@pytest.mark.parametrize("where", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("phase", ["backup", "restore"])
@pytest.mark.parametrize("name", ["file_copy", "online_backup"])
def test_a_copy_meets_a_failing_disk(stage: Stage, name: str, phase: str, where: float) -> None:
    """One attempt: the retry passes. The phase: none does, and the database is unharmed."""
    for lasting, passes in (("attempt", True), ("phase", False)):
        injector = stage.injector(plan("io_error", name, lasting, phase=phase, where=where))
        copies = Copies(stage, injector)
        recovery = copies.recovery(name)
        if phase == "restore":
            assert copies.tried("backup", recovery)
        before = stage.rows(ALL)
        assert copies.tried(phase, recovery) is passes
        assert {f.reason for f in copies.failures} == {"input/output error"}
        assert len(copies.failures) == (1 if passes else 3)
        (entry,) = injector.finish(copies.failures)
        assert entry.surfaced
        assert "said errno 5" in entry.evidence
        assert stage.rows(ALL) == before
        assert stage.rows("PRAGMA integrity_check") == [("ok",)]
        recovery.dispose()


def test_it_strikes_reading_too(stage: Stage) -> None:
    """A backup that can be written and then not be read is found out when it is put back."""
    injector = stage.injector(plan("io_error", "file_copy", phase="restore", where=0.0))
    copies = Copies(stage, injector)
    recovery = copies.recovery("file_copy")
    assert copies.tried("backup", recovery)
    assert copies.tried("restore", recovery)
    (entry,) = injector.finish(copies.failures)
    assert entry.evidence.startswith("read(2) said errno 5")
    recovery.dispose()


def test_a_phase_is_of_one_place(stage: Stage) -> None:
    """Every attempt at that backup meets it; another recovery's backup has storage of its own."""
    injector = stage.injector(plan("io_error", "file_copy", "phase", phase="backup"))
    copies = Copies(stage, injector)
    first, second = copies.recovery("file_copy"), copies.recovery("naive_copy")
    assert not copies.tried("backup", first)
    assert not copies.tried("backup", first)
    assert copies.tried("backup", second)
    assert not copies.tried("backup", first)
    assert injector.finish(copies.failures)[0].surfaced
    first.dispose()
    second.dispose()


@pytest.mark.parametrize(("lasting", "passes"), [("attempt", True), ("phase", False)])
def test_a_delete_meets_a_failing_disk(stage: Stage, lasting: str, passes: bool) -> None:
    """One attempt: the retry passes. The phase: the rows stay, whatever is tried."""
    stage.scene.reach.storage_in_cleanup = True
    before = stage.rows(ALL)
    injector = stage.injector(plan("io_error", "delete bots 9", lasting))
    report = stage.clean(injector)
    assert {f.reason for f in report.failures} == {"input/output error"}
    assert len(report.failures) == (1 if passes else 9)
    assert report.ok is passes
    assert (stage.rows(ALL) == before) is not passes
    (entry,) = injector.finish(report.failures)
    assert entry.surfaced
    assert "said errno 5" in entry.evidence
    assert stage.rows("PRAGMA integrity_check") == [("ok",)]


def test_opportunities(stage: Stage) -> None:
    """As a full disk: where a copy is written."""
    shape = stage.shape(recoveries=("file_copy",))
    assert len([slot for slot in IoError.slots(shape) if slot.phase in IoError.phases]) == 2 * 3
    assert IoError.slots(shape)[2 * 3 :] == shape.cleanup_slots()
    only_pin = stage.shape(recoveries=("wal_pin",))
    assert IoError.why_never(only_pin) == "none of the recoveries writes or reads a copy"
