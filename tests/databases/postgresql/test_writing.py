from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

import psycopg

from harness.databases import TableDifferences
from harness.databases.postgresql.tables import stored
from harness.databases.postgresql.writing import Rewriting
from tests.databases.postgresql.pairs import BASELINE, Pair, opened
from tests.postgres import Databases

SCRIPT = """
CREATE TABLE "k%s" (id int PRIMARY KEY, "a%s" text, b char(3), c bool);
CREATE TABLE loose (a text, b char(3), c bool);
INSERT INTO "k%s" VALUES (1, '', 'a', true), (2, NULL, NULL, false);
INSERT INTO loose VALUES ('', 'a', true), ('', 'a', true), (NULL, NULL, NULL)
"""


def test_rows_are_deleted_inserted_and_updated_as_the_server_writes_them(
    databases: Databases,
) -> None:
    """Booleans, padded and empty texts, NULL; of equal rows as many as are given."""
    pair = Pair(databases, SCRIPT)
    with opened(pair.address()) as live:
        tables = {name[1]: table for name, table in stored(live).tables.items()}
        keyed = Rewriting(tables["k%s"], TableDifferences())
        loose = Rewriting(tables["loose"], TableDifferences())
        keyed.delete(live, [(1, "", "a  ", "t")])
        keyed.insert(live, [(3, "%s", "b", "f")])
        keyed.update(live, [((2, "x", None, "t"), (2, None, None, "f"))])
        loose.delete(live, [("", "a  ", "t"), (None, None, None)])
        with pytest.raises(psycopg.errors.SerializationFailure, match="0 of 1"):
            keyed.delete(live, [(2, "y", None, "t")])
        with pytest.raises(psycopg.errors.SerializationFailure, match="1 of 2"):
            loose.delete(live, [("", "a  ", "t")] * 2)
    assert pair.run('SELECT * FROM "k%s" ORDER BY 1') == [
        (2, "x", None, True),
        (3, "%s", "b  ", False),
    ]


def test_a_whole_table_is_brought_over(databases: Databases) -> None:
    """Every row of the baseline's, none of the others, as the text that the server copies."""
    pair = Pair(databases, SCRIPT)
    pair.run("UPDATE \"k%s\" SET b = 'zzz'", 'INSERT INTO "k%s" VALUES (9)')
    with opened(pair.address(BASELINE)) as base, opened(pair.address()) as live:
        table = stored(live).tables["public", "k%s"]
        Rewriting(table, TableDifferences()).replace_all(base, live)
    assert pair.same_both_ways() == {}
