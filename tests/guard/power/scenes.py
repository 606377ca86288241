"""Guarded runs to cut the power of, and what must be there after ``recover``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from harness.cleanup import Cleanup, CleanupReport
from harness.guard import Guard, recover
from harness.recovery.online_backup import OnlineBackup
from harness.system.files import Files
from tests.guard.power.disk import Image
from tests.guard.power.judging import STATE, Recording, content_aside, found_in, settled
from tests.guard.power.layers import RecordingFiles, recorded
from tests.recovery.helpers import execute, make

DEFAULT = ("wal_pin", "online_backup")
ARCHIVE = re.compile(r"\.e2e-archive-\d{8}-\d{6}(-\d+)?")
BEGUN, TESTED, DONE = "the guard has begun", "the tests have run", "the guard has ended"

KEPT = (
    "INSERT INTO bots(name, body) VALUES ('test', zeroblob(5000))",
    "UPDATE bots SET name = 'changed' WHERE id = 2; DELETE FROM users WHERE rowid = 1",
)
REMOVED = (
    "INSERT INTO users VALUES ('test@example.org')",
    "DELETE FROM users WHERE mail = 'test@example.org'",
)
TO_CLEAN = REMOVED[:1]
VACUUMED = ("DELETE FROM bots WHERE id > 5", "VACUUM")
LEFT_WAL = ("PRAGMA journal_mode=DELETE", *KEPT)
_REMOVED_FILES = "the tests remove the database"
GONE = (KEPT[0], _REMOVED_FILES)
_REMOVED_NAMES = "the tests remove what the guard keeps beside it"
TAKEN = (KEPT[0], _REMOVED_NAMES)
UNSYNCED = "PRAGMA synchronous=OFF;"


class CleansUnsynced(Cleanup):
    """Deletes what the tests made, and waits for no disk."""

    name = "cleans unsynced"

    def clean(self, database: Path, entities: Any, **_: Any) -> CleanupReport:
        """Delete it."""
        execute(database, UNSYNCED + "DELETE FROM users WHERE mail LIKE 'test%'")
        return CleanupReport()


class FullAtTheEnd(RecordingFiles):
    """The journal takes no last entry: the kernel refuses it (EBADF)."""

    def write(self, descriptor: int, data: bytes) -> None:
        """Refuse the entry that says that the baseline is proven."""
        super().write(-1 if b'"proven"' in data else descriptor, data)


@dataclass(frozen=True)
class Scene:
    """One guarded run."""

    recoveries: tuple[str, ...]
    mode: str  # the journal mode
    tests: tuple[str, ...] = KEPT
    cleanup: type[Cleanup] | None = None
    connected: str = ""  # "NORMAL", "FULL": how an application syncs that is connected to the end
    unfolded: bool = False  # the baseline's newest rows stand in a -wal
    unsynced: bool = False  # whoever wrote the baseline waited for no disk
    archives: bool = False
    in_kernel: bool = False  # copied as a big database is
    full: bool = False  # the journal's last entry cannot be written
    unprotected: bool = False  # no second names can be had

    def __str__(self) -> str:
        """Name it for people, and for pytest."""
        tests = {
            KEPT: "kept",
            REMOVED: "removed",
            TO_CLEAN: "cleaned",
            VACUUMED: "vacuumed",
            LEFT_WAL: "left_wal",
            GONE: "gone",
            TAKEN: "taken",
            (): "nothing",
        }[self.tests]
        flags = ("unfolded", "unsynced", "archives", "in_kernel", "full", "unprotected")
        words = ["+".join(self.recoveries), self.mode, tests]
        words += [f"connected_{self.connected}"] if self.connected else []
        return "-".join([*words, *(f for f in flags if getattr(self, f))])


@dataclass
class Recovered:
    """The law of a guarded run: ``recover`` brings the exact baseline back, and nothing is left."""

    database: Path
    baseline: dict[str, Any]
    thrown_away: dict[str, Any] | None  # what the tests left and synced, to be kept as an archive
    archives: bool = False
    unsynced: bool = False
    full: bool = False
    marks = frozenset({BEGUN, TESTED})

    def __call__(self, known: frozenset[str]) -> str:
        """Recover, recover again, let the next guard begin and end."""
        if self.unsynced and BEGUN not in known:
            return ""  # what the application did not sync is its own to lose
        try:
            recover(self.database, archives=self.archives, busy_timeout_ms=0)
            again = recover(self.database, busy_timeout_ms=0)
        except Exception as error:  # noqa: BLE001 - every refusal is a failure here
            return f"recover: {type(error).__name__}: {error}"
        if again is not None:
            return f"recover did not end: {again} did something the second time"
        wrong = self.wrong(known)
        if wrong or self.full:
            return wrong
        try:
            with Guard(self.database, recoveries=["file_copy"], busy_timeout_ms=0):
                pass
        except Exception as error:  # noqa: BLE001 - as above
            return f"the next guard: {type(error).__name__}: {error}"
        return self.wrong(known)

    def wrong(self, known: frozenset[str]) -> str:
        """Say what is not as it must be when all is over."""
        found = found_in(self.database)
        if isinstance(found, str):
            return f"the database {found}"
        if wrong := [key for key in self.baseline if found.get(key) != self.baseline[key]]:
            return f"not the baseline: {', '.join(wrong)}"
        kept = archives_of(self.database) if self.archives else []
        if self.full:  # without a last entry the journal goes first: its backup may stay
            return ""
        return left_behind(self.database, kept) or self._wrong_with(kept, known)

    def _wrong_with(self, kept: list[Path], known: frozenset[str]) -> str:
        """Say which archive is not whole, or that what was thrown away is in none."""
        held = [found_in(path) for path in kept if path.stat().st_size]  # else never filled
        if damage := [one for one in held if isinstance(one, str)]:
            return f"an archive {damage[0]}"
        if TESTED in known and self.thrown_away is not None and self.thrown_away not in held:
            return "what the tests left was thrown away and is in no archive"
        return ""


def archives_of(database: Path) -> list[Path]:
    """Every file beside the database that has an archive's name."""
    return [
        path
        for path in database.parent.iterdir()
        if path.name.startswith(database.name)
        and ARCHIVE.fullmatch(path.name.removeprefix(database.name))
    ]


def left_behind(database: Path, kept: list[Path]) -> str:
    """Say what lies beside the database, or in the state folder, that should not; "" if nothing."""
    own = {database.name + suffix for suffix in ("", "-wal", "-shm", "-journal")}
    left = set(os.listdir(database.parent)) - own - {path.name for path in kept}
    with suppress(FileNotFoundError):
        left |= {f"{STATE}/{name}" for name in os.listdir(database.parent.parent / STATE)}
    return f"left behind: {', '.join(sorted(left))}" if left else ""


def begun(folder: Path, mode: str, *, unfolded: bool = False) -> tuple[Path, Path]:
    """Make a disk with a small database on it; both paths."""
    root = folder / "disk"
    (root / "work").mkdir(parents=True)
    (root / STATE).mkdir(mode=0o700)
    database = make(root / "work", mode, rows=20)
    if unfolded:
        execute(database, "INSERT INTO users VALUES ('in@the.wal')", fold=False)
    return root, database


def record(scene: Scene, folder: Path) -> Recording:
    """Run it once, and see it end well."""
    root, database = begun(folder, scene.mode, unfolded=scene.unfolded)
    if scene.unprotected:
        (root / STATE).chmod(0o770)
    with settled(root), copying(in_kernel=scene.in_kernel), recorded(root) as recorder:
        write_late(scene, database)
        recorder.mark("the baseline is there")
        baseline = content_aside(database)
        files = (FullAtTheEnd if scene.full else RecordingFiles)(recorder)
        guard, application = tested(scene, database, files, recorder.mark)
        # in rollback mode SQLite's commit itself does not last before the folder is synced
        lasting = scene.mode == "wal" and scene.connected != "NORMAL"
        thrown_away = content_aside(database) if scene.archives and lasting else None
        ended(guard, application, recorder.mark)
    archives = scene.archives or scene.tests == TAKEN  # what second names alone tell of is kept
    law = Recovered(database, baseline, thrown_away, archives, scene.unsynced, scene.full)
    pinned = database if "wal_pin" in scene.recoveries else None
    return Recording.of(recorder, law, identified=pinned)


def record_recover(recording: Recording, image: Image) -> Recording:
    """Let the power come back with ``image`` on the disk, and record what ``recover`` does."""
    law = recording.law
    assert isinstance(law, Recovered)
    recording.put(image)
    with settled(recording.root), recorded(recording.root) as recorder:
        files = RecordingFiles(recorder)
        recover(law.database, files=files, archives=law.archives, busy_timeout_ms=0)
        recorder.mark("recover has ended")
    again = Recovered(law.database, law.baseline, None, law.archives)
    return Recording.of(recorder, again, identified=law.database if recording.identified else None)


@contextmanager
def copying(*, in_kernel: bool) -> Iterator[None]:
    """Let the kernel copy, as it does a big database."""
    before = OnlineBackup.kernel_from_bytes
    if in_kernel:
        OnlineBackup.kernel_from_bytes = 0
    try:
        yield
    finally:
        OnlineBackup.kernel_from_bytes = before


def write_late(scene: Scene, database: Path) -> None:
    """Write the last rows of the baseline, if they are to be written unsynced."""
    if scene.unsynced:
        execute(database, UNSYNCED + "INSERT INTO users VALUES ('late@example.org')")


def tested(
    scene: Scene, database: Path, files: Files, mark: Callable[[str], None]
) -> tuple[Guard, apsw.Connection | None]:
    """Guard the database and run the tests; the guard, and the application still connected."""
    guard = Guard(
        database,
        recoveries=scene.recoveries,
        cleanup=scene.cleanup() if scene.cleanup else None,
        files=files,
        archives=scene.archives,
        busy_timeout_ms=100,
    )
    guard.begin()
    assert guard.result.backed_up_by == scene.recoveries, guard.result.failures
    mark(BEGUN)
    application = apsw.Connection(str(database)) if scene.connected else None
    if application is not None:
        application.execute(f"PRAGMA synchronous={scene.connected}")
    for sql in scene.tests:
        if sql == _REMOVED_FILES:
            files.unlink(database)
        elif sql == _REMOVED_NAMES:
            for path in sorted(database.parent.glob(f"{database.name}.e2e-*")):
                files.unlink(path)
        elif application is not None:
            application.execute(sql)
        else:
            execute(database, sql)
    mark(TESTED)
    return guard, application


def ended(guard: Guard, application: apsw.Connection | None, mark: Callable[[str], None]) -> None:
    """Let the guard end well."""
    result = guard.finish()
    assert result.says_clean, result
    assert not result.undisposed, result
    mark(DONE)
    if application is not None:
        application.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        application.close()
