"""What must not be guarded on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.databases.postgresql.address import PostgresDatabase


def names(database: PostgresDatabase) -> tuple[str, ...]:
    """Give what may say what it is for."""
    return (database.parameters.get("host", ""), database.name)


def refuse_place(database: PostgresDatabase, *, override: bool) -> None:
    """Refuse before anything is asked of it."""


def refuse_server(connection: Any, database: PostgresDatabase, recoveries: Sequence[str]) -> None:
    """Refuse what the recoveries cannot work with."""
