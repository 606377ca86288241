from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.guard import Guard, recover
from harness.guard.sqlite.journal import SUFFIX
from harness.system.files import Files
from tests.guard.power.by_hand import Before, record_backup, record_restore
from tests.guard.power.cuts import images
from tests.guard.power.judging import Recording, failures
from tests.guard.power.recorder import Recorder
from tests.guard.power.scenes import (
    DEFAULT,
    GONE,
    LEFT_WAL,
    REMOVED,
    TAKEN,
    TESTED,
    TO_CLEAN,
    VACUUMED,
    CleansUnsynced,
    Scene,
    record,
    record_recover,
)
from tests.recovery.helpers import content, execute, leftovers, make

SCENES = [
    Scene(("file_copy",), "delete"),
    Scene(("file_copy",), "wal"),
    Scene(("online_backup",), "delete"),
    Scene(("online_backup",), "wal"),
    Scene(("online_backup",), "wal", in_kernel=True),
    Scene(("wal_pin",), "wal"),
    Scene(DEFAULT, "wal"),
    Scene(DEFAULT, "wal", unfolded=True),
    Scene(DEFAULT, "wal", REMOVED),
    Scene(DEFAULT, "wal", ()),
    Scene(("online_backup",), "wal", connected="FULL"),
    Scene(("file_copy",), "delete", full=True),
    Scene(("file_copy",), "delete", TO_CLEAN, CleansUnsynced),
    Scene(("online_backup",), "wal", TO_CLEAN, CleansUnsynced),
    Scene(DEFAULT, "wal", TO_CLEAN, CleansUnsynced),
    Scene(("online_backup",), "wal", REMOVED, connected="NORMAL"),
    Scene(("online_backup",), "wal", TO_CLEAN, CleansUnsynced, connected="FULL"),
    Scene(DEFAULT, "wal", REMOVED, connected="NORMAL"),
    Scene(("file_copy",), "wal", unsynced=True),
    Scene(("online_backup",), "delete", unsynced=True),
    Scene(("wal_pin",), "wal", unsynced=True),
    Scene(DEFAULT, "wal", unsynced=True),
    Scene(("online_backup",), "wal", archives=True),
    Scene(("file_copy",), "delete", archives=True),
]


MORE = [  # where there is time
    Scene(("online_backup",), "wal", GONE),
    Scene(("file_copy",), "delete", GONE),
    Scene(("file_copy",), "wal", LEFT_WAL),
    Scene(("online_backup",), "wal", LEFT_WAL),
    Scene(("online_backup",), "wal", VACUUMED),
    Scene(("online_backup",), "delete", VACUUMED),
    Scene(DEFAULT, "wal", VACUUMED),
    Scene(("online_backup",), "wal", unfolded=True),
    Scene(("wal_pin",), "wal", unfolded=True),
    Scene(("wal_pin",), "wal", archives=True),
    Scene(DEFAULT, "wal", archives=True),
    Scene(("online_backup",), "wal", TAKEN),
    Scene(("file_copy",), "delete", TAKEN),
    Scene(("file_copy",), "delete", unprotected=True),
    Scene(("online_backup",), "wal", unprotected=True),
]
PLAIN = [
    Scene(("file_copy",), "delete"),
    Scene(("file_copy",), "wal"),
    Scene(("online_backup",), "delete"),
    Scene(("online_backup",), "wal"),
    Scene(("wal_pin",), "wal"),
    Scene(DEFAULT, "wal"),
]
RECOVERS = [*PLAIN, Scene(("online_backup",), "wal", archives=True)]
BY_HAND = [
    ("wal", "changed"),
    ("delete", "changed"),
    *((mode, before) for mode in ("wal", "delete") for before in ("damaged", "missing", "guarded")),
]
SAMPLED = {"each": 2, "samples": 2}
EVERYWHERE = {"each": 1000, "samples": 12}
OFTEN = {"each": 3, "samples": 2}


@pytest.fixture(scope="module")
def tried() -> Iterator[list[int]]:
    """Count the disks that were recovered, and tell how many at the end (seen with -s)."""
    counted: list[int] = []
    yield counted
    print(f"\n{sum(counted)} disks after power cuts recovered")  # noqa: T201 - it is asked for


def lost(recording: Recording, tried: list[int], **how: int) -> str:
    """Cut the power all along; what is wrong afterwards, a line for each disk."""
    before = len(recording.seen)
    wrong = [f"{image.told}: {what}" for image, what in failures(recording, **how)]
    tried.append(len(recording.seen) - before)
    return "\n".join(wrong)


@pytest.mark.parametrize("scene", SCENES[::6], ids=str)
def test_power_lost_here_and_there(folder: Path, scene: Scene, tried: list[int]) -> None:
    """After a power cut during a guarded run ``recover`` gives the exact baseline, nothing left."""
    assert not lost(record(scene, folder), tried, **SAMPLED)
    assert tried[-1] > 20


@pytest.mark.long
@pytest.mark.parametrize("scene", [*SCENES, *MORE], ids=str)
def test_power_lost_anywhere(folder: Path, scene: Scene, tried: list[int]) -> None:
    """The same, for every change that may be lost or kept alone in the plain run of a chain.

    What is else done about a run is done by the same code: of its changes some are lost or kept.
    """
    how = EVERYWHERE if scene in PLAIN else OFTEN
    assert not lost(record(scene, folder), tried, **how)


def lost_in_recover(recording: Recording, tried: list[int], step: int, **how: int) -> str:
    """Cut the power at some points after the tests, and again all along ``recover``."""
    first = {
        image.key(): image
        for image, known in images(recording.before, recording.events, each=0, samples=0, seed=1)
        if TESTED in known
    }
    wrong = []
    for image in list(first.values())[::step]:
        again = record_recover(recording, image)
        again.seen = recording.seen  # what one recovered need not be tried after another
        if found := lost(again, tried, **how):
            wrong.append(f"{image.told}: {found}")
    return "\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize("scene", RECOVERS, ids=str)
def test_power_lost_while_it_recovers(folder: Path, scene: Scene, tried: list[int]) -> None:
    """After a power cut during ``recover`` itself it can be run again."""
    step = 12 if scene.archives else 4  # an archive is named by the time: no two disks are alike
    assert not lost_in_recover(record(scene, folder), tried, step, **SAMPLED)


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_power_lost_during_a_backup_by_hand(folder: Path, mode: str, tried: list[int]) -> None:
    """A backup made by hand is whole or absent under its name, and once told it lasts."""
    assert not lost(record_backup(folder, mode), tried, **SAMPLED)


@pytest.mark.parametrize(("mode", "before"), BY_HAND)
def test_power_lost_during_a_restore_by_hand(
    folder: Path, mode: str, before: Before, tried: list[int]
) -> None:
    """A restore by hand is done or not, what it throws away is kept, and once told it lasts."""
    assert not lost(record_restore(folder, mode, before), tried, **SAMPLED)


def test_a_missed_change_is_noticed(folder: Path) -> None:
    """Whatever reaches around the record makes it fail, so nothing passes unseen."""
    database = make(folder, "delete")
    for spoil in (
        lambda: database.write_bytes(b"written past the record"),
        (folder / "new").touch,
        (folder / "new").unlink,
    ):
        recorder = Recorder(folder)
        recorder.check()
        spoil()
        with pytest.raises(AssertionError, match="past the record"):
            recorder.check()


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
