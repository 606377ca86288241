"""A small real database with a scene around it, on which single faults strike a real cleanup."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw
import pytest

from harness.cleanup import CleanupReport
from harness.cleanup.sql import SqlCleanup
from harness.databases.sqlite.session import connect
from harness.faults import Planned, Shape, Slot
from harness.faults.reach.scene import Scene, restricted_tables
from harness.faults.reach.sqlite.reach import SqliteReach
from harness.faults.schedule.injector import Injector
from harness.retry import Retry
from harness.steps import Entity
from tests.faults.served import Served, make_baseline, serving

BUSY_TIMEOUT_MS = 20
SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE logins (
  id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE);
CREATE TABLE bots (
  id INTEGER PRIMARY KEY, name TEXT, user_id INTEGER NOT NULL REFERENCES users ON DELETE RESTRICT);
CREATE TABLE notes (
  id INTEGER PRIMARY KEY, body TEXT NOT NULL, bot_id INTEGER NOT NULL REFERENCES bots (id));
INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO logins VALUES (1, 1), (2, 2);
INSERT INTO bots VALUES (1, 'Marvin', 1), (2, 'Bender', 2);
INSERT INTO notes VALUES (1, 'hello', 1), (2, 'world', 2);
"""
TEST_DATA = """
INSERT INTO users VALUES (7, 'Test');
INSERT INTO bots VALUES (8, 'Test bot', 7), (9, 'Other test bot', 7);
"""
ENTITIES = (
    Entity("users", (("id", 7),)),
    Entity("bots", (("id", 8),)),
    Entity("bots", (("id", 9),)),
)


class Stage:
    """A database with test data in it, and everything a fault can reach."""

    def __init__(self, folder: Path, journal_mode: str = "wal") -> None:
        self.folder = folder
        self.journal_mode = journal_mode
        self.database = folder / "stage.sqlite3"
        connection = apsw.Connection(str(self.database))
        connection.pragma("journal_mode", journal_mode)
        connection.pragma("foreign_keys", True)
        connection.execute(SCHEMA)
        connection.execute(TEST_DATA)
        self.restricted = restricted_tables(connection)
        connection.close()
        self.scene = Scene(
            self.database,
            busy_timeout_ms=BUSY_TIMEOUT_MS,
            size_bytes=self.database.stat().st_size,
            backups={
                name: folder / f"{name}.backup"
                for name in ("file_copy", "online_backup", "naive_copy")
            },
        )

    @property
    def reach(self) -> SqliteReach:
        """How faults reach the file."""
        assert isinstance(self.scene.reach, SqliteReach)
        return self.scene.reach

    def shape(
        self, *, cleans: bool = True, backs_up: bool = True, recoveries: Sequence[str] = ()
    ) -> Shape:
        """Say what a cycle on this database may do."""
        return Shape(ENTITIES, cleans, backs_up, tuple(recoveries), 3, self.restricted)

    def injector(self, *planned: Planned) -> Injector:
        """Make the injector of one cycle."""
        self.scene.start()
        return Injector(self.scene, planned)

    def clean(
        self, injector: Injector, entities: Sequence[Entity] = ENTITIES, *, attempts: int = 3
    ) -> CleanupReport:
        """Run the real cleanup, with the injector listening as the guard's does."""
        return SqlCleanup().clean(
            self.database,
            entities,
            connect=self.scene.connect,
            retry=Retry(attempts, 0.1),
            listener=injector.listener,
        )

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Read, as somebody who has nothing to do with any fault."""
        connection = connect(self.database)
        try:
            return list(connection.execute(sql))
        finally:
            connection.close()

    def is_locked(self) -> bool:
        """Whether somebody keeps this newcomer from having the database alone."""
        connection = connect(self.database, busy_timeout_ms=0)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except apsw.BusyError:
            return True
        finally:
            connection.close()
        return False

    def open_files(self) -> list[str]:
        """Every file of the database's folder, and every device, that this process has open."""
        found = []
        for name in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{name}")
            except FileNotFoundError:
                continue  # the one listdir itself had open
            if target.startswith((str(self.folder), "/dev/full", "/proc/self/mem")):
                found.append(target)
        return found

    def nothing_survives(self) -> bool:
        """Whether no lock, no open connection, no denial and no armed strike is left."""
        armed = self.reach.files.armed.strikes + self.reach.vfs.armed.strikes
        left = [*self.open_files(), *armed, *self.reach.denials.held]
        return not self.is_locked() and left == []


def plan(
    kind: str,
    operation: str,
    lasting: str = "attempt",
    *,
    phase: str = "cleanup",
    attempt: int = 1,
    where: float = 0.5,
) -> Planned:
    """Plan one fault."""
    return Planned(kind, Slot(phase, operation, attempt), lasting, where)


@pytest.fixture(params=["wal", "delete"])
def stage(folder: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Give a stage in each journal mode; at its end nothing of any fault may be left."""
    stage = Stage(folder, request.param)
    yield stage
    assert stage.nothing_survives(), "a fault outlived its cycle"


@pytest.fixture(scope="session")
def platform_baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one small platform database for all tests."""
    return make_baseline(tmp_path_factory.mktemp("platform") / "baseline.sqlite3")


@pytest.fixture
def served(folder: Path, platform_baseline: Path) -> Iterator[Served]:
    """Give a database behind a running backend and proxy."""
    with serving(folder, platform_baseline) as served:
        yield served


@pytest.fixture
def served_file(folder: Path, platform_baseline: Path) -> Iterator[Served]:
    """Give the same database with nobody serving it."""
    with serving(folder, platform_baseline, started=False) as served:
        yield served
