from __future__ import annotations

from contextlib import closing

import apsw

from harness.databases.sqlite.dialect import DIALECT


def test_a_definition_gives_the_schema_another_version() -> None:
    """And the names in it are quoted, or folded as SQLite does."""
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute("CREATE TABLE Parent (id INTEGER PRIMARY KEY)")
        before = DIALECT.schema_version(connection)
        connection.execute("INSERT INTO Parent VALUES (1)")
        assert DIALECT.schema_version(connection) == before
        connection.execute("CREATE TABLE child (p REFERENCES parent)")
        assert DIALECT.schema_version(connection) != before
        assert DIALECT.referred_tables(connection) == {"child": {"Parent"}}
    assert DIALECT.table('a"b') == DIALECT.column('a"b') == '"a""b"'
    assert DIALECT.folded("Ä_A") == "Ä_a"
