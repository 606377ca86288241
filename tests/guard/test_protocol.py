from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness import registry
from harness.cleanup import Cleanup, CleanupReport
from harness.cleanup.sql import SqlCleanup
from harness.databases import Grade
from harness.databases.sqlite.session import connect
from harness.errors import BackupError, RestoreError
from harness.guard import Guard, recover
from harness.retry import Retry
from harness.steps import Entity
from harness.system.files import Files
from harness.truth.sqlite import SqliteTruth
from harness.workloads import JournalMode
from tests.databases.virtual_tables import BASELINE, build, write

RECOVERIES = ["file_copy", "online_backup", "wal_pin"]


def baseline(folder: Path, journal_mode: JournalMode = "wal") -> tuple[Path, SqliteTruth]:
    """Build a small platform database and the truth about it."""
    platform = registry.find("workloads", "platform")
    pristine, database = folder / "pristine", folder / "work" / "api_db_dev.sqlite3"
    platform.build_baseline(pristine, size_bytes=80 * 4096, seed=1, journal_mode=journal_mode)
    database.parent.mkdir()
    database.write_bytes(pristine.read_bytes())
    return database, SqliteTruth(pristine)


def make_rows(database: Path) -> Sequence[Entity]:
    """Create the simple test data as tests would."""
    workload = registry.find("workloads", "platform")("simple", 1)
    connection = connect(database)
    try:
        entities: Sequence[Entity] = workload.create(connection, 5).entities
    finally:
        connection.close()
    return entities


class Forgetful(Cleanup):
    """Deletes nothing and says that all is well: the cleanup that a trusting policy believes."""

    name = "forgetful"
    contract = "planted"

    def clean(self, *args: Any, **kwargs: Any) -> CleanupReport:
        """Do nothing."""
        return CleanupReport()


class Raising(Cleanup):
    """Falls over."""

    name = "raising"
    contract = "planted"

    def clean(self, *args: Any, **kwargs: Any) -> CleanupReport:
        """Raise as a script with a typing error does."""
        raise KeyError("no such bot")


@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize("cleanup", [SqlCleanup(), Forgetful(), Raising(), None])
def test_verified_comes_back_exact(folder: Path, recovery: str, cleanup: Cleanup | None) -> None:
    """Whatever the cleanup does, hybrid_verified at grade exact ends at the baseline."""
    database, truth = baseline(folder)
    with Guard(database, recoveries=[recovery], cleanup=cleanup, grade="exact") as guard:
        guard.track(make_rows(database))
    judgement = truth.judge(database)
    assert judgement.exact, judgement.differences
    assert judgement.left_behind == ()
    assert guard.result.ended == "restored"  # DELETE never puts sqlite_sequence back
    assert guard.result.restored_by == recovery
    assert not list(database.parent.glob("*e2e*"))


def test_a_good_cleanup_needs_no_restore_at_grade_rows(folder: Path) -> None:
    """At grade rows a cleanup that removed everything is enough."""
    database, truth = baseline(folder)
    with Guard(database, cleanup=SqlCleanup(), grade="rows") as guard:
        guard.track(make_rows(database))
    assert guard.result.ended == "cleaned"
    judgement = truth.judge(database)
    assert (judgement.rows, judgement.exact) == (True, False)


@pytest.mark.parametrize(("grade", "ended"), [("rows", "cleaned"), ("exact", "restored")])
def test_a_cleaned_search_index_needs_a_restore_for_exact_alone(
    folder: Path, grade: Grade, ended: str
) -> None:
    """A DELETE puts the rows of a full-text table back, not how its index stores them."""
    database = folder / "app.sqlite3"
    build(database, "fts5")
    with Guard(database, grade=grade) as guard, closing(connect(database)) as connection:
        write(connection, "fts5", BASELINE, BASELINE | {40: "of the test"})
        write(connection, "fts5", BASELINE | {40: "of the test"}, BASELINE)
    assert guard.result.ended == ended
    assert guard.result.found is not None
    assert guard.result.found.sentences() == ["v: the same rows, stored otherwise"]


def test_trusting_believes_a_liar(folder: Path) -> None:
    """hybrid_trusting says clean when the cleanup says so, and the truth says otherwise."""
    database, truth = baseline(folder)
    with Guard(database, policy="hybrid_trusting", cleanup=Forgetful()) as guard:
        guard.track(make_rows(database))
    assert guard.result.says_clean
    assert not truth.judge(database).rows


def test_the_tests_own_error_passes_and_the_database_is_back(folder: Path) -> None:
    """A failing test is not hidden by the guard, and its rows are gone all the same."""
    database, truth = baseline(folder)

    def failing_tests() -> None:
        with Guard(database, cleanup=SqlCleanup()):
            make_rows(database)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing_tests()
    assert truth.judge(database).exact


def test_no_backup_no_tests(folder: Path) -> None:
    """When no recovery can back up, the tests never start and nothing is left behind."""
    database, truth = baseline(folder, journal_mode="delete")
    ran = False
    with pytest.raises(BackupError, match="wal_pin"), Guard(database, recoveries=["wal_pin"]):
        ran = True
    assert not ran
    assert truth.judge(database).exact
    assert not list(database.parent.glob("*e2e*"))


def test_the_chain_goes_on_to_its_next_recovery(folder: Path) -> None:
    """A recovery that cannot back up here is passed over for the next one."""
    database, truth = baseline(folder, journal_mode="delete")
    with Guard(database, recoveries=["wal_pin", "file_copy"]) as guard:
        make_rows(database)
    assert guard.result.restored_by == "file_copy"
    assert truth.judge(database).exact


def test_a_damaged_backup_goes_on_to_the_next(folder: Path) -> None:
    """A backup cut short is noticed before it is put back, and the chain's next is used."""
    database, truth = baseline(folder)
    with Guard(database, recoveries=["file_copy", "online_backup"]) as guard:
        make_rows(database)
        os.truncate(f"{database}.e2e-backup", 5000)
    assert guard.result.restored_by == "online_backup"
    assert truth.judge(database).exact


def test_a_pin_restores_beside_an_open_application(folder: Path) -> None:
    """With the application connected the -wal must not go; the pages go back through it."""
    database, truth = baseline(folder)
    application = connect(database)
    application.execute("SELECT count(*) FROM users").fetchall()
    with Guard(
        database, recoveries=["wal_pin", "online_backup"], busy_timeout_ms=5, cleanup=None
    ) as guard:
        application.execute("UPDATE users SET name = 'gone wild'")
    assert (guard.result.restored_by, guard.result.failures) == ("wal_pin", [])
    wild = application.execute("SELECT count(*) FROM users WHERE name = 'gone wild'").fetchone()
    assert wild == (0,)
    application.close()
    assert truth.judge(database).exact


def test_dirty_is_said_and_the_backup_kept(folder: Path) -> None:
    """When nothing can restore, the guard says so, keeps its journal and the next one mends it."""
    database, truth = baseline(folder)
    blocker = connect(database)

    def tests_that_block() -> None:
        with Guard(database, recoveries=["online_backup"], busy_timeout_ms=1):
            make_rows(database)
            blocker.execute("BEGIN IMMEDIATE")

    with pytest.raises(RestoreError, match="harness recover"):
        tests_that_block()
    assert Path(f"{database}.e2e-backup").exists()
    blocker.close()
    assert recover(database) == "online_backup"
    judgement = truth.judge(database)
    assert judgement.exact
    assert judgement.left_behind == ()


SLOW_MS = 300.0


class Slow(SqlCleanup):
    """Cleans up as any other, takes its time, and knows how much."""

    took_ms = 0.0

    def clean(self, *args: Any, **kwargs: Any) -> CleanupReport:
        """Wait, then delete."""
        started = time.perf_counter()
        time.sleep(SLOW_MS / 1000)
        report = super().clean(*args, **kwargs)
        self.took_ms = (time.perf_counter() - started) * 1000
        return report


def test_a_slow_step_took_as_long_as_it_did(folder: Path) -> None:
    """In milliseconds: no less than the step itself saw, and hardly more: not a part in a thousand.

    What a busy machine adds in between it does not add each time, so the least of a few counts.
    """
    excess_ms = []
    for number in range(4):
        (folder / str(number)).mkdir()
        database, _ = baseline(folder / str(number))
        cleanup = Slow()
        started = time.perf_counter()
        guard = Guard(database, recoveries=["file_copy"], cleanup=cleanup, grade="rows")
        guard.begin()
        guard.track(make_rows(database))
        timings_ms = guard.finish().timings_ms
        whole_ms = (time.perf_counter() - started) * 1000
        assert sum(timings_ms.values()) <= whole_ms
        assert SLOW_MS <= cleanup.took_ms <= timings_ms["cleanup"]
        excess_ms.append(timings_ms["cleanup"] - cleanup.took_ms)
    assert min(excess_ms) < 0.8 * SLOW_MS / 1000


class FullAt(Files):
    """The real file operations, until the disk is full at one write: the kernel says ENOSPC."""

    def __init__(self, number: int) -> None:
        self.left = number

    def write(self, descriptor: int, data: bytes) -> None:
        """Write, or find that the descriptor has come to stand for /dev/full."""
        self.left -= 1
        if self.left == 0:
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, descriptor)
            os.close(full)
        super().write(descriptor, data)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("recovery", RECOVERIES)
def test_a_full_disk_at_any_write_is_refused_or_survived(folder: Path, recovery: str) -> None:
    """Each write of a run, the journal's too, meets a full disk once: never a dirty database."""
    number, refused, ended = 0, 0, False
    while not ended:
        number += 1
        shutil.rmtree(folder)
        folder.mkdir()
        database, truth = baseline(folder)
        files = FullAt(number)
        try:
            with Guard(database, recoveries=[recovery], files=files, retry=Retry(1)):
                make_rows(database)
        except BackupError:
            refused += 1
        except RestoreError:
            recover(database)  # it has said so, and somebody has made room
        judgement = truth.judge(database)
        assert judgement.exact, (number, judgement.differences)
        assert judgement.left_behind == (), number
        ended = files.left > 0
    assert refused >= 2  # at least at both entries the journal makes before the tests
    assert number > 3
