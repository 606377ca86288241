"""A live database and its baseline, a clone that was made after its mark, for comparing them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from harness.databases import TableDifferences
from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.rows import differences
from harness.databases.postgresql.session import connect
from tests.postgres import Databases

LIVE, BASELINE = "app_dev", "app_dev_baseline"


class Pair:
    """A live database and its baseline.

    Args:
        databases: of the test.
        script: that makes the live one.
    """

    def __init__(self, databases: Databases, script: str) -> None:
        self.databases = databases
        databases.make(LIVE, script)
        with opened(self.address()) as connection:
            self.mark = Mark.taken(self.address(), connection)
        self.clone()

    def clone(self) -> None:
        """Make the baseline."""
        self.databases.admin(f'CREATE DATABASE "{BASELINE}" TEMPLATE "{LIVE}" STRATEGY file_copy')

    def address(self, name: str = LIVE, user: str = "postgres") -> PostgresDatabase:
        """Give the address of either."""
        address = address_of(self.databases.address(name, user))
        assert isinstance(address, PostgresDatabase)
        return address

    def run(self, *statements: str) -> list[Any]:
        """Write in the live one as an application does."""
        return self.databases.run(LIVE, *statements)

    def found(
        self, *, mark: Mark | None = None, user: str = "postgres"
    ) -> tuple[dict[str, TableDifferences], dict[str, str]]:
        """Compare; without a mark by content alone."""
        with (
            opened(self.address(user=user)) as live,
            opened(self.address(BASELINE, user)) as baseline,
        ):
            return differences(live, baseline, mark)

    def same_both_ways(self) -> dict[str, TableDifferences]:
        """Compare by the mark and by content: both must find the same, and read everything."""
        by_mark, by_content = self.found(mark=self.mark), self.found()
        assert in_any_order(by_mark[0]) == in_any_order(by_content[0])
        assert by_mark[1] == by_content[1] == {}
        return by_mark[0]


def in_any_order(found: dict[str, TableDifferences]) -> dict[str, Any]:
    """Give what differs so that it can be compared: rows have no order."""
    return {
        name: (
            sorted(table.added, key=repr),
            sorted(table.missing, key=repr),
            sorted(table.changed, key=repr),
            table.counts,
        )
        for name, table in found.items()
    }


@contextmanager
def opened(address: PostgresDatabase, **how: Any) -> Iterator[Connection[Any]]:
    """Open a session of the harness's own."""
    connection = connect(address, **how)
    try:
        yield connection
    finally:
        connection.close()
