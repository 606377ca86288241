from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.files import Files
from harness.guard import Guard, recover
from harness.guard.journal import SUFFIX
from tests.guard.power.judging import failures
from tests.guard.power.scenes import (
    DEFAULT,
    REMOVED,
    TO_CLEAN,
    CleansUnsynced,
    Scene,
    record,
)
from tests.recovery.helpers import content, execute, leftovers, make

NOT_DURABLE = "the journal says proven before the database, its -wal and its folder are synced"
NOT_PINNED = "a pin is taken of a main file that nobody has synced"
HALF_ARCHIVES = "recover leaves half-made archives"


def _failing(scene: Scene, reason: str) -> Any:
    return pytest.param(scene, marks=pytest.mark.xfail(strict=True, reason=reason))


SCENES = [
    Scene(("file_copy",), "delete"),
    Scene(("file_copy",), "wal"),
    _failing(Scene(("online_backup",), "delete"), NOT_DURABLE),
    Scene(("online_backup",), "wal"),
    Scene(("online_backup",), "wal", in_kernel=True),
    Scene(("wal_pin",), "wal"),
    Scene(DEFAULT, "wal"),
    Scene(DEFAULT, "wal", unfolded=True),
    Scene(DEFAULT, "wal", REMOVED),
    Scene(DEFAULT, "wal", ()),
    _failing(Scene(("file_copy",), "delete", TO_CLEAN, CleansUnsynced), NOT_DURABLE),
    _failing(Scene(("online_backup",), "wal", TO_CLEAN, CleansUnsynced), NOT_DURABLE),
    _failing(Scene(DEFAULT, "wal", TO_CLEAN, CleansUnsynced), NOT_DURABLE),
    _failing(Scene(("online_backup",), "wal", REMOVED, connected="NORMAL"), NOT_DURABLE),
    _failing(Scene(DEFAULT, "wal", REMOVED, connected="NORMAL"), NOT_DURABLE),
    Scene(("file_copy",), "wal", unsynced=True),
    _failing(Scene(("online_backup",), "delete", unsynced=True), NOT_DURABLE),
    _failing(Scene(("wal_pin",), "wal", unsynced=True), NOT_PINNED),
    _failing(Scene(DEFAULT, "wal", unsynced=True), NOT_PINNED),
    _failing(Scene(("online_backup",), "wal", archives=True), HALF_ARCHIVES),
    _failing(Scene(("file_copy",), "delete", archives=True), HALF_ARCHIVES),
]


@pytest.fixture(scope="module")
def tried() -> Iterator[list[int]]:
    """Count the disks that were recovered, and tell how many at the end (seen with -s)."""
    counted: list[int] = []
    yield counted
    print(f"\n{sum(counted)} disks after power cuts recovered")  # noqa: T201 - it is asked for


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_power_lost_here_and_there(folder: Path, scene: Scene, tried: list[int]) -> None:
    """After a power cut during a guarded run ``recover`` gives the exact baseline, nothing left."""
    recording = record(scene, folder)
    wrong = [f"{image.told}: {what}" for image, what in failures(recording)]
    tried.append(len(recording.seen))
    assert not wrong, "\n".join(wrong)
    assert len(recording.seen) > 20


@pytest.mark.xfail(strict=True, reason="a last line of which a sector is missing counts as damage")
def test_a_last_entry_without_its_first_sector(folder: Path) -> None:
    """An entry of which only the end arrived was never synced, so its step was never begun."""
    database = make(folder, "delete")
    before = content(database)
    guard = Guard(database, recoveries=["file_copy"], files=Files())
    guard.begin()
    execute(database, "INSERT INTO bots(name) VALUES ('test')")
    guard.abandon()
    with Path(f"{database}{SUFFIX}").open("ab") as journal:
        journal.write(bytes(100) + b'"place": 0}]}\n')
    assert recover(database) == "file_copy"
    assert content(database) == before
    assert leftovers(database) == []
