"""Transactions that are prepared and neither committed nor rolled back."""

from __future__ import annotations

from contextlib import closing

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import literal
from harness.databases.postgresql.session import connect


def roll_back(database: PostgresDatabase) -> None:
    """Roll back every one of a database."""
    with closing(connect(database)) as connection:
        for (gid,) in connection.execute(
            "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"
        ).fetchall():
            connection.execute(f"ROLLBACK PREPARED {literal(gid)}")
