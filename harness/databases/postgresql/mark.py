"""What a backup notes of the moment at which it is taken, so that comparing with it is fast.

Every row says which transaction wrote it (https://www.postgresql.org/docs/current/ddl-system-columns.html),
also after VACUUM FREEZE, VACUUM FULL and CLUSTER. A row that an old transaction wrote is a row of
the baseline; what else is there is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.session import Row

# Of the numbers of 32 bits that rows have, half are behind any one number and half before it.
_HALF = 2**31


@dataclass(frozen=True)
class Mark:
    """The moment.

    It must be taken before the backup begins to read, and some transaction be on the disk between
    it and the first test, as the clone or the journal's row is: after a crash the server gives out
    again the numbers of those that were lost.

    Attributes:
        database: the number (OID) of the database that was backed up.
        next_number: that of the server's next transaction, with its epoch.
        oldest: of the transactions that were not at their end; ``next_number`` if none was.
        alone: whether nobody was at work in the database when the backup was made of it. A clone
            is made so; a dump leaves out what others had not committed.
        shapes: of each table (``schema``, a dot, its name): its OID and its columns' ``shape``,
            where the backup's own tables have other numbers, as those of a dump have.
    """

    database: int
    next_number: int
    oldest: int
    alone: bool = True
    shapes: Mapping[str, tuple[int, str]] | None = None

    @classmethod
    def taken(
        cls, database: PostgresDatabase, connection: Connection[Row], *, alone: bool = True
    ) -> Mark:
        """Take it, over any session on the server.

        Args:
            database: that is about to be backed up.
            connection: to any database there.
            alone: see the class.
        """
        ((number, following, oldest),) = connection.execute(
            "SELECT d.oid::int8, pg_snapshot_xmax(s)::text::int8, pg_snapshot_xmin(s)::text::int8"
            " FROM pg_current_snapshot() s, pg_database d WHERE d.datname = %s",
            [database.name],
        ).fetchall()
        return cls(number, following, oldest, alone)

    @property
    def first_new(self) -> int:
        """The number from which on a transaction is none of the baseline's.

        Without sole access that is the oldest that was under way: a subtransaction of it has a
        higher number, and no snapshot names it.
        """
        return self.next_number if self.alone else self.oldest

    def reaches(self, following: int) -> bool:
        """Whether numbers that rows have can be told from it, when ``following`` comes next.

        Not after two thousand million transactions, nor on a server that was set back.
        """
        return 0 <= following - self.first_new < _HALF

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, noted: Mapping[str, Any]) -> Mark:
        """Read what ``to_json`` gave."""
        shapes = noted.get("shapes")
        known = None if shapes is None else {k: (int(v[0]), str(v[1])) for k, v in shapes.items()}
        return cls(
            int(noted["database"]),
            int(noted["next_number"]),
            int(noted["oldest"]),
            bool(noted["alone"]),
            known,
        )


__all__ = ["Mark"]
