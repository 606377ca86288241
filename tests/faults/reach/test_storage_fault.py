"""Storage faults, armed where a step works and for as long as they last."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import MeasurementError
from harness.faults import Slot
from harness.faults.disk_full import DiskFull
from harness.faults.io_error import IoError
from harness.faults.reach.storage_fault import copying
from harness.recovery.wal_pin import WalPin
from harness.steps import Step
from tests.faults.conftest import Stage, plan
from tests.faults.reach.writing import write_all


@pytest.mark.parametrize("operation", ["file_copy", "online_backup"])
@pytest.mark.parametrize(
    ("lasting", "armed"), [("attempt", 1), ("phase", 2), ("cycle", 3)], ids=str
)
def test_how_long_it_is_armed(stage: Stage, operation: str, lasting: str, armed: int) -> None:
    """Armed for one attempt, until the next phase, or for the rest of the cycle."""
    injector = stage.injector(plan("disk_full", operation, lasting, phase="backup", where=0.0))
    seam = stage.reach.vfs if operation == "online_backup" else stage.reach.files
    moments = [
        Step("backup", operation, 1),
        Step("backup", operation, 2),
        Step("restore", operation, 1),
    ]
    for number, moment in enumerate(moments, 1):
        injector.listener(moment)
        assert len(seam.armed.strikes) == (1 if number <= armed else 0)
    assert injector.finish([])[0].fired is False  # nobody wrote
    assert stage.nothing_survives()


@pytest.mark.parametrize("lasting", ["phase", "cycle"])
def test_each_backup_has_storage_of_its_own(stage: Stage, lasting: str) -> None:
    """A fault that lasts stands aside while another recovery is at work, and explains nothing."""
    injector = stage.injector(plan("io_error", "online_backup", lasting, phase="restore"))
    armed = stage.reach.vfs.armed
    for operation, there in (("online_backup", 1), ("wal_pin", 0), ("online_backup", 1)):
        step = Step("restore", operation, 1)
        injector.listener(step)
        assert len(armed.strikes) == there
        assert (step in injector._faults[0].held) == bool(there)
    injector.listener(Step("verify", "differences", 1))
    assert armed.strikes == []
    injector.finish([])
    assert stage.nothing_survives()


def test_the_database_s_own_storage_fails_whoever_works(stage: Stage) -> None:
    """Struck in the cleanup it is the disk of the database, which every restore writes to."""
    label = stage.shape().operations[0].label
    injector = stage.injector(plan("io_error", label, "cycle", phase="cleanup"))
    injector.listener(Step("cleanup", label, 1))
    for operation in ("wal_pin", "online_backup"):
        injector.listener(Step("restore", operation, 1))
        assert len(stage.reach.vfs.armed.strikes) == 1
    injector.finish([])
    assert stage.nothing_survives()


def test_a_device_that_refuses_nothing_is_no_fault(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the device lets a write pass, the cycle is a harness error and nothing has fired."""
    monkeypatch.setattr(DiskFull, "device", Path(os.devnull))
    injector = stage.injector(plan("disk_full", "file_copy", phase="backup"))
    injector.listener(Step("backup", "file_copy", 1))
    with pytest.raises(MeasurementError):
        write_all(stage.reach.files, stage.folder / "copy", [b"x" * 100_000])
    (entry,) = injector.finish([])
    assert isinstance(injector.error, MeasurementError)
    assert not entry.fired


def test_a_machine_without_the_device(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no such device it is the instrument's error; the recovery meets nothing."""
    monkeypatch.setattr(IoError, "device", stage.folder / "none")
    injector = stage.injector(plan("io_error", "file_copy", phase="backup", where=0.0))
    injector.listener(Step("backup", "file_copy", 1))
    assert write_all(stage.reach.files, stage.folder / "copy", [b"x"]) is None
    assert isinstance(injector.error, MeasurementError)
    assert not injector.finish([])[0].fired


def test_a_recovery_is_asked_how_it_copies(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever says that it makes a copy is struck there, by whatever name it goes."""
    shape = stage.shape(recoveries=("wal_pin", "online_backup", "file_copy", "naive_copy"))
    for phase in ("backup", "restore"):
        assert copying(shape, phase) == ["online_backup", "file_copy", "naive_copy"]
    # a pin copies where others stay connected, as it restores
    connected = replace(shape, connected=True)
    assert copying(connected, "backup") == ["online_backup", "file_copy", "naive_copy"]
    assert copying(connected, "restore") == list(shape.recoveries)
    assert Slot("restore", "wal_pin", 1) in DiskFull.slots(connected)
    monkeypatch.setattr(WalPin, "copies_by", "files")
    monkeypatch.setattr(WalPin, "copies_in", ("backup", "restore"))
    assert copying(connected, "backup") == list(shape.recoveries)
    injector = stage.injector(plan("disk_full", "wal_pin", phase="backup"))
    injector.listener(Step("backup", "wal_pin", 1))
    assert len(stage.reach.files.armed.strikes) == 1
    injector.finish([])
