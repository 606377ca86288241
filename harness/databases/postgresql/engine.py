"""The PostgreSQL engine: what is asked of it, each from the file that answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from harness.databases import Differences
from harness.databases.engine import Engine, Given
from harness.databases.postgresql import differences, durable, errors, names, session
from harness.databases.postgresql.address import PostgresDatabase, parsed
from harness.databases.postgresql.dialect import DIALECT


class Postgres:
    """Databases on a PostgreSQL server."""

    name = "postgresql"
    guarding = "harness.guard.postgresql"
    contract = "A database on a PostgreSQL server, named by its address."
    # beside others, alone, and what brings back beside others what the first cannot
    default_recoveries: tuple[str, ...] = ("undo_log", "template", "dump")
    recoveries_in_process: tuple[str, ...] = default_recoveries

    Error: type[Exception] = psycopg.Error
    dialect = DIALECT

    def __init__(self) -> None:
        self.connect = session.connect
        self.quoted = names.quoted
        self.differences = differences.differences
        self.make_durable = durable.make_durable
        self.describe = errors.describe

    def put_back(
        self,
        database: PostgresDatabase,
        baseline: PostgresDatabase,
        found: Differences,
        *,
        connect: Callable[[PostgresDatabase], Any],
        checks_foreign_keys: bool = True,
    ) -> dict[str, str]:
        """Put back rows and sequences; see ``put_back.put_back``."""
        from harness.databases.postgresql.put_back import put_back  # noqa: PLC0415 - for one cleanup

        return put_back(
            database, baseline, found, connect=connect, checks_foreign_keys=checks_foreign_keys
        )

    def address(self, given: Given, *, what: str) -> PostgresDatabase:
        """Make the address of what people have given; UsageError for what is none."""
        return parsed(given, self, what=what)


ENGINE: Engine = Postgres()
