"""In which order tables are filled."""

from __future__ import annotations

from contextlib import closing

from harness.recovery.postgresql.refilling import fill, parents_first
from tests.postgres import Databases


def test_parents_come_first(databases: Databases) -> None:
    """Whatever the names say; a partitioned table stands for its partitions."""
    databases.make(
        script="CREATE TABLE z (id int PRIMARY KEY); CREATE TABLE m (id int REFERENCES z, k int"
        " PRIMARY KEY); CREATE TABLE a (k int REFERENCES m) PARTITION BY RANGE (k);"
        " CREATE TABLE a1 PARTITION OF a DEFAULT"
    )
    with closing(databases.connect("app_dev")) as connection:
        assert [table.name for table in parents_first(connection)] == [
            '"public"."z"',
            '"public"."m"',
            '"public"."a"',
        ]


def test_rows_are_filled_once(databases: Databases) -> None:
    """Those of partitions and of tables that inherit, and names that need quotes."""
    script = (
        'CREATE TABLE p (k int) PARTITION BY RANGE (k); CREATE TABLE "p 1" PARTITION OF p DEFAULT;'
        ' CREATE TABLE base ("a""b" int); CREATE TABLE child () INHERITS (base)'
    )
    databases.make("full", script)
    databases.make("empty", script)
    databases.run("full", "INSERT INTO p VALUES (1); INSERT INTO base VALUES (2)")
    databases.run("full", "INSERT INTO child VALUES (3)")
    with closing(databases.connect("full")) as full, closing(databases.connect("empty")) as empty:
        fill(empty, full, parents_first(full))
        for query in ("SELECT * FROM p", "SELECT * FROM ONLY base", "SELECT * FROM child"):
            assert empty.execute(query).fetchall() == full.execute(query).fetchall()
            assert len(empty.execute(query).fetchall()) == 1
