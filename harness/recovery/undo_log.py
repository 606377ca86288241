"""What the tests write is recorded by triggers in the database itself, and undone there.

Needs: a role that may act as the owner of every table, make a schema in the database and set
``session_replication_role``; at capture a moment in which nobody has a transaction open that has
written. https://www.postgresql.org/docs/current/sql-createtrigger.html
Survives: being killed at any instruction, of the guard, of the session, of the server: installing,
undoing and removing are one transaction each. Nobody has to leave; what is defined, and large
objects, it cannot undo: it says so, and the next of the chain does.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import psycopg
from psycopg import Connection

from harness.databases import Differences, Grade
from harness.databases.postgresql import properties
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.reading import one_moment
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import Row, is_lost
from harness.databases.postgresql.undo import installing, reading, refusing
from harness.databases.postgresql.undo.names import SCHEMA
from harness.databases.postgresql.undo.state import State
from harness.errors import RestoreError
from harness.recovery import Recovery
from harness.recovery.postgresql.trying_again import Asked, InTheWay, as_transaction

T = TypeVar("T")
_LONGEST_WAIT_MS = 200  # for one lock: less than the server takes to find that two wait in a circle
_AT_ONCE_MS = 300  # to remove all as one, which all tables have to be free for


class UndoLog(Recovery):
    """See ``Recovery``; its backup is in the database itself."""

    name = "undo_log"
    contract = "what is written is recorded by triggers, and undone; everybody stays connected"
    engines: ClassVar[tuple[str, ...]] = ("postgresql",)
    changes_database = True
    definitions = False
    database: PostgresDatabase
    backup: PostgresDatabase
    stays_open = False  # whether its session is kept from one call to the next
    _state: State | None = None  # of the log that was begun
    _level = 0  # of the innermost that was begun
    _session: Connection[Row] | None = None

    @cached_property
    def seat(self) -> Seat:
        """Where it sits on the server; a guard's is that of its journal."""
        return Seat(self.database, busy_timeout_ms=self.busy_timeout_ms)

    @cached_property
    def _token(self) -> str:
        """Of its own log, and of no other; a journal has it before the log is there."""
        return secrets.token_hex(8)

    # Before the tests.

    def capture(self) -> None:
        """Put triggers on every table, and note where everything is.

        Raises:
            RecoveryRefused: there is something that it could not undo, or it is there already.
            psycopg.Error: as the server says; nothing is left then.
        """
        self._level = 0
        had = properties.read(self.seat.door, self.database.name).to_json()

        def install(session: Connection[Row]) -> State:
            installing.alone(session)
            there = State.read(session)
            if there is not None and there.token == self._token:
                installing.remove(session)  # an earlier try of this same capture
            refusing.refuse(session, self.database)
            installing.install(session)
            refusing.refuse_under_way(session, self.database)
            return State.taken(session, self._token, had)

        self._state = self._as_transaction(install, "is recorded")

    # Levels within, as for each test.

    def begin(self) -> None:
        """Begin a level within: what ``undo`` brings back is what the database holds now.

        Raises:
            RestoreError: somebody has written who is not at the end of a transaction.
        """
        level = self._level + 1
        self._as_transaction(
            lambda session: session.execute(f"SELECT {SCHEMA}.begin({level})"), "is looked at"
        )
        self._level = level

    def undo(self) -> None:
        """Bring back what it was when the innermost level was begun, and end that.

        Raises:
            RestoreError: something was done that cannot be undone, or somebody else writes.
        """
        assert self._state is not None  # noqa: S101 - for mypy: a level was begun
        level, self._level = self._level, self._level - 1
        self._undo(level)
        with self._opened() as session:
            found = reading.left(session, self._state)
        if found:
            raise RestoreError(f"{self.database}: not undone: {'; '.join(found)}")

    def _undo(self, level: int) -> None:
        self._as_transaction(
            lambda session: session.execute(f"SELECT {SCHEMA}.undo({level})"), "is undone"
        )

    # After them.

    def restore(self) -> None:
        """Undo all that was recorded.

        Raises:
            RestoreError: something was done that it cannot undo, or somebody writes.
            psycopg.Error: as the server says; the database is as it was.
        """
        self.check()
        self._undo(0)
        self._level = 0

    def check(self) -> None:
        """Prove that the log is there and is the one that was begun.

        Raises:
            RestoreError: it is gone, or another stands in its place.
        """
        with self._opened() as session:
            there = State.read(session)
        if there is None or there.token != self._token:
            raise RestoreError(
                f"the undo log, the schema {SCHEMA} in {self.database}, is "
                + ("gone" if there is None else "another's")
            )

    def differences(self, *, grade: Grade = "exact") -> Differences:
        """Find what differs from the baseline, by what was recorded and noted."""
        assert self._state is not None  # noqa: S101 - for mypy: it has captured
        with self._opened() as session, one_moment(session):
            return reading.differences(session, self.database.name, self._state)

    def dispose(self) -> None:
        """Remove the triggers and the log; nothing where the database is another by now."""

        def remove(session: Connection[Row]) -> None:
            installing.alone(session)
            there = State.read(session)
            if there is not None and there.token == self._token:
                installing.remove(session)

        if self.seat.is_whole(self.database.name):
            try:
                self._as_transaction(remove, "is freed of the undo log", within_ms=_AT_ONCE_MS)
            except InTheWay:
                self._remove_by_tables()
                self._as_transaction(remove, "is freed of the undo log")
        self._state = None
        self.release()

    def _remove_by_tables(self) -> None:
        with self._opened() as session:
            there = State.read(session)
            if there is not None and there.token == self._token:
                installing.remove_triggers(session)

    def release(self) -> None:
        """End its session."""
        super().release()
        if self._session is not None:
            with suppress(psycopg.Error):
                self._session.close()
            self._session = None

    # Its session.

    def _opened(self) -> AbstractContextManager[Connection[Row]]:
        """Give a session for one piece of work; one that stays is not closed after it."""
        if not self.stays_open:
            return closing(installing.opened(self.database, busy_timeout_ms=self._wait_ms))
        if self._session is None or is_lost(self._session):
            self._session = installing.opened(self.database, busy_timeout_ms=self._wait_ms)
        return nullcontext(self._session)

    def _was_lost(self) -> bool:
        return self._session is not None and is_lost(self._session)

    @property
    def _wait_ms(self) -> int:
        return min(self.busy_timeout_ms, _LONGEST_WAIT_MS)

    def _as_transaction(
        self,
        work: Callable[[Connection[Row]], T],
        what: str,
        *,
        within_ms: float | None = None,
    ) -> T:
        """Do it as one transaction, again while somebody is in the way and there is time."""
        return as_transaction(
            self._opened,
            work,
            Asked(self.database, self.seat, what, self._was_lost),
            within_ms=self.busy_timeout_ms if within_ms is None else within_ms,
        )

    # For who comes after a kill.

    @property
    def baseline(self) -> PostgresDatabase:
        """The database itself holds it, less what is in the log."""
        return self.database

    @property
    def size_bytes(self) -> int:
        """The size of nothing: the log is empty when it is begun."""
        return 0

    @property
    def stands_apart(self) -> bool:
        """Whether its backup is beside the database: never."""
        return False

    def describe(self) -> dict[str, Any]:
        """Name the log, also one that may be there soon; what it holds says the rest."""
        return {"recovery": self.name, "token": self._token}

    def resume(self, description: dict[str, Any]) -> None:
        """Find the log again; RestoreError where it is not there."""
        self._token = str(description.get("token", ""))
        with self._opened() as session:
            self._state = State.read(session)
        self.check()
