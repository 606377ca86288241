"""Every sync has a power cut that needs it, and no sync is there that none needs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.guard.power.by_hand import record_backup, record_restore
from tests.guard.power.judging import Recording, failures, noticed
from tests.guard.power.recorder import SQLITE
from tests.guard.power.scenes import DEFAULT, TAKEN, TO_CLEAN, CleansUnsynced, Scene, record

SAMPLED = {"each": 2, "samples": 1}
Make = Callable[[Path], Recording]


def _guarded(*recoveries: str, mode: str = "wal", **options: bool) -> Make:
    scene = Scene(recoveries, mode, **options)  # type: ignore[arg-type]
    return lambda folder: record(scene, folder)


RECORDS: dict[str, Make] = {
    "file_copy": _guarded("file_copy", mode="delete"),
    "online_backup": _guarded("online_backup"),
    "in kernel": _guarded("online_backup", in_kernel=True),
    "wal_pin": _guarded("wal_pin"),
    "chain": _guarded(*DEFAULT),
    "full": _guarded("file_copy", mode="delete", full=True),
    "cleaned": lambda folder: record(
        Scene(("file_copy",), "delete", TO_CLEAN, CleansUnsynced), folder
    ),
    "connected": lambda folder: record(
        Scene(("online_backup",), "wal", TO_CLEAN, CleansUnsynced, connected="FULL"), folder
    ),
    "unsynced": _guarded("wal_pin", unsynced=True),
    "unprotected": _guarded("file_copy", mode="delete", unprotected=True),
    "taken": lambda folder: record(Scene(("online_backup",), "wal", TAKEN), folder),
    "backup": lambda folder: record_backup(folder, "delete"),
    "by pages": lambda folder: record_backup(folder, "wal", unfolded=True),
    "damaged": lambda folder: record_restore(folder, "delete", "damaged"),
    "missing": lambda folder: record_restore(folder, "wal", "missing"),
    "guarded": lambda folder: record_restore(folder, "wal", "guarded"),
}
# What syncs, and the record in which it is missed when it does not.
NEEDED = {
    "journal.FileJournal.begin: sync 1": "file_copy",
    "journal.FileJournal._sync_all: sync 1": "file_copy",
    "journal.FileJournal.end: sync 1": "full",
    "in_place.write_like: sync 1": "missing",
    "online_backup.OnlineBackup._seal_of: sync 1": "by pages",
    "copying.main: sync 1": "in kernel",
    "archive.claim_and_fill: sync 1": "damaged",
    "durable.make_durable: sync 1": "cleaned",
    "durable.make_durable: sync 2": "missing",
    "durable._sync: sync 1": "connected",
    "pinning.sync_held: sync 1": "unsynced",
    "file_backup.FileBackup._adopt: sync 1": "unprotected",
    "file_backup.FileBackup.dispose: sync 1": "file_copy",
    "in_place._remove_beside: sync 1": "missing",
    "second_names.SecondNames.sync: sync 1": "taken",
}


@pytest.fixture(scope="module")
def recordings() -> Iterator[Callable[[str], Recording]]:
    """Make each record once, and see that nothing is wrong with it as it is."""
    memory = Path("/dev/shm")  # noqa: S108 - a tmpfs of the system's, and the folder made is private
    root = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    made: dict[str, Recording] = {}

    def get(name: str) -> Recording:
        if name not in made:
            (root / name).mkdir()
            made[name] = RECORDS[name](root / name)
            wrong = [f"{image.told}: {what}" for image, what in failures(made[name], **SAMPLED)]
            assert not wrong, "\n".join(wrong)
        return made[name]

    yield get
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.long
@pytest.mark.parametrize("sync", NEEDED)
def test_a_sync_taken_away_is_noticed(recordings: Callable[[str], Recording], sync: str) -> None:
    """Without this sync there is a power cut after which the law does not hold."""
    assert noticed(recordings(NEEDED[sync]), {sync}, each=30, samples=1)


@pytest.mark.long
@pytest.mark.parametrize("name", RECORDS)
def test_no_sync_is_left_out(recordings: Callable[[str], Recording], name: str) -> None:
    """Whatever syncs in these records is among those that are taken away."""
    assert recordings(name).sites - {SQLITE} <= set(NEEDED)
