"""What a backup notes of the moment at which it is taken."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.session import Row


@dataclass(frozen=True)
class Mark:
    """The moment."""

    snapshot: str

    @classmethod
    def taken(cls, database: PostgresDatabase, connection: Connection[Row]) -> Mark:
        """Take it."""
        ((snapshot,),) = connection.execute("SELECT pg_current_snapshot()::text").fetchall()
        return cls(snapshot)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return asdict(self)
