"""That there is no database on the server is a baseline too: what the tests make is removed again.

Needs: a role that may remove what the tests have made, that is their own, or a superuser.
Survives: being killed at any instruction: the journal says that there was none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from typing import Any, ClassVar

from harness.databases import Differences, Grade
from harness.databases.postgresql import prepared
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import connect
from harness.errors import RecoveryRefused
from harness.recovery import Recovery


class DatabaseAbsence(Recovery):
    """No database before the tests, and none after them."""

    name = "absence"
    contract = "there is no database before the tests, and there is none after them"
    of_absence = True
    engines: ClassVar[tuple[str, ...]] = ("postgresql",)
    database: PostgresDatabase
    backup: PostgresDatabase
    keep_as: Callable[[], str | None] = staticmethod(lambda: None)
    thin: Callable[[], None] = staticmethod(lambda: None)

    @cached_property
    def seat(self) -> Seat:
        """Where it sits on the server; a guard's is that of its journal."""
        return Seat(self.database, busy_timeout_ms=self.busy_timeout_ms)

    def capture(self) -> None:
        """See that there is none; RecoveryRefused where there is."""
        if self.seat.exists(self.database.name):
            raise RecoveryRefused(f"{self.database} is there")

    def restore(self) -> None:
        """Remove the database, whoever is connected to it; or give it an archive's name."""
        name = self.database.name
        if not self.seat.exists(name):
            return
        prepared.roll_back(self.database, prepared.prepared(self.seat.door, name))
        kept = self.keep_as()
        if kept is not None:
            self.seat.alone([f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(kept)}"], name)
        else:
            self.seat.drop(name)

    def dispose(self) -> None:
        """Have nothing to give up but archives that are too many."""
        self.thin()

    def resume(self, description: dict[str, Any]) -> None:
        """Have nothing to know again."""

    @property
    def baseline(self) -> PostgresDatabase:
        """The place in which nothing is."""
        return self.database

    @property
    def size_bytes(self) -> int:
        """The size of nothing."""
        return 0

    @property
    def stands_apart(self) -> bool:
        """Whether its backup is there: it has none."""
        return False

    def differences(self, *, grade: Grade = "exact") -> Differences:
        """Say what there is where nothing was."""
        if not self.seat.exists(self.database.name):
            return Differences()
        with closing(connect(self.database, busy_timeout_ms=self.busy_timeout_ms)) as live:
            ((tables,),) = live.execute(
                "SELECT count(*) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
        plural = "" if tables == 1 else "s"
        return Differences(whole=f"the whole database ({tables} table{plural})")
