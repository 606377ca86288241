"""What verification asks of a schema."""

from __future__ import annotations

from contextlib import closing

import apsw
import pytest

from harness.databases.sqlite.stored import column_names, objects, stored_tables


def test_only_tables_that_hold_rows_themselves_are_stored() -> None:
    """Neither a view nor a virtual table; computed columns are read, and not stored."""
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute(
            "CREATE TABLE t (a, b PRIMARY KEY, c AS (a) VIRTUAL) WITHOUT ROWID;"
            "CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE r USING rtree(id, x, y);"
        )
        found = stored_tables(connection, objects(connection))
        assert {"t", "v", "r"} & found.keys() == {"t"}
        assert found["t"].without_rowid
        names = column_names(connection, "t")
    assert (names.every, names.stored, names.primary_key) == (("a", "b", "c"), ("a", "b"), ("b",))


@pytest.mark.parametrize("row", ["'table', NULL, 't', 2", "'table', 't', 't', x'02'"])
def test_a_row_that_is_none_of_a_schema_is_damage(row: str) -> None:
    """Names that are no text and pages that are no numbers are told as what they are."""
    with closing(apsw.Connection(":memory:")) as connection:
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        connection.execute(
            "CREATE TABLE t(a); PRAGMA writable_schema = 1;"
            f"INSERT INTO sqlite_schema VALUES ({row}, 'CREATE TABLE t(a)')"
        )
        with pytest.raises(apsw.CorruptError, match="none of a schema"):
            objects(connection)
