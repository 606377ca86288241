"""What the tests write is undone while everybody stays connected."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import cast

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.errors import RecoveryRefused, RestoreError
from harness.recovery.undo_log import UndoLog
from harness.system.files import Files
from tests.databases.postgresql.undo.given import TABLES, address, held
from tests.postgres import Databases
from tests.recovery.postgresql.given import until

# What an application may do; each is one statement, of which several make one transaction.
DONE = (
    "DELETE FROM app.team WHERE id = {n}",
    "UPDATE app.team SET id = id + 100 WHERE id = {n}",
    "INSERT INTO app.team VALUES ({n} + 200, 'new')",
    "INSERT INTO app.team VALUES ({n}, 'again') ON CONFLICT (id) DO UPDATE SET name = 'upsert'",
    "INSERT INTO app.person (team) SELECT id FROM app.team LIMIT {n}",
    "UPDATE app.person SET p = ROW({n}, timestamptz 'epoch')::app.pair, m = 'glad'"
    " WHERE id % {n} = 0",
    "DELETE FROM app.person WHERE id = {n} AND id NOT IN (SELECT boss FROM app.team)",
    "DELETE FROM app.node WHERE id = {n}",
    "UPDATE app.node SET parent = NULL WHERE id = {n}",
    "INSERT INTO app.bag SELECT * FROM app.bag LIMIT {n}",
    "INSERT INTO app.bag VALUES (1.{n}0, 0.{n}, now(), '{n} days 2 mons', 'x', '{n}')",
    "UPDATE app.bag SET n = n + 0.0, at = at + interval '1 h' WHERE n = 1",
    "DELETE FROM app.bag WHERE ctid IN (SELECT ctid FROM app.bag LIMIT {n})",
    "UPDATE app.part SET k = {n} WHERE id % {n} = 0",
    "UPDATE app.part SET id = id + 1000 WHERE k = {n}",
    "DELETE FROM app.part_1 WHERE id > {n}",
    "INSERT INTO app.part_x_0 VALUES (0, {n} + 5, 'direct')",
    "MERGE INTO app.part p USING (VALUES ({n}, 1), (999, 1)) s (i, j) ON p.id = i AND p.k = j"
    " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (i, j, 'merged')",
    "UPDATE app.base SET t = t || '{n}'",
    "DELETE FROM app.base WHERE id = {n}",
    "UPDATE app.child SET more = more || {n}",
    "INSERT INTO app.grandchild VALUES ({n}, 'n', '{{4}}', '{{}}')",
    'UPDATE "a ""Table"" %s" SET "o" = {n}, come = tg_op',
    'INSERT INTO "a ""Table"" %s" VALUES ({n}, NULL, \'t\', {n} + 7)',
    "INSERT INTO app.hasty SELECT generate_series(1, {n})",
    "DELETE FROM app.hasty",
    "SELECT nextval('app.free'), setval('app.person_id_seq', {n} + 500)",
    "TRUNCATE app.part_x, app.bag",
    "TRUNCATE app.team, app.person RESTART IDENTITY CASCADE",
    "TRUNCATE app.base",
    "WITH gone AS (DELETE FROM app.node WHERE id = {n} RETURNING *)"
    " INSERT INTO app.bag (t) SELECT id FROM gone",
    "SET LOCAL session_replication_role = replica",
    "SET LOCAL datestyle = 'German'; SET LOCAL intervalstyle = 'sql_standard';"
    " SET LOCAL timezone = 'Asia/Kathmandu'; SET LOCAL extra_float_digits = -5",
    "SAVEPOINT s; DELETE FROM app.bag; ROLLBACK TO s",
)
statements = st.tuples(st.sampled_from(DONE), st.integers(1, 5)).map(
    lambda one: one[0].replace("{n}", str(one[1])).replace("{{", "{").replace("}}", "}")
)
transactions = st.lists(st.lists(statements, min_size=1, max_size=4), max_size=6)


# a constraint, a row twice in one statement, a table with a deferred trigger that is truncated
_ITS_OWN_AFFAIR = (
    psycopg.errors.IntegrityError,
    psycopg.errors.CardinalityViolation,
    psycopg.errors.ObjectInUse,
)


def made(databases: Databases, *, busy_timeout_ms: int = 1000) -> UndoLog:
    """Make the recovery of the database that is there."""
    place = address(databases)
    return UndoLog(place, place, files=Files(), busy_timeout_ms=busy_timeout_ms)


def do(databases: Databases, *done: list[str]) -> None:
    """Do what the application does; a transaction that fails is its own affair."""
    with databases.connect("app_dev") as application:
        for transaction in done:
            with (
                suppress(*_ITS_OWN_AFFAIR),
                application.transaction(),
            ):
                for statement in transaction:
                    application.execute(statement)


def property_of_undo(databases: Databases, examples: int) -> None:
    """Check the law on as many examples."""
    databases.make(script=TABLES)
    recovery = made(databases)
    recovery.capture()
    baseline = held(databases)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(outer=transactions, inner=transactions)
    def law(outer: list[list[str]], inner: list[list[str]]) -> None:
        do(databases, *outer)
        between = held(databases)
        recovery.begin()
        do(databases, *inner)
        recovery.undo()
        assert held(databases) == between
        differs = between != baseline
        found = recovery.differences()
        assert found.clean("exact") is not differs, found
        recovery.restore()
        assert held(databases) == baseline
        assert recovery.differences().clean("exact")

    law()
    recovery.dispose()
    assert databases.left("app_dev") == set()


def test_whatever_an_application_does_is_undone(databases: Databases) -> None:
    """Within a level and on the whole the same rows and sequences are back, and it says so."""
    property_of_undo(databases, 4)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_whatever_an_application_does_is_undone_often(databases: Databases) -> None:
    """The same on many more examples."""
    property_of_undo(databases, 100)


def test_a_trigger_that_is_not_there_is_noticed(databases: Databases) -> None:
    """The law above is a check: past a trigger that was taken away, the rows are not back."""
    databases.make(script=TABLES)
    recovery = made(databases)
    recovery.capture()
    baseline = held(databases)
    do(databases, ["DROP TRIGGER reliability_harness_undo_deleted ON app.node"])
    do(databases, ["DELETE FROM app.node WHERE id = 15", "DELETE FROM app.bag"])
    with pytest.raises(RestoreError, match="DROP TRIGGER"):
        recovery.restore()
    found = recovery.differences()
    assert not found.clean("rows")
    assert held(databases) != baseline
    recovery.dispose()


def test_levels_stand_in_each_other(databases: Databases) -> None:
    """As a fixture for a module around one for each test; the outer has all."""
    databases.make()
    recovery = made(databases)
    recovery.stays_open = True
    recovery.capture()
    baseline = held(databases)
    recovery.begin()
    do(databases, ["INSERT INTO team VALUES (3, 'module')", "SELECT nextval('person_id_seq')"])
    module = held(databases)
    for number in (4, 5):
        recovery.begin()
        do(databases, [f"INSERT INTO team VALUES ({number}, 'test')", "DELETE FROM person"])
        recovery.undo()
        assert held(databases) == module
    recovery.undo()
    assert held(databases) == baseline
    recovery.dispose()


def test_nobody_is_disturbed(databases: Databases) -> None:
    """Sessions, prepared statements, temporary tables, advisory locks, a listener: all stay."""
    databases.make()
    recovery = made(databases)
    with databases.connect("app_dev") as application:
        application.execute("CREATE TEMP TABLE mine (a int)")
        application.execute("PREPARE p AS UPDATE team SET name = $1 WHERE id = 1")
        application.execute("SELECT pg_advisory_lock(7)")
        recovery.capture()
        application.execute("EXECUTE p('x')")
        recovery.restore()
        assert application.execute("SELECT name FROM team ORDER BY id").fetchall() == [
            ("red",),
            ("blue",),
        ]
        application.execute("EXECUTE p('y'); INSERT INTO mine VALUES (1)")
        recovery.restore()
        recovery.dispose()
        application.execute("EXECUTE p('z')")
        assert application.execute("SELECT pg_advisory_unlock(7)").fetchall() == [(True,)]


def test_who_writes_is_waited_for(databases: Databases) -> None:
    """A transaction that ends in time is undone with the rest."""
    databases.make()
    recovery = made(databases, busy_timeout_ms=20_000)
    recovery.capture()
    baseline = held(databases)
    writer = databases.connect("app_dev")
    writer.execute("BEGIN")
    writer.execute("UPDATE team SET name = 'late' WHERE id = 1")
    ends = threading.Timer(0.5, lambda: writer.execute("COMMIT"))
    ends.start()
    recovery.restore()
    ends.join()
    assert held(databases) == baseline
    recovery.dispose()
    writer.close()


def test_who_goes_on_writing_is_named(databases: Databases) -> None:
    """Nothing is undone then; the application is not the one that is refused."""
    databases.make()
    recovery = made(databases, busy_timeout_ms=300)
    recovery.capture()
    with databases.connect("app_dev") as writer, writer.transaction():
        writer.execute("UPDATE team SET name = 'late' WHERE id = 1")
        with pytest.raises(RestoreError, match=f"session {writer.info.backend_pid} .*in transact"):
            recovery.restore()
        assert not recovery.differences().clean("rows")
        writer.execute("UPDATE team SET name = 'later' WHERE id = 1")
    recovery.busy_timeout_ms = 5000
    recovery.restore()
    recovery.dispose()


def test_a_statement_under_way_is_waited_for(databases: Databases) -> None:
    """It has written nothing so far, and no row of its is in the log."""
    databases.make()
    recovery = made(databases, busy_timeout_ms=300)
    recovery.capture()
    baseline = held(databases)
    with databases.connect("app_dev") as slow:
        statement = "INSERT INTO team SELECT 9, 'slow' FROM pg_sleep(1.5)"
        runs = threading.Thread(target=lambda: slow.execute(statement))
        runs.start()
        until(lambda: databases.admin("SELECT 1 FROM pg_stat_activity WHERE query ~ '^INSERT INTO"
                                      " team SELECT'"), "it runs")  # fmt: skip
        with pytest.raises(RestoreError, match=f"session {slow.info.backend_pid} "):
            recovery.restore()
        with pytest.raises(RestoreError, match="while others are at work"):
            recovery.begin()
        assert not recovery.differences().clean("rows")
        recovery.busy_timeout_ms = 20_000
        recovery.restore()
        runs.join()
    assert held(databases) == baseline
    recovery.dispose()


def test_who_reads_one_table_keeps_no_other(databases: Databases) -> None:
    """All that is free is freed of its triggers; the rest when the reader has gone."""
    databases.make()
    recovery = made(databases, busy_timeout_ms=300)
    recovery.capture()
    triggers = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname ^@ 'reliab'"
    with databases.connect("app_dev") as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM team")
        with pytest.raises(RestoreError, match=f"session {reader.info.backend_pid} "):
            recovery.dispose()
        assert databases.run("app_dev", triggers) == [("team",)]
    recovery.dispose()
    assert databases.run("app_dev", triggers) == []


@pytest.mark.long
def test_an_application_that_never_stops_is_never_refused(databases: Databases) -> None:
    """No statement of its fails or waits for long, and each undo is of whole transactions."""
    databases.make(script="CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 0)")
    recovery = made(databases, busy_timeout_ms=20_000)
    recovery.stays_open = True
    recovery.capture()
    stop, errors = threading.Event(), []

    def write() -> None:
        with databases.connect("app_dev") as writer:
            n = 1
            while not stop.is_set():
                n += 1
                try:
                    with writer.transaction():
                        writer.execute("UPDATE t SET b = b + 1 WHERE a = 1")
                        writer.execute("INSERT INTO t VALUES (%s, 1)", [n])
                        writer.execute("INSERT INTO t VALUES (%s, 1)", [-n])
                except psycopg.Error as error:
                    errors.append(error)

    threads = [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(40):
            recovery.restore()
            with databases.connect("app_dev") as reader:
                rows = reader.execute("SELECT sum(a), count(*) FROM t").fetchall()
            assert rows[0][0] == 1, rows
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    recovery.restore()
    assert databases.run("app_dev", "TABLE t") == [(1, 0)]
    recovery.dispose()


@pytest.mark.long
def test_the_servers_own_vacuum_gives_way(databases: Databases) -> None:
    """At the begin, at an undo and at the end: it is no reason to fail, however long it takes."""
    databases.make(
        script="CREATE TABLE t (a int PRIMARY KEY, b text) WITH (autovacuum_vacuum_threshold = 0,"
        " autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100,"
        " autovacuum_vacuum_cost_limit = 1);"
        " INSERT INTO t SELECT n, repeat('x', 500) FROM generate_series(1, 20000) n"
    )
    databases.admin("ALTER SYSTEM SET autovacuum_naptime = 1", "SELECT pg_reload_conf()")
    cleaned = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"

    def soon() -> None:
        databases.run("app_dev", "UPDATE t SET b = repeat('y', 500)")
        until(lambda: databases.admin(f"{cleaned} AND datname = 'app_dev'"), "it is cleaned", 60)

    recovery = made(databases)
    try:
        soon()
        recovery.capture()
        baseline = databases.run("app_dev", "SELECT count(*), min(b) FROM t")
        soon()
        databases.run("app_dev", "DELETE FROM t WHERE a < 10")
        recovery.restore()
        assert recovery.differences().tables == {}
        assert databases.run("app_dev", "SELECT count(*), min(b) FROM t") == baseline
        soon()
        recovery.dispose()
    finally:
        databases.admin("ALTER SYSTEM RESET autovacuum_naptime", "SELECT pg_reload_conf()")


def test_what_it_cannot_undo_it_says(databases: Databases) -> None:
    """A definition: the rows stay as they are, for the next of the chain."""
    databases.make()
    recovery = made(databases)
    recovery.capture()
    do(databases, ["CREATE TABLE other (a int)"], ["DELETE FROM person"])
    with pytest.raises(RestoreError, match=r"not to be undone by the undo log: .*CREATE TABLE"):
        recovery.restore()
    with pytest.raises(RestoreError, match="CREATE TABLE"):
        recovery.begin()
    assert "table other added" in recovery.differences().sentences()
    recovery.dispose()
    assert databases.run("app_dev", "SELECT count(*) FROM person") == [(0,)]


def test_whoever_comes_after_a_kill_undoes_it(databases: Databases) -> None:
    """Another object, which has only what was described; a log that is gone is said."""
    databases.make()
    first = made(databases)
    described = first.describe()
    first.capture()
    baseline = held(databases)
    assert first.describe() == described
    do(databases, ["DELETE FROM team"])
    first.release()
    second = made(databases)
    second.resume(described)
    second.restore()
    assert held(databases) == baseline
    assert second.differences().clean("exact")
    second.dispose()
    assert databases.left("app_dev") == set()
    with pytest.raises(RestoreError, match="is gone"):
        made(databases).resume(described)
    other = made(databases)
    other.capture()
    with pytest.raises(RestoreError, match="another's"):
        made(databases).resume(described)
    other.dispose()


def test_one_that_no_journal_tells_of_is_refused(databases: Databases) -> None:
    """What it recorded may be somebody's; its own earlier try is not another's."""
    databases.make()
    first = made(databases)
    first.capture()
    first.capture()
    with pytest.raises(RecoveryRefused, match="of which no journal tells"):
        made(databases).capture()
    first.dispose()


def test_another_database_in_its_place_is_left_alone(databases: Databases) -> None:
    """A heavier recovery has brought it: there is nothing to remove."""
    databases.make()
    recovery = made(databases)
    recovery.capture()
    databases.admin("DROP DATABASE app_dev WITH (FORCE)")
    recovery.dispose()
    databases.make()
    recovery.dispose()
    assert databases.left("app_dev") == set()


def test_with_the_rights_that_are_named(databases: Databases) -> None:
    """No superuser: without event triggers a definition is seen by the catalogs."""
    databases.admin(
        "CREATE ROLE dev LOGIN CREATEDB", "GRANT SET ON PARAMETER session_replication_role TO dev"
    )
    databases.make()
    databases.admin("GRANT CREATE ON DATABASE app_dev TO dev")
    databases.run("app_dev", "ALTER TABLE team OWNER TO dev", "ALTER TABLE person OWNER TO dev")
    place = cast(PostgresDatabase, address_of(databases.address("app_dev", "dev")))
    recovery = UndoLog(place, place, files=Files(), busy_timeout_ms=1000)
    recovery.capture()
    baseline = held(databases)
    recovery.begin()
    do(databases, ["TRUNCATE team CASCADE", "INSERT INTO team VALUES (9, 'x')"])
    recovery.undo()
    assert held(databases) == baseline
    recovery.begin()
    do(databases, ["ALTER TABLE team ADD COLUMN more int"])
    with pytest.raises(RestoreError, match=r"column team\.more added"):
        recovery.undo()
    recovery.dispose()
