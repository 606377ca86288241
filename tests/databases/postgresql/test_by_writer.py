from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from dataclasses import replace

from harness.databases.postgresql.by_writer import Counts, fits, is_fit
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.tables import Stored, stored
from tests.databases.postgresql.pairs import BASELINE, LIVE, Pair, opened
from tests.postgres import Databases

KINDS = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN short AS text;
CREATE TYPE two AS (a int, b regclass);
CREATE TABLE plain (id int PRIMARY KEY, m mood, s short, l int[], j jsonb, r int4range);
CREATE TABLE pointing (id int, to_table regclass);
CREATE TABLE lists (id int, tables regclass[]);
CREATE TABLE composed (id int, t two);
INSERT INTO plain VALUES (1, 'good', 'a', '{1}', '{}', '[1,2)');
INSERT INTO pointing VALUES (1, 'plain')
"""


def both_stored(pair: Pair) -> tuple[Stored, Stored]:
    """Read which tables there are on both sides."""
    with opened(pair.address(BASELINE)) as was, opened(pair.address()) as now:
        return stored(was, pair.mark), stored(now, pair.mark)


def fitting(pair: Pair) -> set[str]:
    """Name the tables for which who wrote a row tells everything."""
    was, now = both_stored(pair)
    assert is_fit(was, now, pair.mark)
    return {
        name[1]
        for name, table in now.tables.items()
        if name in was.tables and fits(".".join(name), was.tables[name], table, pair.mark)
    }


def test_a_value_that_another_table_explains_is_never_judged_by_its_writer(
    databases: Databases,
) -> None:
    """A regclass reads otherwise once its table is made anew: found, with no row written."""
    pair = Pair(databases, KINDS)
    assert fitting(pair) == {"plain"}
    pair.run("ALTER TABLE plain RENAME TO plane")
    assert pair.same_both_ways()["pointing"].counts == (1, 1, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE plain ALTER s TYPE text",
        "ALTER TABLE plain DROP l; ALTER TABLE plain ADD l int[] DEFAULT '{1}'",
        "ALTER TABLE plain RENAME s TO t",
        "DROP TABLE plain; CREATE TABLE plain (id int PRIMARY KEY, m mood, s short, l int[],"
        " j jsonb, r int4range)",
        "ALTER TABLE plain RENAME TO a; ALTER TABLE pointing RENAME TO plain",
    ],
)
def test_a_table_whose_rows_may_mean_another_thing_does_not_fit(
    databases: Databases, statement: str
) -> None:
    """Another definition, other columns under the old names, another table under its name."""
    pair = Pair(databases, KINDS)
    pair.run(statement)
    assert "plain" not in fitting(pair)
    pair.same_both_ways()


def test_a_column_that_came_back_with_other_values_is_found(databases: Databases) -> None:
    """A default that no row was rewritten for is a value of every row."""
    pair = Pair(databases, KINDS)
    pair.run("ALTER TABLE plain DROP s; ALTER TABLE plain ADD s short DEFAULT 'z'")
    assert pair.same_both_ways()["plain"].counts == (0, 0, 1)


def test_labels_that_are_called_otherwise_are_found(databases: Databases) -> None:
    """ALTER TYPE ... RENAME VALUE writes to no row, and all read otherwise."""
    pair = Pair(databases, KINDS)
    pair.run("ALTER TYPE mood RENAME VALUE 'good' TO 'fine'")
    assert not is_fit(*both_stored(pair), pair.mark)
    assert pair.same_both_ways()["plain"].counts == (0, 0, 1)


def test_another_database_and_numbers_out_of_reach_do_not_fit(databases: Databases) -> None:
    """Dropped and cloned from another, all numbers of tables are alike, and mean nothing."""
    pair = Pair(databases, KINDS)
    databases.admin(f"CREATE DATABASE other TEMPLATE {LIVE}")
    databases.run("other", "UPDATE plain SET s = 'other'")
    databases.admin(f"DROP DATABASE {LIVE}", f"CREATE DATABASE {LIVE} TEMPLATE other")
    was, now = both_stored(pair)
    assert not is_fit(was, now, pair.mark)
    assert is_fit(was, now, replace(pair.mark, database=now.database))
    assert not is_fit(was, replace(now, next_number=2**40), pair.mark)
    assert pair.same_both_ways()["plain"].counts == (0, 0, 1)


def test_rows_of_before_the_mark_that_were_written_late_are_new(databases: Databases) -> None:
    """A subtransaction under way when a dump began is in no snapshot: the mark goes before it."""
    pair = Pair(databases, KINDS)
    with databases.connect(LIVE) as other:
        other.execute("BEGIN; DELETE FROM plain; SAVEPOINT a")
        other.execute("INSERT INTO plain (id) VALUES (7); RELEASE a")
        pair.run("INSERT INTO plain (id) VALUES (8)", "DELETE FROM plain WHERE id = 8")
        with opened(pair.address()) as live:
            pair.mark = Mark.taken(pair.address(), live, alone=False)
        other.execute("COMMIT")
    pair.run("VACUUM FULL plain")  # rows have another place, as in a dump: they are counted alone
    assert pair.same_both_ways()["plain"].counts == (1, 1, 0)


def test_what_was_written_between_mark_and_clone_is_on_both_sides(databases: Databases) -> None:
    """An early mark is no wrong one: equal rows are equal, and one of them gone is missing."""
    pair = Pair(databases, KINDS)
    databases.admin(f"DROP DATABASE {BASELINE}")
    pair.run("INSERT INTO plain (id) VALUES (2), (3)")
    pair.clone()
    assert pair.same_both_ways() == {}
    pair.run("DELETE FROM plain WHERE id > 1")
    assert pair.same_both_ways()["plain"].counts == (0, 2, 0)


def test_counts_are_of_all_stretches() -> None:
    """Old and new rows are added up; a stretch that is not there has none."""
    counts = Counts({0: (2, 1), 3: (5, 0)})
    assert (counts.old, counts.new, counts.at(1)) == (7, 1, (0, 0))


def test_a_dump_is_told_equal_by_the_numbers_that_were_noted(databases: Databases) -> None:
    """Its tables have numbers of their own; those of the live side are in the mark."""
    pair = Pair(databases, KINDS)
    with opened(pair.address()) as live:
        shapes = {".".join(name): (t.oid, t.shape) for name, t in stored(live).tables.items()}
    pair.mark = replace(pair.mark, shapes=shapes)
    assert fitting(pair) == {"plain"}
    pair.run("VACUUM FULL", "DELETE FROM plain")
    assert pair.same_both_ways()["plain"].counts == (0, 1, 0)
