"""The control that empties all tables and fills them again."""

from __future__ import annotations

import psycopg
import pytest

from harness.errors import RestoreError
from harness.recovery.delete import Delete
from harness.recovery.truncate import Truncate
from tests.postgres import Databases
from tests.real_databases import needed
from tests.recovery.postgresql.given import load, made

BOTH = pytest.mark.parametrize("kind", [Truncate, Delete])
_TREE = (
    "CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree, twice int GENERATED ALWAYS AS"
    " (id * 2) STORED); INSERT INTO tree VALUES (1, 2), (2, NULL); CREATE TABLE nothing ()"
)


@BOTH
def test_rows_come_back(databases: Databases, kind: type[Truncate]) -> None:
    """Of tables that point to each other and to themselves, with computed columns or with none."""
    recovery = made(kind, databases.make())
    databases.run("app_dev", _TREE)
    recovery.capture()
    databases.run("app_dev", "DELETE FROM team WHERE id = 1; UPDATE tree SET up = 1 WHERE id = 2")
    databases.run("app_dev", "UPDATE person SET name = 'changed'")
    recovery.restore()
    assert recovery.differences(grade="rows").tables == {}
    recovery.dispose()
    assert databases.left("app_dev") == set()


@pytest.mark.parametrize("name", ["northwind", "chinook_serial"])
@BOTH
def test_rows_of_real_databases_come_back(
    databases: Databases, kind: type[Truncate], name: str
) -> None:
    """All of them, in an order that their foreign keys allow."""
    script = needed(f"{name}.sql")
    recovery = made(kind, databases.make(script=""))
    load(databases.server.bin, databases.address("app_dev"), script)
    recovery.capture()
    recovery.restore()
    assert recovery.differences(grade="rows").tables == {}
    recovery.dispose()


@BOTH
def test_what_is_no_row_does_not_come_back(databases: Databases, kind: type[Truncate]) -> None:
    """As the contract says: definitions, counters, what tests have made."""
    recovery = made(kind, databases.make())
    databases.run("app_dev", "CREATE SEQUENCE free")
    recovery.capture()
    databases.run("app_dev", "SELECT nextval('free'); SELECT nextval('person_id_seq')")
    databases.run("app_dev", "CREATE TABLE more (x int); DROP INDEX person_team_idx")
    recovery.restore()
    found = recovery.differences()
    assert {thing.name for thing in found.schema} >= {"more"}
    assert any("free" in name for name in found.sequences)
    assert any("person_id_seq" in name for name in found.sequences)
    recovery.dispose()


def test_truncate_sets_counters_of_columns_too_low(databases: Databases) -> None:
    """They begin at their start, below the rows: the next insert meets one. A known trap."""
    recovery = made(Truncate, databases.make())
    recovery.capture()
    recovery.restore()
    with pytest.raises(psycopg.errors.UniqueViolation):
        databases.run("app_dev", "INSERT INTO person (team, name) VALUES (1, 'next')")
    recovery.dispose()


@BOTH
def test_what_fails_changes_nothing(databases: Databases, kind: type[Truncate]) -> None:
    """A table that is gone, or keys in a circle: said, and the rows are as they were."""
    recovery = made(kind, databases.make())
    recovery.capture()
    databases.run("app_dev", "DROP TABLE person; DELETE FROM team WHERE id = 1")
    with pytest.raises(psycopg.errors.UndefinedTable):
        recovery.restore()
    assert databases.run("app_dev", "SELECT name FROM team") == [("blue",)]
    recovery.dispose()
    databases.run(
        "app_dev",
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a);"
        " ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES b",
    )
    recovery.capture()
    with pytest.raises(RestoreError, match="go round in a circle"):
        recovery.restore()
    recovery.dispose()
