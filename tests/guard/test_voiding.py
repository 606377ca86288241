"""What people put back by hand stays, whatever a killed guard had meant to bring back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.databases.sqlite.session import connect
from harness.errors import UsageError
from harness.guard import Guard, by_hand, recover, survivors
from harness.guard.journal import CAPTURING, PROVEN
from harness.guard.sqlite.archive import list_archives
from harness.guard.sqlite.backups import backup_path
from harness.guard.sqlite.journal import SUFFIX, FileJournal
from harness.system.files import Files
from tests.guard.killing import Countdown, KillingFiles, KillingVFS, Moment, die, forked
from tests.recovery.helpers import content, execute, make
from tests.small_process import SmallProcess

KILLED = -9
CHOSEN, TESTS = "INSERT INTO users VALUES ('chosen')", "INSERT INTO users VALUES ('of a test')"
RECOVERIES = [("online_backup",), ("file_copy",), ("wal_pin", "online_backup")]


class Scene:
    """A database with test data, a killed guard's journal, and a backup that people chose."""

    def __init__(self, folder: Path, recoveries: Sequence[str] = ("online_backup",)) -> None:
        self.start = make(folder, "wal", rows=20)
        self.baseline = content(self.start)
        other = folder / "other.sqlite3"
        shutil.copyfile(self.start, other)
        execute(other, CHOSEN)
        self.chosen = content(other)
        self.copy = by_hand.backup(other, folder / "chosen").backup
        self.database = folder / "work" / self.start.name
        self.recoveries = recoveries

    def renew(self) -> None:
        """Leave what a guard leaves that is killed when its tests have run."""
        shutil.rmtree(self.database.parent, ignore_errors=True)
        self.database.parent.mkdir()
        shutil.copyfile(self.start, self.database)

        def run() -> None:
            Guard(self.database, recoveries=self.recoveries).begin()
            execute(self.database, TESTS)
            die()

        assert forked(run) == KILLED

    def restore(self, countdown: Countdown) -> int:
        """Put the chosen backup back in a process that the countdown may kill."""

        def run() -> None:
            vfs = KillingVFS(countdown)
            by_hand.restore(self.database, self.copy, files=KillingFiles(countdown))
            del vfs

        return forked(run)

    def beside(self) -> list[str]:
        """Name what stands beside the database, but for archives and what SQLite keeps."""
        return sorted(
            path.name
            for path in self.database.parent.iterdir()
            if "e2e-" in path.name and ".e2e-archive-" not in path.name
        )

    def archived(self) -> list[Any]:
        """Give the content of every archive."""
        return [content(one.path) for one in list_archives(self.database)]


def killed_all_along(folder: Path, recoveries: Sequence[str], moment: Moment, step: int) -> int:
    """Kill a restore at every ``step``-th operation, and restore again; how often it was killed."""
    scene = Scene(folder, recoveries)
    nth, killed = step, 0
    while True:
        scene.renew()
        status = scene.restore(Countdown(nth, moment))
        assert status in (0, KILLED)
        if status == KILLED:
            killed += 1
            if nth % 2:  # a guard comes first: one state or the other, and none of a test
                recover(scene.database)
                assert content(scene.database) in (scene.baseline, scene.chosen)
            assert scene.restore(Countdown(0)) == 0
        assert content(scene.database) == scene.chosen, nth
        assert scene.beside() == [], nth
        if status == 0:
            assert scene.baseline in scene.archived()
        if status == 0:
            return killed
        nth += step


@pytest.mark.parametrize("recoveries", RECOVERIES, ids=str)
def test_killed_here_and_there(
    folder: Path, recoveries: tuple[str, ...], small_process: SmallProcess
) -> None:
    """A restore by hand over a killed guard's journal, killed at a sample of its operations."""
    assert small_process.run(killed_all_along, folder, recoveries, "before", 9) > 3


@pytest.mark.long
@pytest.mark.parametrize(
    ("recoveries", "moment"),
    [
        *((recoveries, "before") for recoveries in RECOVERIES),
        *((recoveries, "half") for recoveries in RECOVERIES[1:]),
        (RECOVERIES[0], "after"),
    ],
    ids=str,
)
def test_killed_anywhere(
    folder: Path, recoveries: tuple[str, ...], moment: Moment, small_process: SmallProcess
) -> None:
    """The same at every operation of the chain, its own and SQLite's, and at every third."""
    step = 1 if (recoveries, moment) == (RECOVERIES[-1], "before") else 3
    assert small_process.run(killed_all_along, folder, recoveries, moment, step) > 3


@pytest.mark.parametrize("recoveries", RECOVERIES, ids=str)
def test_the_next_guard_leaves_what_was_chosen(folder: Path, recoveries: tuple[str, ...]) -> None:
    """It takes that for its baseline; what the killed one knew is an archive, and said."""
    scene = Scene(folder, recoveries)
    scene.renew()
    done = by_hand.restore(scene.database, scene.copy)
    assert done.put_away is not None
    assert [content(path) for path in done.put_away] == [scene.baseline]
    assert all(str(p) in done.sentence(scene.database, scene.copy) for p in done.put_away)
    with Guard(scene.database, recoveries=recoveries):
        execute(scene.database, TESTS)
    assert content(scene.database) == scene.chosen


def test_the_guards_own_backup_put_back_by_hand(folder: Path) -> None:
    """It is in the database then, so it needs no archive, and nothing is left beside."""
    scene = Scene(folder)
    scene.renew()
    done = by_hand.restore(scene.database, backup_path(scene.database, 0))
    assert done.put_away == ()
    assert content(scene.database) == scene.baseline
    assert scene.beside() == []


@pytest.mark.parametrize("state", [CAPTURING, PROVEN])
def test_a_guard_killed_with_the_baseline_in_place_is_only_tidied(folder: Path, state: str) -> None:
    """Its backup was half made or not needed any more: no archive of it."""
    scene = Scene(folder)
    scene.renew()
    journal = FileJournal(scene.database, Files())
    entries = journal.adopt()
    journal.write(entries[-1] | {"state": state})
    journal.release()
    assert by_hand.restore(scene.database, scene.copy).put_away == ()
    assert scene.beside() == []


def test_a_command_that_still_runs_keeps_people_from_restoring_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would write into what they chose; nothing is touched, and the guard's intent stays."""
    monkeypatch.setattr(survivors, "KILLED_WAIT_S", 0.0)
    scene = Scene(folder)
    scene.renew()
    with subprocess.Popen(["sleep", "60"]) as command:
        journal = FileJournal(scene.database, Files())
        journal.adopt()
        journal.running(command.pid)
        journal.release()
        before = content(scene.database)
        with pytest.raises(UsageError, match=f"kill {command.pid}"):
            by_hand.restore(scene.database, scene.copy)
        assert content(scene.database) == before
        os.kill(command.pid, signal.SIGKILL)
    assert by_hand.restore(scene.database, scene.copy).put_away is not None


def test_a_restore_that_fails_leaves_the_guards_intent(folder: Path) -> None:
    """Only what people have is theirs: until it is in place the journal stays as it was."""
    scene = Scene(folder)
    scene.renew()
    journal = scene.database.with_name(scene.database.name + SUFFIX)
    before = journal.read_bytes()
    other = connect(scene.database)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Exception, match="another connection is at work"):
        by_hand.restore(scene.database, scene.copy, busy_timeout_ms=1)
    other.close()
    assert journal.read_bytes() == before
    assert recover(scene.database) == "online_backup"
    assert content(scene.database) == scene.baseline


def test_a_baseline_that_is_in_the_file_alone_is_not_thrown_away(folder: Path) -> None:
    """Pinned without any other backup: brought back first, unless it is lost already."""
    scene = Scene(folder, ("wal_pin",))
    scene.renew()
    with pytest.raises(UsageError, match="harness recover"):
        by_hand.restore(scene.database, scene.copy)
    assert recover(scene.database) == "wal_pin"
    assert content(scene.database) == scene.baseline
    scene.renew()
    execute(scene.database, "PRAGMA wal_checkpoint(TRUNCATE)")  # now the pin holds it no more
    assert by_hand.restore(scene.database, scene.copy).put_away == ()
    assert content(scene.database) == scene.chosen
    assert scene.beside() == []
