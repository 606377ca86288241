"""The SQLite engine: what is asked of it, each from the file that answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from harness.databases import Differences, Grade
from harness.databases.engine import Engine, Given
from harness.databases.sqlite import durable, errors, names, session
from harness.databases.sqlite.address import SqliteFile, path_of
from harness.databases.sqlite.dialect import DIALECT


class Sqlite:
    """SQLite files."""

    name = "sqlite"
    guarding = "harness.guard.sqlite"
    contract = "A SQLite file, named by its path."
    default_recoveries: tuple[str, ...] = ("online_backup", "wal_pin")  # a copy, and without a disk
    # another SQLite library in the process, as Python's sqlite3, would drop the locks of a pin
    recoveries_in_process: tuple[str, ...] = ("online_backup",)

    Error: type[Exception] = apsw.Error
    dialect = DIALECT

    def __init__(self) -> None:
        self.connect = session.connect
        self.quoted = names.quoted
        self.make_durable = durable.make_durable
        self.describe = errors.describe

    def differences(
        self,
        database: Path,
        baseline: Path,
        *,
        grade: Grade = "exact",
        checked: bool = True,
        busy_timeout_ms: int = 1000,
    ) -> Differences:
        """Find every difference from the baseline; see ``differences.differences``."""
        # what was proven untouched is compared with nothing, and the comparing is the most of all
        from harness.databases.sqlite.differences import differences  # noqa: PLC0415

        return differences(
            database, baseline, grade=grade, checked=checked, busy_timeout_ms=busy_timeout_ms
        )

    def put_back(
        self,
        database: Path,
        baseline: Path,
        found: Differences,
        *,
        connect: Callable[[Path], Any],
        checks_foreign_keys: bool = True,
    ) -> dict[str, str]:
        """Put back rows, sequences and settings; see ``reverting.revert``."""
        from harness.databases.sqlite.reverting import revert  # noqa: PLC0415 - for one cleanup

        return revert(
            database, baseline, found, connect=connect, checks_foreign_keys=checks_foreign_keys
        )

    def address(self, given: Given, *, what: str) -> SqliteFile:
        """Make the address of a path; UsageError for what can be none."""
        return SqliteFile(path_of(given, what=what), self)


ENGINE: Engine = Sqlite()
