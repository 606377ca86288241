from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

import psycopg

from harness.databases import TableDifferences
from harness.databases.postgresql.rows import differences
from tests.databases.postgresql.pairs import BASELINE, Pair, opened
from tests.postgres import TWO_TABLES, Databases

MANY = "CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item SELECT n, 'i' || n FROM"
MANY += " generate_series(1, 20000) n"


def test_nothing_differs_from_a_clone(databases: Databases) -> None:
    """A clone that nobody wrote to is equal, by the mark and by content."""
    assert Pair(databases, TWO_TABLES).same_both_ways() == {}


def test_rows_are_found_one_by_one(databases: Databases) -> None:
    """Added, missing and changed rows are told with all their columns, integers as numbers."""
    pair = Pair(databases, TWO_TABLES)
    pair.run(
        "INSERT INTO team VALUES (3, 'green')",
        "DELETE FROM person WHERE id = 20",
        "UPDATE team SET name = 'blau' WHERE id = 2",
    )
    assert pair.same_both_ways() == {
        "team": TableDifferences(((3, "green"),), (), (((2, "blue"), (2, "blau")),)),
        "person": TableDifferences((), ((20, 1, "p20", "2024-01-01 00:00:00+00"),)),
    }


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE team SET name = name"],
        ["VACUUM FREEZE"],
        ["VACUUM FULL"],
        ["CLUSTER team USING team_pkey"],
        ["BEGIN", "DELETE FROM person", "ROLLBACK"],
        ["ALTER TABLE person ALTER at TYPE timestamptz USING at + '0 s'"],
        ["BEGIN", "TRUNCATE person", "ROLLBACK"],
        ["DELETE FROM team WHERE id = 9", "ANALYZE", "REINDEX TABLE team"],
        ["BEGIN", "SAVEPOINT a", "DELETE FROM person", "ROLLBACK TO a", "COMMIT"],
    ],
)
def test_what_leaves_rows_as_they_were_is_no_difference(
    databases: Databases, statements: list[str]
) -> None:
    """Whatever was done, equal rows are equal: by the mark as well as by content."""
    pair = Pair(databases, TWO_TABLES)
    pair.run(*statements)
    assert pair.same_both_ways() == {}


@pytest.mark.parametrize(
    ("statements", "counts"),
    [
        (["VACUUM FREEZE"], (1, 1, 1)),
        (["VACUUM FULL"], (1, 1, 1)),
        (["CLUSTER item USING item_pkey"], (1, 1, 1)),
        (["TRUNCATE item"], (0, 20000, 0)),
        (["UPDATE item SET name = name || '!'"], (1, 1, 19999)),
        (["ALTER TABLE item RENAME TO other", "CREATE TABLE item (LIKE other INCLUDING ALL)",
          "INSERT INTO item TABLE other", "DROP TABLE other"], (1, 1, 1)),
        (["BEGIN", "SAVEPOINT a", "DELETE FROM item WHERE id < 3", "RELEASE a", "COMMIT"],
         (0, 3, 0)),
    ],
)  # fmt: skip
def test_rows_are_found_whatever_else_was_done(
    databases: Databases, statements: list[str], counts: tuple[int, int, int]
) -> None:
    """Of a table of several stretches too, after all that rewrites or freezes it."""
    pair = Pair(databases, MANY)
    pair.run(
        "INSERT INTO item VALUES (-1, 'new')",
        "DELETE FROM item WHERE id = 15000",
        "UPDATE item SET name = 'x' WHERE id = 2",
        *statements,
    )
    assert pair.same_both_ways()["item"].counts == counts


def test_many_rows_are_counted_and_some_given(databases: Databases) -> None:
    """More rows than anybody reads are counted exactly, and not all held in memory."""
    pair = Pair(databases, MANY)
    pair.run("UPDATE item SET name = name || '!' WHERE id > 5000", "DELETE FROM item WHERE id < 11")
    rows = pair.same_both_ways()["item"]
    assert rows.counts == (0, 10, 15000)
    assert len(rows.changed) <= 5000


def test_a_lock_of_others_is_raised(databases: Databases) -> None:
    """What is locked against reading is no table that cannot be read: the error says timeout."""
    pair = Pair(databases, TWO_TABLES)
    with opened(pair.address()) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE public.team")
        with (
            opened(pair.address(), busy_timeout_ms=1) as live,
            opened(pair.address(BASELINE)) as baseline,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            differences(live, baseline, pair.mark)
