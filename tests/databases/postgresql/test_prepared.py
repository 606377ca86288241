"""Transactions that were prepared and left."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from harness.databases.postgresql.prepared import (
    differences,
    named,
    prepared,
    roll_back,
    under_way,
)
from harness.databases.postgresql.session import connect
from tests.databases.postgresql.addresses import of
from tests.postgres import Databases

PREPARE = "BEGIN; INSERT INTO team VALUES (5, 'two'); PREPARE TRANSACTION '{}'"


def test_they_are_seen_and_rolled_back(databases: Databases) -> None:
    """From anywhere on the server they are seen, whatever they are called; the others' stay."""
    databases.make()
    databases.make("other")
    databases.run("app_dev", PREPARE.format("it''s 100% \\ \"left\""))
    databases.run("other", PREPARE.format("other"))
    with closing(connect(of(databases, "postgres"))) as our:
        (left,) = prepared(our, "app_dev")
        assert left.name == 'it\'s 100% \\ "left"'
        assert (left.owner, left.database) == ("postgres", "app_dev")
        assert roll_back(of(databases), [left]) == []
        assert prepared(our, "app_dev") == []
        assert len(prepared(our, "other")) == 1
    assert databases.run("app_dev", "SELECT id FROM team WHERE id = 5") == []


def test_what_is_named_can_be_typed(databases: Databases) -> None:
    """The statement in the message does it."""
    databases.make()
    databases.run("app_dev", PREPARE.format("it''s \\ left"))
    with closing(connect(of(databases, "postgres"))) as our:
        said = named(prepared(our, "app_dev"))
        assert 'of postgres is prepared in database "app_dev" since 20' in said
        databases.run("app_dev", said[said.index("ROLLBACK PREPARED") :])
        assert prepared(our, "app_dev") == []


def test_another_roles_stays_and_is_given_back(databases: Databases) -> None:
    """Only its owner and a superuser may roll it back; one that is gone meanwhile is no error."""
    databases.make()
    databases.admin("CREATE ROLE web LOGIN")
    databases.run("app_dev", PREPARE.format("left"))
    with closing(connect(of(databases, "postgres"))) as our:
        left = prepared(our, "app_dev")
    assert roll_back(of(databases, "app_dev", "web"), left) == left
    assert roll_back(of(databases), left) == []
    assert roll_back(of(databases), left) == []


def test_no_baseline_has_one(databases: Databases) -> None:
    """So it is a difference, of that database alone."""
    databases.make()
    databases.make("other")
    databases.run("app_dev", PREPARE.format("left"))
    with closing(connect(of(databases, "postgres"))) as our:
        assert [*map(str, differences(our, "app_dev"))] == ["prepared transaction left added"]
        assert differences(our, "other") == ()


def test_a_transaction_that_has_written_and_goes_on_is_told(databases: Databases) -> None:
    """Committed later it would change what was proven; one that only reads is nobody's concern."""
    databases.make()
    with closing(databases.connect("app_dev")) as one, closing(databases.connect()) as door:
        with one.transaction():
            one.execute("SELECT * FROM team")
            assert under_way(door, "app_dev") == ()
            one.execute("DELETE FROM person")
            (told,) = under_way(door, "app_dev")
            assert str(told) == f"open transaction of session {one.info.backend_pid} added"
            assert under_way(door, "postgres") == ()
        assert under_way(door, "app_dev") == ()


@pytest.mark.long
def test_the_servers_own_vacuum_is_no_writer(databases: Databases) -> None:
    """It has a transaction of its own while it notes what a table holds, and that changes no row.

    A statistic that somebody has locked keeps it in the middle of that.
    """
    databases.make(
        script="CREATE TABLE t (a int) WITH (autovacuum_analyze_threshold = 1,"
        " autovacuum_analyze_scale_factor = 0); INSERT INTO t VALUES (1); ANALYZE t"
    )
    own = "datname = 'app_dev' AND backend_type = 'autovacuum worker'"
    waits = f"SELECT 1 FROM pg_stat_activity WHERE {own} AND backend_xid IS NOT NULL"
    try:
        databases.admin("ALTER SYSTEM SET autovacuum_naptime = 1", "SELECT pg_reload_conf()")
        with (
            closing(databases.connect("app_dev")) as one,
            closing(databases.connect()) as door,
            one.transaction(),
        ):
            one.execute("SELECT 1 FROM pg_statistic FOR UPDATE")
            databases.run("app_dev", "INSERT INTO t SELECT generate_series(1, 100)")
            deadline = time.monotonic() + 30
            while not door.execute(waits).fetchall():
                assert time.monotonic() < deadline, "no vacuum came"
                time.sleep(0.05)
            told = [str(writer) for writer in under_way(door, "app_dev")]
            assert told == [f"open transaction of session {one.info.backend_pid} added"]
    finally:
        databases.admin("ALTER SYSTEM RESET autovacuum_naptime", "SELECT pg_reload_conf()")
