"""Guarded runs to cut the power of, and what must be there after ``recover``."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from harness.cleanup import Cleanup, CleanupReport
from harness.guard import Guard, recover
from harness.recovery.online_backup import OnlineBackup
from tests.guard.power.cuts import images, sites, without
from tests.guard.power.disk import Disk, Event, Image
from tests.guard.power.recording import Recorder, RecordingFiles, put, recorded
from tests.recovery.helpers import content, execute, make

DEFAULT = ("wal_pin", "online_backup")
ARCHIVE = re.compile(r"\.e2e-archive-\d{8}-\d{6}(-\d+)?")
BEGUN, DONE = "the guard has begun", "the guard has ended"
STATE = "state"  # the folder that HARNESS_STATE_DIR names

KEPT = (
    "INSERT INTO bots(name, body) VALUES ('test', zeroblob(5000))",
    "UPDATE bots SET name = 'changed' WHERE id = 2; DELETE FROM users WHERE rowid = 1",
)
REMOVED = (
    "INSERT INTO users VALUES ('test@example.org')",
    "DELETE FROM users WHERE mail = 'test@example.org'",
)
UNSYNCED = "PRAGMA synchronous=OFF;"


class CleansUnsynced(Cleanup):
    """Deletes what the tests made, and waits for no disk."""

    name = "cleans unsynced"

    def clean(self, database: Path, entities: Any, **_: Any) -> CleanupReport:
        """Delete it."""
        execute(database, UNSYNCED + "DELETE FROM users WHERE mail LIKE 'test%'")
        return CleanupReport()


@dataclass(frozen=True)
class Scene:
    """One guarded run."""

    recoveries: tuple[str, ...]
    mode: str  # the journal mode
    tests: tuple[str, ...] = KEPT
    cleanup: type[Cleanup] | None = None
    unfolded: bool = False  # the baseline's newest rows stand in a -wal
    unsynced: bool = False  # and whoever wrote the baseline waited for no disk
    connected: bool = False  # the application stays connected, synchronous=NORMAL, to the end
    archives: bool = False
    in_kernel: bool = False  # copied as a big database is

    def __str__(self) -> str:
        """Name it for people, and for pytest."""
        tests = {KEPT: "kept", REMOVED: "removed", (): "nothing"}.get(self.tests, "tests")
        flags = ("unfolded", "unsynced", "connected", "archives", "in_kernel")
        words = ["+".join(self.recoveries), self.mode, tests]
        words += [self.cleanup.name.replace(" ", "_")] if self.cleanup else []
        return "-".join([*words, *(f for f in flags if getattr(self, f))])


@dataclass
class Recording:
    """What was done to the disk, and what must come back."""

    root: Path
    database: Path
    before: Disk
    events: list[Event]
    real_inodes: dict[int, int]
    baseline: dict[str, Any]
    thrown_away: dict[str, Any]  # what the tests left, where that is to be kept as an archive
    archives: bool = False
    pinned: bool = False
    unsynced: bool = False
    seen: set[bytes] = field(default_factory=set)  # of the images that were judged

    @property
    def sites(self) -> set[str]:
        """Every place that syncs."""
        return sites(self.events)


@contextmanager
def settled(root: Path, *, in_kernel: bool = False) -> Iterator[None]:
    """Let the guard keep its state below ``root``, and copy in the kernel or not."""
    threshold = OnlineBackup.kernel_from_bytes
    state = os.environ.get("HARNESS_STATE_DIR")
    os.environ["HARNESS_STATE_DIR"] = str(root / STATE)
    if in_kernel:
        OnlineBackup.kernel_from_bytes = 0
    try:
        yield
    finally:
        OnlineBackup.kernel_from_bytes = threshold
        os.environ.pop("HARNESS_STATE_DIR")
        if state is not None:
            os.environ["HARNESS_STATE_DIR"] = state


def record(scene: Scene, folder: Path) -> Recording:
    """Run it once, and see it end well."""
    root = folder / "disk"
    work = root / "work"
    work.mkdir(parents=True)
    (root / STATE).mkdir(mode=0o700)
    database = make(work, scene.mode, rows=20)
    if scene.unfolded:
        execute(database, "INSERT INTO users VALUES ('in@the.wal')", fold=False)
    late = "INSERT INTO users VALUES ('late@example.org')"
    with settled(root, in_kernel=scene.in_kernel), recorded(root) as recorder:
        if scene.unsynced:
            execute(database, UNSYNCED + late)
        recorder.mark("the baseline is there")
        baseline = _content_aside(database, folder / "aside")
        guard, application = _tested(scene, database, recorder)
        thrown_away = _content_aside(database, folder / "aside")
        _ended(guard, application, recorder)
    return Recording(
        root,
        database,
        recorder.before,
        recorder.events,
        recorder.real_inodes,
        baseline,
        thrown_away,
        scene.archives,
        "wal_pin" in scene.recoveries,
        scene.unsynced,
    )


def _tested(
    scene: Scene, database: Path, recorder: Recorder
) -> tuple[Guard, apsw.Connection | None]:
    guard = Guard(
        database,
        recoveries=scene.recoveries,
        cleanup=scene.cleanup() if scene.cleanup else None,
        files=RecordingFiles(recorder),
        archives=scene.archives,
        busy_timeout_ms=100,
    )
    guard.begin()
    assert guard.result.backed_up_by == scene.recoveries, guard.result.failures
    recorder.mark(BEGUN)
    application = apsw.Connection(str(database)) if scene.connected else None
    if application is not None:
        application.execute("PRAGMA synchronous=NORMAL")
    for sql in scene.tests:
        if application is not None:
            application.execute(sql)
        else:
            execute(database, sql)
    recorder.mark("the tests have run")
    return guard, application


def _ended(guard: Guard, application: apsw.Connection | None, recorder: Recorder) -> None:
    result = guard.finish()
    assert result.says_clean, result
    assert not result.undisposed, result
    recorder.mark(DONE)
    if application is not None:
        application.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        application.close()


def _content_aside(database: Path, aside: Path) -> dict[str, Any]:
    """What the database holds, asked of a copy so that nothing is recorded."""
    aside.mkdir(exist_ok=True)
    for suffix in ("", "-wal", "-journal"):
        if os.path.exists(f"{database}{suffix}"):
            shutil.copyfile(f"{database}{suffix}", aside / f"{database.name}{suffix}")
    try:
        return content(aside / database.name)
    finally:
        shutil.rmtree(aside)


def judge(recording: Recording, known: frozenset[str]) -> str:
    """Recover what lies on the disk, and say what is not as it must be; "" when all is well."""
    if recording.unsynced and BEGUN not in known:
        return ""  # what the application did not sync is its own to lose
    database = recording.database
    with settled(recording.root):
        try:
            recover(database, archives=recording.archives, busy_timeout_ms=0)
            again = recover(database, busy_timeout_ms=0)
        except Exception as error:  # noqa: BLE001 - every refusal is a failure here
            return f"recover: {type(error).__name__}: {error}"
        if again is not None:
            return f"recover did not end: {again} did something the second time"
        if wrong := what_is_wrong(recording, known):
            return wrong
        try:
            with Guard(database, recoveries=["file_copy"], busy_timeout_ms=0):
                pass
        except Exception as error:  # noqa: BLE001 - as above
            return f"the next guard: {type(error).__name__}: {error}"
        return what_is_wrong(recording, known)


def what_is_wrong(recording: Recording, known: frozenset[str]) -> str:
    """Say what is not as it must be when all is over."""
    database = recording.database
    try:
        if damage := damage_in(database):
            return f"the database is damaged: {damage}"
        found = content(database)
    except apsw.Error as error:
        return f"the database cannot be read: {error}"
    wrong = [key for key in recording.baseline if found.get(key) != recording.baseline[key]]
    if wrong:
        return f"not the baseline: {', '.join(wrong)}"
    own = {database.name + suffix for suffix in ("", "-wal", "-shm", "-journal")}
    left = set(os.listdir(database.parent)) - own
    archives = {name for name in left if ARCHIVE.fullmatch(name.removeprefix(database.name))}
    if recording.archives:
        left -= archives
    if left:
        return f"left behind: {', '.join(sorted(left))}"
    with suppress(FileNotFoundError):
        if state := sorted(os.listdir(recording.root / STATE)):
            return f"left behind in the state folder: {', '.join(state)}"
    kept = [database.with_name(name) for name in archives]
    return _what_is_wrong_with(kept, recording, known) if recording.archives else ""


def _what_is_wrong_with(archives: list[Path], recording: Recording, known: frozenset[str]) -> str:
    """Say which archive is not whole, or that what was thrown away is in none."""
    held = []
    for path in archives:
        if path.stat().st_size:  # else its name was taken and never filled
            try:
                if damage := damage_in(path):
                    return f"an archive is damaged: {damage}"
                held.append(content(path))
            except apsw.Error as error:
                return f"an archive cannot be read: {error}"
    if DONE in known and recording.thrown_away not in held:
        return "what the tests left was thrown away and is in no archive"
    return ""


def damage_in(path: Path) -> str:
    """Say what SQLite finds wrong with a file."""
    connection = apsw.Connection(str(path))
    try:
        found = str(connection.pragma("integrity_check"))
    finally:
        connection.close()
    return "" if found == "ok" else found


Law = Callable[[Recording, frozenset[str]], str]


def failures(
    recording: Recording,
    events: Sequence[Event] | None = None,
    *,
    each: int = 4,
    samples: int = 4,
    seed: int = 1,
    most: int = 5,
    law: Law | None = None,
    remember: bool = True,
) -> Iterator[tuple[Image, str]]:
    """Cut the power all along, recover, and give every image after which something is wrong.

    An image that was judged before is not judged again.
    """
    events = recording.events if events is None else events
    found = 0
    main = str(recording.database.relative_to(recording.root)) if recording.pinned else None
    seen = recording.seen if remember else set(recording.seen)
    for image, known in images(recording.before, events, each=each, samples=samples, seed=seed):
        key = image.key(main)
        if key in seen:
            continue
        seen.add(key)
        put(image, recording.root, recording.real_inodes)
        wrong = (law or judge)(recording, known)
        if wrong:
            found += 1
            yield image, wrong
            if found >= most:
                return


def needless(recordings: Sequence[Recording], site: str, **how: Any) -> bool:
    """Whether no record shows that the syncs of one place are needed."""
    for recording in recordings:
        if site in recording.sites:
            events = without(recording.events, site)
            for _ in failures(recording, events, most=1, remember=False, **how):
                return False
    return True
