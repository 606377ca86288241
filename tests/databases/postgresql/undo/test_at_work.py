"""Who is at work where rows are recorded."""

from __future__ import annotations

from harness.databases.postgresql.undo import at_work, installing
from tests.databases.postgresql.undo.given import opened
from tests.postgres import Databases


def test_who_is_in_a_transaction_is_named(databases: Databases) -> None:
    """Whoever only is connected, and sessions of our own, are in nobody's way."""
    databases.make()
    with (
        opened(databases) as ours,
        databases.connect("app_dev") as idle,
        databases.connect("app_dev") as writer,
        databases.connect() as door,
    ):
        ours.execute("BEGIN; SELECT 1")
        idle.execute("SELECT 1")
        writer.execute("BEGIN; SELECT 1")
        there = at_work.in_the_way(door, "app_dev")
        assert [one.pid for one in there] == [writer.info.backend_pid]
        ours.execute("ROLLBACK")


def test_who_may_still_bring_rows_is_told_by_locks(databases: Databases) -> None:
    """Whoever has written to what is recorded, until its end; not who writes elsewhere or reads."""
    databases.make(script="CREATE TABLE t (a int)")
    with opened(databases) as session:
        with session.transaction():
            installing.alone(session)
            installing.install(session)
        databases.run("app_dev", "CREATE TABLE unrecorded (a int)")
        with (
            databases.connect("app_dev") as reader,
            databases.connect("app_dev") as elsewhere,
            databases.connect("app_dev") as writer,
        ):
            reader.execute("BEGIN; SELECT * FROM t")
            elsewhere.execute("BEGIN; INSERT INTO unrecorded VALUES (1)")
            assert at_work.writing(session) == set()
            writer.execute("BEGIN; INSERT INTO t VALUES (1)")
            assert at_work.writing(session) == {writer.info.backend_pid}
            writer.execute("COMMIT")
            assert at_work.writing(session) == set()
