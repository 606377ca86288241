"""How SQL of one's own is written for SQLite."""

from __future__ import annotations

from typing import Any

from harness.databases.engine import Dialect
from harness.databases.sqlite import names, stored


class SqliteDialect:
    """See ``harness.databases.engine.Dialect``."""

    placeholder = "?"

    def column(self, name: str) -> str:
        """Quote it."""
        return names.quoted(name)

    def table(self, name: str) -> str:
        """Quote it."""
        return names.quoted(name)

    def folded(self, name: str) -> str:
        """Fold case, A to Z."""
        return names.folded(name)

    def referred_tables(self, connection: Any) -> dict[str, set[str]]:
        """Read them."""
        return stored.referred_tables(connection)

    def schema_version(self, connection: Any) -> str:
        """Give the number that SQLite counts up with every definition."""
        return str(connection.pragma("schema_version"))


DIALECT: Dialect = SqliteDialect()
