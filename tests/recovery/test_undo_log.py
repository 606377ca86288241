"""What the tests write is undone while everybody stays connected."""

from __future__ import annotations

from typing import cast

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import RecoveryRefused, RestoreError
from harness.recovery.undo_log import UndoLog
from harness.system.files import Files
from tests.databases.postgresql.undo.given import TABLES, address, held
from tests.postgres import Databases

# What an application may do; each is one statement, of which several make one transaction.
DONE = (
    "DELETE FROM app.team WHERE id = {n}",
    "UPDATE app.team SET id = id + 100 WHERE id = {n}",
    "INSERT INTO app.team VALUES ({n} + 200, 'new')",
    "INSERT INTO app.team VALUES ({n}, 'again') ON CONFLICT (id) DO UPDATE SET name = 'upsert'",
    "INSERT INTO app.person (team) SELECT id FROM app.team LIMIT {n}",
    "UPDATE app.person SET p = ROW({n}, timestamptz 'epoch')::app.pair, m = 'glad' WHERE id % {n} = 0",
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


def made(databases: Databases, *, busy_timeout_ms: int = 1000) -> UndoLog:
    """Make the recovery of the database that is there."""
    place = address(databases)
    return UndoLog(place, place, files=Files(), busy_timeout_ms=busy_timeout_ms)


def do(databases: Databases, *done: list[str]) -> None:
    """Do what the application does; a transaction that fails is its own affair."""
    with databases.connect("app_dev") as application:
        for transaction in done:
            try:
                with application.transaction():
                    for statement in transaction:
                        application.execute(statement)
            except psycopg.Error as error:
                assert error.sqlstate is not None
                assert error.sqlstate[:2] in {"23", "21", "22"}, error  # constraints alone


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
    property_of_undo(databases, 25)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_whatever_an_application_does_is_undone_often(databases: Databases) -> None:
    """The same on many more examples."""
    property_of_undo(databases, 300)
