from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from harness.databases.postgresql.references import ranks, references, violations, with_wholes
from tests.databases.postgresql.pairs import Pair, opened
from tests.postgres import Databases

SCRIPT = """
CREATE TABLE parent (a int, "b%s" text, PRIMARY KEY (a, "b%s"));
CREATE TABLE child (x bigint, y text, FOREIGN KEY (x, y) REFERENCES parent ON DELETE SET NULL);
CREATE TABLE whole (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (10);
CREATE TABLE other PARTITION OF whole FOR VALUES FROM (10) TO (20);
CREATE TABLE of_whole (w int REFERENCES whole DEFERRABLE,
  self int UNIQUE REFERENCES of_whole (self));
INSERT INTO whole VALUES (1), (11); INSERT INTO of_whole VALUES (1), (11);
INSERT INTO parent VALUES (1, 'x'); INSERT INTO child VALUES (1, 'x'), (1, NULL), (NULL, 'q')
"""


def test_rows_that_refer_to_nothing_are_counted(databases: Databases) -> None:
    """Across types, and to a partitioned table as a whole; a key with a NULL refers to nothing."""
    pair = Pair(databases, SCRIPT)
    with opened(pair.address()) as one:
        keys = {key.table[1]: key for key in references(one) if key.parent != key.table}
        assert keys.keys() == {"child", "of_whole"}
        assert (keys["child"].on_delete, keys["of_whole"].deferrable) == ("SET NULL", True)
        assert [violations(one, key) for key in keys.values()] == [0, 0]
        with databases.connect("app_dev") as other:
            other.execute("SET session_replication_role = replica")
            other.execute("DELETE FROM parent")
            other.execute("DELETE FROM part")
        assert [violations(one, key) for key in keys.values()] == [1, 1]


def test_whoever_refers_stands_above(databases: Databases) -> None:
    """Also to the partitioned table that a table is a part of; a circle is one."""
    pair = Pair(databases, SCRIPT)
    names = [("public", name) for name in ("child", "parent", "of_whole", "part")]
    with opened(pair.address()) as one:
        wholes = with_wholes(one, names)
        assert wholes["public", "part"] == {("public", "part"), ("public", "whole")}
        rank = ranks(references(one), names, wholes)
    assert rank["public", "child"] > rank["public", "parent"]
    assert rank["public", "of_whole"] > rank["public", "part"]
