from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from harness.cleanup.sql import SqlCleanup
from harness.databases.postgresql.dialect import DIALECT
from harness.retry import Retry
from harness.steps import Entity, Step, nobody
from tests.databases.postgresql.pairs import LIVE, Pair, opened
from tests.postgres import TWO_TABLES, Databases

SCRIPT = (
    TWO_TABLES
    + """;
CREATE SCHEMA s; CREATE TABLE s."log%s" (id int PRIMARY KEY, person bigint REFERENCES person);
INSERT INTO s."log%s" VALUES (1, 1)
"""
)


def entity(table: str, key: int) -> Entity:
    """Name a row to delete."""
    return Entity(table, (("id", key),))


def test_a_cleanup_by_sql_goes_in_the_order_of_foreign_keys(databases: Databases) -> None:
    """Reverts, children before parents in any schema, purges; what is held is said."""
    pair = Pair(databases, SCRIPT)
    pair.run(
        "INSERT INTO team VALUES (3, 'new')",
        "INSERT INTO person VALUES (30, 3, 'p'), (31, 3, 'q')",
        'INSERT INTO s."log%s" VALUES (2, 30), (3, 31), (4, 1)',
        "UPDATE team SET name = 'x' WHERE id = 1",
    )
    heard: list[Step] = []
    cleanup = SqlCleanup()
    entities = [
        entity("team", 3), entity("person", 30), entity("s.log%s", 2),
        Entity("team", (("id", 1),), before=(("name", "red"),)), entity("person", 31),
        Entity("s.log%s", (("id", 3),), after=True),
    ]  # fmt: skip
    database = pair.address()
    report = cleanup.clean(
        database,  # type: ignore[arg-type]
        entities,
        connect=database.engine.connect,
        retry=Retry(1, 0.1),
        listener=heard.append,
    )
    assert [step.operation for step in heard] == [
        "revert team 1", "delete s.log%s 2", "delete person 31", "delete person 30",
        "delete team 3", "purge s.log%s 3",
    ]  # fmt: skip
    assert [(one.label, failure.reason) for one, failure in report.failed] == [
        ("delete person 31", "foreign-key violation"),
        ("delete team 3", "foreign-key violation"),
    ]
    assert report.removed == {"team": 1, "s.log%s": 2, "person": 1}
    pair.run('DELETE FROM s."log%s" WHERE id = 3')
    again = cleanup.clean(
        database,  # type: ignore[arg-type]
        [entity("person", 31), entity("team", 3)],
        connect=database.engine.connect,
        retry=Retry(1, 0.1),
        listener=nobody,
    )
    assert again.ok
    assert pair.same_both_ways() == {}
    assert databases.run(LIVE, "SELECT count(*) FROM team") == [(2,)]


def test_names_are_read_as_they_are_told(databases: Databases) -> None:
    """In the schema public without saying so; quoted where a dot would confuse."""
    assert DIALECT.table("item") == '"public"."item"'
    assert DIALECT.table("s.item") == '"s"."item"'
    assert DIALECT.table('"s.t"."i%"') == '"s.t"."i%%"'
    pair = Pair(databases, SCRIPT)
    with opened(pair.address()) as one:
        before = DIALECT.schema_version(one)
        assert DIALECT.referred_tables(one) == {"person": {"team"}, "s.log%s": {"person"}}
        pair.run("ALTER TABLE team RENAME TO teams")
        assert DIALECT.schema_version(one) != before
