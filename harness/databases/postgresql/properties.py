"""What belongs to a database itself, and what no clone of it has."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from harness.databases.postgresql.session import Row


def read(connection: Connection[Row], name: str) -> dict[str, Any]:
    """Read it."""
    rows = connection.execute(
        "SELECT datdba::regrole::text, datconnlimit FROM pg_database WHERE datname = %s", [name]
    ).fetchall()
    return {"owner": rows[0][0], "connection limit": rows[0][1]} if rows else {}


def statements(connection: Connection[Row], was: dict[str, Any], name: str) -> list[str]:
    """Give the SQL that gives a database what another had."""
    return []
