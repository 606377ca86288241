"""The statements that undo what was recorded of one table."""

from __future__ import annotations

import pytest

from harness.databases.postgresql.undo import statements
from harness.databases.postgresql.undo.tables import tables
from tests.databases.postgresql.undo.given import held, install, opened, undo
from tests.postgres import Databases


@pytest.mark.parametrize(
    ("script", "change"),
    [
        (
            "CREATE TABLE t (n numeric); INSERT INTO t VALUES (1.0), (1.00)",
            "DELETE FROM t WHERE n = 1.0",
        ),
        (
            "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1), (1)",
            "DELETE FROM t WHERE ctid = '(0,2)'",
        ),
        (
            "CREATE TABLE t (a int); INSERT INTO t VALUES (NULL)",
            "INSERT INTO t VALUES (NULL), (NULL)",
        ),
        (
            "CREATE TABLE t (f float8); INSERT INTO t VALUES ('-0')",
            "UPDATE t SET f = -f",
        ),
        (
            "CREATE TABLE t (a int, j json); INSERT INTO t VALUES (1, '{ }'), (1, '{}')",
            "DELETE FROM t",
        ),
        (
            "CREATE TABLE t (a text COLLATE \"C\" PRIMARY KEY); INSERT INTO t VALUES ('a')",
            "UPDATE t SET a = 'b'",
        ),
        (
            "CREATE TABLE t (a text[], b int4range);"
            " INSERT INTO t VALUES ('{\"x,\\\"y\",NULL}', '[1,4)')",
            "UPDATE t SET a = '{}'",
        ),
        (
            "CREATE TABLE t (a text); INSERT INTO t VALUES ('(\\,\")'), (''), (E'\\n'), (NULL)",
            "TRUNCATE t",
        ),
        (
            "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, b text);"
            " INSERT INTO t (b) VALUES ('x')",
            "TRUNCATE t RESTART IDENTITY",
        ),
        (
            "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 9)",
            "UPDATE t SET a = 10 - a + 100",
        ),
        (
            "CREATE TABLE t (a int NOT NULL UNIQUE DEFERRABLE); INSERT INTO t VALUES (1), (2)",
            "UPDATE t SET a = a + 1",
        ),
        (
            "CREATE TABLE t (a int4range, EXCLUDE USING gist (a WITH &&));"
            " INSERT INTO t VALUES ('[1,3)')",
            "UPDATE t SET a = '[2,4)'",
        ),
    ],
)
def test_values_come_back_as_they_were(databases: Databases, script: str, change: str) -> None:
    """Not as what their type calls equal; as often as they were there."""
    databases.make(script=script)
    before = held(databases)
    with opened(databases) as session:
        install(session)
        databases.run("app_dev", change)
        assert held(databases) != before
        undo(session)
    assert held(databases) == before


def test_rows_are_found_by_their_key(databases: Databases) -> None:
    """In a large table the index is used, however few rows the planner thinks that it has."""
    script = "CREATE TABLE t (a int PRIMARY KEY, b text);"
    databases.make(script=script + "INSERT INTO t SELECT n, 'b' FROM generate_series(1, 5000) n")
    with opened(databases) as session:
        install(session)
        # the planner believes that the table is empty
        databases.run("app_dev", "TRUNCATE t", "ANALYZE t")
        undo(session)
        databases.run("app_dev", "UPDATE t SET b = 'c' WHERE a < 40")
        ((table,),) = [[one] for one in tables(session).values()]
        for way in ("hashjoin", "mergejoin", "seqscan"):
            session.execute(f"SET enable_{way} = off")
        deletion = statements.deletion(table).replace("$1", "0")
        plan = "\n".join(str(row[0]) for row in session.execute(f"EXPLAIN {deletion}"))
        assert "Index Scan using t_pkey" in plan
        assert "Seq Scan on t " not in plan
        assert "Tid Scan on t " in plan
