from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from tests.databases.postgresql.pairs import BASELINE, Pair
from tests.postgres import Databases

# Values that are equal for the server and are not the same, and such as no operator compares.
ODD = """
CREATE TABLE odd (f float8, n numeric, j json, p point, b bytea, c char(5), a text[], t text);
INSERT INTO odd VALUES (0, 1.0, '{"a":1}', '(1,2)', '\\x00', 'a', '{NULL,"NULL"}', 'ü');
INSERT INTO odd VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL, '')
"""


@pytest.mark.parametrize(
    "change",
    [
        "f = '-0'", "f = 'NaN'", "n = 1.00", "j = '{\"a\": 1}'", "p = '(1,2.5)'",
        "b = '\\x0000'", "c = 'A'", "a = '{NULL,NULL}'", "t = NULL", "a = '{{NULL,NULL}}'",
    ],
)  # fmt: skip
def test_values_differ_as_their_texts_do(databases: Databases, change: str) -> None:
    """What the server calls equal and writes otherwise differs; so does what has no equality."""
    pair = Pair(databases, ODD)
    pair.run(f"UPDATE odd SET {change} WHERE t = 'ü'")
    assert pair.same_both_ways()["odd"].counts == (1, 1, 0)


def test_rows_without_a_key_are_counted_as_often_as_they_are(databases: Databases) -> None:
    """Two of the one are not two of the other, nor is one of each."""
    pair = Pair(databases, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1), (2), (NULL)")
    pair.run("UPDATE t SET a = 2 WHERE ctid = '(0,1)'", "INSERT INTO t VALUES (NULL)")
    found = pair.same_both_ways()["t"]
    assert sorted(found.added, key=repr) == [(2,), (None,)]
    assert found.missing == ((1,),)


def test_many_equal_rows_are_one_key_that_no_block_ends(databases: Databases) -> None:
    """More of the same row than are held at a time are counted all the same."""
    script = "CREATE TABLE t (a int); INSERT INTO t SELECT 1 FROM generate_series(1, 45000)"
    pair = Pair(databases, script)
    pair.run("INSERT INTO t SELECT n / 50000 FROM generate_series(1, 60000) n")
    assert pair.same_both_ways()["t"].counts == (60000, 0, 0)


def test_large_tables_are_compared_part_by_part(databases: Databases) -> None:
    """A handful of rows among many, with a key of two columns."""
    script = "CREATE TABLE t (a int, b text, c text, PRIMARY KEY (b, a));"
    script += " INSERT INTO t SELECT n, 'b', repeat('x', 100) FROM generate_series(1, 30000) n"
    pair = Pair(databases, script)
    pair.run(
        "UPDATE t SET c = 'y' WHERE a = 5",
        "UPDATE t SET b = 'c' WHERE a = 6",
        "DELETE FROM t WHERE a = 7",
        "INSERT INTO t VALUES (8, 'c', 'z')",
    )
    assert pair.same_both_ways()["t"].counts == (2, 2, 1)


def test_tables_of_one_side_and_of_other_columns(databases: Databases) -> None:
    """A new table's rows are added, a dropped one's missing; of others the common columns count."""
    pair = Pair(
        databases,
        "CREATE TABLE gone (a int); INSERT INTO gone SELECT generate_series(1, 10001);"
        "CREATE TABLE other (id int PRIMARY KEY, a int, b int); INSERT INTO other VALUES (1, 2, 3);"
        "CREATE TABLE none (a int); INSERT INTO none VALUES (1)",
    )
    pair.run(
        "DROP TABLE gone",
        "CREATE SCHEMA s; CREATE TABLE s.new (a int); INSERT INTO s.new VALUES (1)",
        "ALTER TABLE other DROP a; ALTER TABLE other ADD c int; UPDATE other SET b = 4",
        "ALTER TABLE none RENAME a TO b",
    )
    found = pair.same_both_ways()
    assert found["gone"].counts == (0, 10001, 0)
    assert found["gone"].rest == "and 1 rows more"
    assert found["s.new"].added == ((1,),)
    assert found["other"].changed == (((1, 3), (1, 4)),)
    assert "none" not in found


def test_partitions_unlogged_inherited_and_materialised(databases: Databases) -> None:
    """Each holds its own rows, told under its own name; what holds none is not told."""
    pair = Pair(
        databases,
        "CREATE TABLE whole (a int) PARTITION BY RANGE (a);"
        "CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (10);"
        "CREATE UNLOGGED TABLE quick (a int); CREATE TABLE child () INHERITS (quick);"
        "CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM quick;"
        "CREATE MATERIALIZED VIEW unseen AS SELECT 1 WITH NO DATA; CREATE SCHEMA s;"
        'CREATE TABLE s."a.b%s ""c" (a int)',
    )
    pair.run(
        "INSERT INTO whole VALUES (1)",
        "INSERT INTO child VALUES (2)",
        "REFRESH MATERIALIZED VIEW seen",
        "REFRESH MATERIALIZED VIEW unseen",
        'INSERT INTO s."a.b%s ""c" VALUES (3)',
    )
    found = pair.same_both_ways()
    assert {name: rows.counts for name, rows in found.items()} == {
        "part": (1, 0, 0),
        "child": (1, 0, 0),
        "unseen": (1, 0, 0),
        "seen": (1, 1, 0),
        's.a.b%s "c': (1, 0, 0),
    }
    pair.run("REFRESH MATERIALIZED VIEW seen", "INSERT INTO quick VALUES (1)")
    assert pair.same_both_ways()["quick"].counts == (1, 0, 0)


def test_what_may_not_be_read_is_said(databases: Databases) -> None:
    """A table of somebody else's, and one whose rows a policy hides: named, with why."""
    databases.admin("CREATE ROLE app LOGIN")
    pair = Pair(
        databases,
        "CREATE TABLE secret (a int); CREATE TABLE hidden (a int); CREATE TABLE mine (a int);"
        "GRANT SELECT ON hidden, mine TO app; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY",
    )
    pair.run("INSERT INTO mine VALUES (1)", "INSERT INTO secret VALUES (1)")
    for mark in (pair.mark, None):
        found, unread = pair.found(mark=mark, user="app")
        assert found.keys() == {"mine"}
        assert unread.keys() == {"secret", "hidden"}
        assert "permission denied" in unread["secret"]
        assert "row security" in unread["hidden"]


def test_a_table_that_raises_when_it_is_read_is_said_and_the_others_are_read(
    databases: Databases,
) -> None:
    """A column computed while it is read can fail: that table alone is not compared."""
    if databases.admin("SELECT current_setting('server_version_num')::int")[0][0] < 180000:
        pytest.skip("no column is computed while it is read before version 18")
    pair = Pair(
        databases,
        "CREATE TABLE bad (a int, b int GENERATED ALWAYS AS (1 / a) VIRTUAL);"
        "CREATE TABLE good (a int); INSERT INTO bad VALUES (0)",
    )
    pair.run("INSERT INTO good VALUES (1)")
    found, unread = pair.found()
    assert (found.keys(), unread) == ({"good"}, {"bad": "division by zero"})
    assert databases.run(BASELINE, "SELECT a FROM bad") == [(0,)]
