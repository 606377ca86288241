"""A backup that is a database beside the one that is guarded, however it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from harness.databases.postgresql.names import MOST_BYTES, beside
from harness.databases.postgresql.sealed import sealed
from harness.errors import RecoveryRefused, RestoreError
from harness.recovery.dump import Dump
from harness.recovery.postgresql.database_backup import DatabaseBackup
from harness.recovery.template import Template
from tests.postgres import Databases
from tests.recovery.postgresql.given import made

_NAMES = "SELECT name FROM team ORDER BY id"


@pytest.fixture(params=[Template, Dump], ids=lambda kind: str(kind.name))
def kind(request: pytest.FixtureRequest) -> type[DatabaseBackup]:
    """Each way to make one."""
    chosen: type[DatabaseBackup] = request.param
    return chosen


@pytest.fixture
def backup(databases: Databases, kind: type[DatabaseBackup]) -> Iterator[DatabaseBackup]:
    """One of a database of two tables, that has been captured."""
    recovery = made(kind, databases.make())
    recovery.capture()
    yield recovery
    recovery.dispose()
    recovery.seat.close()


def test_there_and_back(backup: DatabaseBackup, databases: Databases) -> None:
    """Rows, tables and counters that tests have changed are the baseline's; more than once."""
    for _ in range(2):
        databases.run("app_dev", "DELETE FROM team; INSERT INTO person (name) VALUES ('new')")
        databases.run("app_dev", "CREATE TABLE more (x int)")
        assert not backup.differences().clean("exact")
        backup.restore()
        assert backup.differences().clean("exact")
        assert databases.run("app_dev", _NAMES) == [("red",), ("blue",)]
    backup.dispose()
    assert databases.left("app_dev") == set()


def test_a_database_that_is_gone_comes_back(backup: DatabaseBackup, databases: Databases) -> None:
    """Dropped, or renamed by the tests, which then is theirs to keep."""
    databases.admin("DROP DATABASE app_dev")
    backup.restore()
    assert databases.run("app_dev", _NAMES) == [("red",), ("blue",)]
    databases.admin("ALTER DATABASE app_dev RENAME TO elsewhere")
    backup.restore()
    assert databases.run("app_dev", _NAMES) == [("red",), ("blue",)]
    assert databases.run("elsewhere", _NAMES) == [("red",), ("blue",)]


def test_whoever_is_connected_is_ended_at_a_restore(
    backup: DatabaseBackup, databases: Databases
) -> None:
    """Also one in a transaction; how long the server took for it is known."""
    with closing(databases.connect("app_dev")) as other:
        other.execute("BEGIN; DELETE FROM person")
        backup.restore()
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")
    assert backup.ended_ms > 0
    assert backup.differences().clean("exact")


def test_what_is_thrown_away_can_be_kept(backup: DatabaseBackup, databases: Databases) -> None:
    """Under the name that is asked for."""
    databases.run("app_dev", "UPDATE team SET name = 'mine' WHERE id = 1")
    backup.keep_as = lambda: "kept"
    backup.restore()
    assert databases.run("kept", _NAMES) == [("mine",), ("blue",)]
    assert databases.run("app_dev", _NAMES) == [("red",), ("blue",)]


def test_nobody_drops_it_by_mistake(backup: DatabaseBackup, databases: Databases) -> None:
    """The server refuses to drop a template."""
    with pytest.raises(psycopg.errors.WrongObjectType, match="template"):
        databases.admin("DROP DATABASE app_dev_backup")
    assert backup.stands_apart
    assert backup.size_bytes > 1_000_000


def test_another_s_database_is_not_touched(
    databases: Databases, kind: type[DatabaseBackup]
) -> None:
    """One that has the backup's name and is none of ours: refused, and left as it is."""
    recovery = made(kind, databases.make())
    databases.make("app_dev_backup", "CREATE TABLE precious (x int)")
    with pytest.raises(RecoveryRefused, match="a guard's own has, and it is none"):
        recovery.capture()
    assert databases.run("app_dev_backup", "SELECT count(*) FROM precious") == [(0,)]


def test_a_backup_that_is_another_s_is_not_restored(
    backup: DatabaseBackup, databases: Databases, kind: type[DatabaseBackup]
) -> None:
    """Taken anew by another capture, robbed of its note, or gone: each is said."""
    other = made(kind, databases.address("app_dev"))
    databases.admin(
        "ALTER DATABASE app_dev_backup IS_TEMPLATE false", "DROP DATABASE app_dev_backup"
    )
    other.capture()
    with pytest.raises(RestoreError, match="is another's"):
        backup.restore()
    databases.admin("COMMENT ON DATABASE app_dev_backup IS 'mine'")
    with pytest.raises(RestoreError, match="is no backup any more"):
        backup.restore()
    other.dispose()
    with pytest.raises(RestoreError, match="is gone"):
        backup.restore()
    assert databases.run("app_dev", _NAMES) == [("red",), ("blue",)]
    other.seat.close()


def test_it_is_known_again_after_a_kill(
    backup: DatabaseBackup, databases: Databases, kind: type[DatabaseBackup]
) -> None:
    """By what the journal has of it, and by nothing else."""
    databases.run("app_dev", "DELETE FROM person")
    again = made(kind, databases.address("app_dev"))
    with pytest.raises(RestoreError, match="is another's"):
        again.resume({"recovery": kind.name, "token": "0"})
    again.resume(backup.describe())
    again.restore()
    assert again.differences().clean("exact")
    again.seat.close()


@pytest.mark.parametrize("name", ["we\"ird %s 'x' äö", "n" * MOST_BYTES, "ä" * 31])
def test_hard_names(databases: Databases, kind: type[DatabaseBackup], name: str) -> None:
    """Quotes, percent signs and all the bytes that a name may have."""
    recovery = made(kind, databases.make(name))
    recovery.backup = recovery.database.named(beside(name, "_backup"))
    recovery.capture()
    databases.run(name, "DELETE FROM person")
    recovery.restore()
    assert recovery.differences().clean("exact")
    recovery.dispose()
    assert databases.left(name) == set()
    recovery.seat.close()


def test_it_says_of_what_it_is(backup: DatabaseBackup, databases: Databases) -> None:
    """In its comment, which a clone or a dump of it does not take along."""
    with closing(databases.connect()) as admin:
        note = sealed(admin, "app_dev_backup")
    assert note is not None
    assert note.of == "app_dev"
    assert note.token == backup.describe()["token"]


def test_what_failed_leaves_nothing(databases: Databases, kind: type[DatabaseBackup]) -> None:
    """There is no database to back up: no other is made."""
    recovery = made(kind, databases.address("nowhere"))
    with pytest.raises(RecoveryRefused, match="there is no database"):
        recovery.capture()
    assert databases.left() == set()


def test_nobody_who_could_not_read_the_database_can_clone_its_backup(
    databases: Databases, kind: type[DatabaseBackup]
) -> None:
    """A template may be cloned by every role that may create databases: then it is none."""
    backup = made(kind, databases.make())
    backup.capture()
    is_template = "SELECT datistemplate FROM pg_database WHERE datname = 'app_dev_backup'"
    assert databases.admin(is_template) == [(True,)]
    backup.dispose()
    databases.admin("CREATE ROLE curious LOGIN CREATEDB")
    backup.capture()
    assert databases.admin(is_template) == [(False,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        databases.run("postgres", "CREATE DATABASE mine TEMPLATE app_dev_backup", user="curious")
    backup.dispose()


def test_who_has_written_and_not_committed_is_a_difference(
    backup: DatabaseBackup, databases: Databases
) -> None:
    """Committed a moment later it would change what was proven."""
    with databases.connect("app_dev") as other, other.transaction(force_rollback=True):
        other.execute("DELETE FROM person")
        pid = other.info.backend_pid
        assert f"open transaction of session {pid} added" in backup.differences().sentences()
    assert backup.differences().clean("exact")
