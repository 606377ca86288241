"""A backup by pg_dump and pg_restore."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from harness.errors import BackupError, RecoveryRefused
from harness.guard.protocol import Guard
from harness.recovery.dump import Dump
from tests.postgres import Databases
from tests.real_databases import needed
from tests.recovery.postgresql.given import EVERYTHING, load, made, until, version_of, written


def test_it_holds_all_that_the_database_holds(databases: Databases) -> None:
    """What pg_dump writes of both is one text; what it does not write is looked at beside."""
    dump = made(Dump, databases.make(script=EVERYTHING))
    dump.capture()
    version = version_of(databases)
    assert written(dump.database, version) == written(dump.backup, version)
    with (
        closing(databases.connect("app_dev")) as live,
        closing(databases.connect("app_dev_backup")) as backup,
    ):
        for query in (
            "SELECT * FROM app.full_one ORDER BY 1",
            "SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1",
            "SELECT evtname, evtenabled FROM pg_event_trigger",
            "SELECT count(*), tgenabled FROM pg_trigger GROUP BY 2 ORDER BY 2",
        ):
            assert live.execute(query).fetchall() == backup.execute(query).fetchall(), query
    assert dump.differences().clean("exact")
    dump.dispose()
    assert databases.left("app_dev", "reader") == set()


@pytest.mark.parametrize("name", ["pagila", "northwind", "chinook_serial"])
def test_real_databases_come_back(databases: Databases, name: str) -> None:
    """Nothing differs after the capture; after tests and a restore pg_dump writes the same text."""
    script = needed(f"{name}.sql")
    dump = made(Dump, databases.make(script=""))
    load(databases.server.bin, databases.address("app_dev"), script)
    before = written(dump.database, version_of(databases))
    dump.capture()
    assert dump.differences().clean("exact")
    ((table,),) = databases.run(
        "app_dev",
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace ="
        " 'public'::regnamespace ORDER BY reltuples DESC, relname LIMIT 1",
    )
    databases.run("app_dev", f"TRUNCATE {table} CASCADE", "CREATE TABLE more (x int)")
    assert not dump.differences().clean("rows")
    dump.restore()
    assert dump.differences().clean("exact")
    assert written(dump.database, version_of(databases)) == before
    dump.dispose()


def test_others_stay_connected(databases: Databases) -> None:
    """Also one that is in a transaction and has written; what it has not committed is not there."""
    dump = made(Dump, databases.make())
    with closing(databases.connect("app_dev")) as other:
        other.execute("BEGIN; INSERT INTO team VALUES (3, 'green')")
        dump.capture()
        other.execute("COMMIT")
        assert other.execute("SELECT count(*) FROM team").fetchall() == [(3,)]
    assert databases.run("app_dev_backup", "SELECT count(*) FROM team") == [(2,)]
    assert not dump.untouched()
    assert not dump.differences().clean("rows")
    dump.dispose()


def test_it_is_one_moment_while_others_write(databases: Databases) -> None:
    """What a transaction has written to two tables is in the backup whole or not at all."""
    dump = made(Dump, databases.make(script="CREATE TABLE a (n int); CREATE TABLE b (n int)"))
    stop = threading.Event()

    def write() -> None:
        with closing(databases.connect("app_dev")) as other:
            while not stop.is_set():
                other.execute("BEGIN; INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: databases.run("app_dev", "SELECT 1 FROM a LIMIT 1"), "the first row")
        dump.capture()
    finally:
        stop.set()
        writer.join()
    ((rows_a, rows_b),) = databases.run(
        "app_dev_backup", "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)"
    )
    assert rows_a == rows_b > 0
    dump.dispose()


def test_nothing_is_untouched_before_it_is_proven(databases: Databases) -> None:
    """The reload itself is compared first, whole; from then on that nobody wrote is enough."""
    dump = made(Dump, databases.make())
    dump.capture()
    assert not dump.untouched()
    assert dump.differences().clean("exact")
    assert dump.untouched()
    databases.run("app_dev", "INSERT INTO team VALUES (3, 'green')")
    assert not dump.untouched()
    dump.dispose()


def test_what_a_reload_made_otherwise_is_seen(databases: Databases) -> None:
    """Although nobody has written since: a backup that is not the same is not believed."""
    dump = made(Dump, databases.make())
    dump.capture()
    databases.admin("ALTER DATABASE app_dev_backup ALLOW_CONNECTIONS true")
    databases.run("app_dev_backup", "UPDATE person SET name = 'another' WHERE id = 7")
    assert not dump.differences().clean("rows")
    assert not dump.untouched()
    dump.dispose()


def test_a_role_without_superuser(databases: Databases) -> None:
    """It backs up its own; what it may not make another's is refused, as the server says."""
    databases.admin("CREATE ROLE owner LOGIN CREATEDB", "CREATE DATABASE own_dev OWNER owner")
    databases.run("own_dev", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)", user="owner")
    dump = made(Dump, databases.address("own_dev", "owner"))
    dump.capture()
    assert dump.differences().clean("exact")
    dump.dispose()
    databases.run("own_dev", "CREATE TABLE other (n int); GRANT SELECT ON other TO owner")
    with pytest.raises(RecoveryRefused, match=r"must be (able to SET ROLE|member of role)"):
        dump.capture()


def test_who_writes_all_the_time_is_asked_to_stop(databases: Databases) -> None:
    """A guard does it again a few times, and says what was not the same; nothing is left."""
    databases.make(script="CREATE TABLE a (n int); INSERT INTO a VALUES (0)")
    stop = threading.Event()

    def write() -> None:
        with closing(databases.connect("app_dev")) as other:
            while not stop.is_set():
                other.execute("UPDATE a SET n = n + 1")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        guard = Guard(databases.address("app_dev"), recoveries=("dump",))
        with pytest.raises(BackupError, match=r"a: 1 added, 1 missing.*stop what writes to it"):
            guard.begin()
    finally:
        stop.set()
        writer.join()
    assert databases.left("app_dev") == set()


def test_a_trip_beside_others(databases: Databases) -> None:
    """Nobody is disconnected before the tests, and the baseline comes back after them."""
    databases.make()
    with closing(databases.connect("app_dev")) as other:
        with Guard(databases.address("app_dev"), recoveries=("dump",), archives=False) as guard:
            other.execute("DELETE FROM person; CREATE TABLE more (x int)")
        assert guard.result.restored_by == "dump"
    assert databases.run("app_dev", "SELECT count(*) FROM person") == [(20,)]
    assert databases.left("app_dev") == set()
