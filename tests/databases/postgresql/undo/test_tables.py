"""Which tables are recorded, and what is known of each."""

from __future__ import annotations

from harness.databases.postgresql.undo.tables import Recorded, tables
from tests.databases.postgresql.undo.given import TABLES, install, opened
from tests.postgres import Databases


def read(databases: Databases, script: str) -> dict[str, Recorded]:
    """Make a database and read its tables, by name."""
    databases.make(script=script)
    with opened(databases) as session:
        return {one.name: one for one in tables(session).values()}


def test_a_partition_is_kept_under_its_root(databases: Databases) -> None:
    """Of every level; a table that inherits is its own, and is in such a tree."""
    found = read(databases, TABLES)
    root = found["part"]
    assert root.is_partitioned
    assert root.alone == '"app"."part"'
    assert {found[name].root for name in ("part", "part_1", "part_x", "part_x_0")} == {root.oid}
    assert found["child"].root == found["child"].oid
    assert [name for name, one in found.items() if one.inherits] == ["base", "child", "grandchild"]
    assert found["child"].alone == 'ONLY "app"."child"'


def test_what_is_computed_is_not_written(databases: Databases) -> None:
    """A column that is dropped is none."""
    script = "CREATE TABLE t (a int, gone int, b int GENERATED ALWAYS AS (a) STORED, c text);"
    found = read(databases, script + "ALTER TABLE t DROP COLUMN gone")["t"]
    assert found.columns == ("a", "b", "c")
    assert found.written == ("a", "c")
    assert found.whole_numbers == {"a", "b"}


def test_the_key_tells_rows_apart(databases: Databases) -> None:
    """The primary key, else an index without nulls, conditions, expressions; and what is equal."""
    found = read(
        databases,
        """
        CREATE TABLE two (a int NOT NULL UNIQUE, b text, c int, PRIMARY KEY (c, b));
        CREATE TABLE unique_one (a int, b varchar NOT NULL, UNIQUE (a), UNIQUE (b) INCLUDE (a));
        CREATE TABLE nulls (a int UNIQUE);
        CREATE TABLE part (a int NOT NULL); CREATE UNIQUE INDEX ON part (a) WHERE a > 1;
        CREATE TABLE made (a int NOT NULL); CREATE UNIQUE INDEX ON made ((a + 1));
        CREATE TABLE deferred (a int NOT NULL UNIQUE DEFERRABLE)""",
    )
    assert found["two"].key == ("c", "b")
    assert found["two"].operators == ("pg_catalog.=", "pg_catalog.=")
    assert found["unique_one"].key == ("b",)
    assert found["deferred"].key == ("a",)
    assert found["nulls"].key == found["part"].key == found["made"].key == ()


def test_its_own_and_temporary_ones_are_left_out(databases: Databases) -> None:
    """So is what belongs to the server."""
    databases.make()
    with opened(databases) as session:
        session.execute("CREATE TEMP TABLE passing (a int)")
        install(session)
        assert {one.name for one in tables(session).values()} == {"team", "person"}
