"""The SQLite engine: what is asked of it, each from the file that answers."""

from __future__ import annotations

import apsw

from harness.databases.engine import Engine, Given
from harness.databases.sqlite import differences, durable, errors, names, reverting, session
from harness.databases.sqlite.address import SqliteFile, path_of


class Sqlite:
    """SQLite files."""

    name = "sqlite"
    guarding = "harness.guard.sqlite"
    contract = "A SQLite file, named by its path."
    default_recoveries: tuple[str, ...] = ("wal_pin", "online_backup")
    recoveries_beside_others: tuple[str, ...] = ("online_backup",)

    Error: type[Exception] = apsw.Error

    def __init__(self) -> None:
        self.connect = session.connect
        self.quoted = names.quoted
        self.differences = differences.differences
        self.put_back = reverting.revert
        self.make_durable = durable.make_durable
        self.describe = errors.describe

    def address(self, given: Given, *, what: str) -> SqliteFile:
        """Make the address of a path; UsageError for what can be none."""
        return SqliteFile(path_of(given, what=what), self)


ENGINE: Engine = Sqlite()
