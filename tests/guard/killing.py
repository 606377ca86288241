"""A guard that kills its own process at the nth operation on disk, its own or SQLite's."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import apsw

from harness import registry
from harness.databases.engines import engine_of
from harness.guard import Guard, recover
from harness.guard.sqlite import target as _once  # noqa: F401 - else every forked process loads it
from harness.system.files import Files
from harness.truth.sqlite import SqliteTruth
from tests.recovery.helpers import execute, make

T = TypeVar("T")
Moment = Literal["before", "after", "half"]  # half: only writes count, and half the bytes arrive

UNFOLDED = "wal, unfolded"  # the baseline's newest rows stand in a -wal when the guard begins

# What the tests do. "kept" leaves rows, a sequence and a page more; "removed" takes them away
# again, so that other bytes hold the same content; "nothing" never opens the database.
TESTS = {
    "kept": (
        "INSERT INTO bots(name, body) VALUES ('test', zeroblob(5000))",
        "UPDATE bots SET name = 'changed' WHERE id = 2; DELETE FROM users WHERE rowid = 1",
    ),
    "removed": (
        "INSERT INTO users VALUES ('test@example.org')",
        "DELETE FROM users WHERE mail = 'test@example.org'",
    ),
    "nothing": (),
}


def die() -> NoReturn:
    """Kill this process as kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process goes no further")


@dataclass(slots=True)
class Countdown:
    """Counts operations on disk; at the nth the process is gone."""

    nth: int  # 0: never
    moment: Moment = "before"
    armed: bool = True
    end: Callable[[], NoReturn] = die

    def around(self, act: Callable[[], T], half: Callable[[], object] | None = None) -> T:
        """Do one operation, or die before, after or in the middle of it."""
        due = False
        if self.armed and (self.moment != "half" or half is not None):
            self.nth -= 1
            due = self.nth == 0
        if due and self.moment == "before":
            self.end()
        if due and half is not None and self.moment == "half":
            half()
            self.end()
        result = act()
        if due:
            self.end()
        return result


class KillingFiles(Files):
    """The real file operations, until the countdown ends. Reading changes nothing on disk."""

    def __init__(self, countdown: Countdown) -> None:
        self.countdown = countdown

    def create(self, path: Path, mode: int) -> int:
        """Count a creation."""
        return self.countdown.around(lambda: super(KillingFiles, self).create(path, mode))

    def open(self, path: Path) -> int:
        """Count an opening."""
        return self.countdown.around(lambda: super(KillingFiles, self).open(path))

    def write(self, descriptor: int, data: bytes) -> None:
        """Count a write, which may arrive by half."""
        write = super().write
        self.countdown.around(
            lambda: write(descriptor, data), lambda: write(descriptor, data[: len(data) // 2])
        )

    def copy(
        self,
        source: Path,
        descriptor: int,
        size_bytes: int,
        copied: Callable[[int], None],
        *,
        identity: tuple[int, int],
    ) -> None:
        """Count a copy, which may arrive by half."""
        copy = super().copy
        self.countdown.around(
            lambda: copy(source, descriptor, size_bytes, copied, identity=identity),
            lambda: copy(source, descriptor, size_bytes // 2, copied, identity=identity),
        )

    def clone(self, source: int, target: int) -> None:
        """Count a reflink."""
        self.countdown.around(lambda: super(KillingFiles, self).clone(source, target))

    def sync(self, descriptor: int) -> None:
        """Count a sync."""
        self.countdown.around(lambda: super(KillingFiles, self).sync(descriptor))

    def close(self, descriptor: int) -> None:
        """Count a closing."""
        self.countdown.around(lambda: super(KillingFiles, self).close(descriptor))

    def replace(self, source: Path, target: Path) -> None:
        """Count a rename."""
        self.countdown.around(lambda: super(KillingFiles, self).replace(source, target))

    def unlink(self, path: Path) -> None:
        """Count a removal."""
        self.countdown.around(lambda: super(KillingFiles, self).unlink(path))

    def sync_folder(self, folder: Path) -> None:
        """Count a folder's sync."""
        self.countdown.around(lambda: super(KillingFiles, self).sync_folder(folder))


class KillingVFS(apsw.VFS):
    """SQLite's own operations that change the disk, and its openings, until the countdown ends.

    Locks and reads are not counted: a process killed there leaves the disk, and with it the next
    process, in the very state of the operation before. apsw passes the shared memory through.
    """

    def __init__(self, countdown: Countdown) -> None:
        self.countdown = countdown
        super().__init__("killing", "", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802 - SQLite's own name
        """Count an opening, of a main file, a -wal or a journal."""
        return self.countdown.around(lambda: KillingFile(self.countdown, name, flags))

    def xDelete(self, name: str, sync_dir: bool) -> None:  # noqa: N802 - SQLite's own name
        """Count a removal."""
        self.countdown.around(lambda: super(KillingVFS, self).xDelete(name, sync_dir))


class KillingFile(apsw.VFSFile):
    """One open file of SQLite's."""

    def __init__(self, countdown: Countdown, name: Any, flags: list[int]) -> None:
        self.countdown = countdown
        super().__init__("unix", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's own name
        """Count a write, which may arrive by half."""
        write = super().xWrite
        whole = bytes(data)
        self.countdown.around(
            lambda: write(whole, offset), lambda: write(whole[: len(whole) // 2], offset)
        )

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's own name
        """Count a sync."""
        self.countdown.around(lambda: super(KillingFile, self).xSync(flags))

    def xTruncate(self, size_bytes: int) -> None:  # noqa: N802 - SQLite's own name
        """Count a cut."""
        self.countdown.around(lambda: super(KillingFile, self).xTruncate(size_bytes))


def forked(action: Callable[[], object]) -> int:
    """Run ``action`` in a process of its own; its exit status, -9 when it was killed.

    Errors are told on its standard error, status 1.
    """
    pid = os.fork()
    if pid == 0:
        status = 1
        gc.disable()  # it would write to, and so copy, most of the memory that is shared
        try:
            action()
            status = 0
        except BaseException:  # noqa: BLE001 - nothing may escape into the copied test run
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@dataclass(slots=True)
class Case:
    """One setting: what is guarded, how, and what the tests do to it."""

    folder: Path
    recoveries: Sequence[str]
    journal_mode: str
    tests: str
    truth: SqliteTruth = field(init=False)
    database: Path = field(init=False)

    def __post_init__(self) -> None:
        """Make the baseline once."""
        registry.find("recovery", "file_copy")  # looked up once, not in every forked process
        engine_of(self.folder)
        mode = "delete" if self.journal_mode == "delete" else "wal"
        made = make(self.folder, mode, rows=20)
        self.database = self.folder / "work" / made.name
        if self.journal_mode == UNFOLDED:
            execute(made, "INSERT INTO users VALUES ('in@the.wal')", fold=False)
        (start := self.folder / "start").mkdir()
        for suffix in ("", "-wal") if self.journal_mode == UNFOLDED else ("",):
            shutil.copyfile(f"{made}{suffix}", start / f"{made.name}{suffix}")
        execute(made, "PRAGMA wal_checkpoint(TRUNCATE)")
        self.truth = SqliteTruth(made)

    def renew(self) -> None:
        """Put the baseline, alone, where the next run finds it."""
        self.truth.release()
        shutil.rmtree(self.database.parent, ignore_errors=True)
        shutil.copytree(self.folder / "start", self.database.parent)

    def test(self) -> None:
        """Do what the tests do."""
        for sql in TESTS[self.tests]:
            execute(self.database, sql)

    def guarded(self, countdown: Countdown, *, killed_after_tests: bool = False) -> int:
        """Run guard and tests in a process that the countdown may kill; if it lives, at the end."""

        def run() -> None:
            vfs = KillingVFS(countdown)
            guard = Guard(self.database, recoveries=self.recoveries, files=KillingFiles(countdown))
            guard.begin()
            self.test()
            if killed_after_tests:
                die()
            assert guard.finish().says_clean, guard.result
            del vfs

        return forked(run)

    def recovered(self, countdown: Countdown) -> int:
        """Run ``recover`` in a process that the countdown may kill."""

        def run() -> None:
            vfs = KillingVFS(countdown)
            recover(self.database, files=KillingFiles(countdown))
            del vfs

        return forked(run)

    def next_guard(self) -> int:
        """Let the next guard begin and end, with no tests between."""

        def run() -> None:
            guard = Guard(self.database, recoveries=["file_copy"])
            guard.begin()
            assert guard.finish().says_clean, guard.result

        return forked(run)

    def wrong(self) -> str:
        """Say what is not as it must be after recovery; "" when all is well."""
        waiting = [
            path.name
            for path in self.database.parent.iterdir()
            if path.name.endswith(("-wal", "-journal")) and path.stat().st_size
        ]
        judgement = self.truth.judge(self.database)
        left = {name.removeprefix(self.database.name) for name in judgement.left_behind}
        wrong = [] if judgement.exact else list(judgement.differences)
        wrong += [f"left behind: {name}" for name in sorted(left - {"-wal", "-shm"})]
        if self.journal_mode != UNFOLDED:  # there it may be the live state, as it was
            wrong += [f"holds something: {name}" for name in waiting]
        return "; ".join(wrong)
