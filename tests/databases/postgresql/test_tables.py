from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from harness.databases.postgresql.tables import stored, told
from tests.databases.postgresql.pairs import Pair, opened
from tests.postgres import Databases

SCRIPT = """
CREATE TABLE keyed (b int, a text, c int GENERATED ALWAYS AS (b + 1) STORED, gone int,
  PRIMARY KEY (a, b) INCLUDE (c));
ALTER TABLE keyed DROP gone;
CREATE VIEW seen AS TABLE keyed;
CREATE TABLE whole (a int) PARTITION BY LIST (a);
CREATE EXTENSION IF NOT EXISTS plpgsql;
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
CREATE FOREIGN TABLE away (a int) SERVER s
"""


def test_what_holds_rows_is_known_with_columns_and_key(databases: Databases) -> None:
    """No view, no partitioned table itself, no foreign table; a key has its own order."""
    pair = Pair(databases, SCRIPT)
    with opened(pair.address()) as one, databases.connect("app_dev") as other:
        other.execute("CREATE TEMPORARY TABLE passing (a int)")
        read = stored(one)
        assert read.tables.keys() == {("public", "keyed")}
        (table,) = read.tables.values()
        assert table.columns == ("b", "a", "c")
        assert table.written == ("b", "a")
        assert table.key == ("a", "b")
        assert table.whole_numbers == {"b", "c"}
        assert (table.kind, table.is_heap, table.plain, table.unread) == ("r", True, True, "")
        assert table.sql == 'ONLY "public"."keyed"'


def test_no_two_tables_are_told_under_one_name() -> None:
    """The schema public goes without saying; where a dot confuses, names are quoted."""
    assert told([("public", "a"), ("s", "a")]) == {("public", "a"): "a", ("s", "a"): "s.a"}
    assert told([("public", "s.a"), ("s", "a")]) == {
        ("public", "s.a"): '"public"."s.a"',
        ("s", "a"): '"s"."a"',
    }
