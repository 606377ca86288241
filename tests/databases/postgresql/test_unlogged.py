"""UNLOGGED tables, which a crash of the server empties."""

from __future__ import annotations

from contextlib import closing

from harness.databases.postgresql.unlogged import filled
from tests.postgres import Databases


def test_those_that_hold_rows_are_named(databases: Databases) -> None:
    """In every schema; not what is logged, and not what is empty."""
    databases.make()
    databases.run(
        "app_dev",
        "CREATE SCHEMA other; CREATE UNLOGGED TABLE other.cache (a int);"
        "CREATE UNLOGGED TABLE empty (a int); CREATE UNLOGGED TABLE full_one (a int);"
        "INSERT INTO other.cache VALUES (1); INSERT INTO full_one VALUES (1)",
    )
    with closing(databases.connect("app_dev")) as connection:
        assert filled(connection) == ["other.cache", "full_one"]
