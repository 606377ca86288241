"""Where a guard sits on a server: a small database of its own, and the session that holds its lock.

What ends with the session (its lock) and what it does (cloning, the swap of two names) are of one
session, so that a statement which goes on after its client was killed keeps everybody else out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.alone import Alone
from harness.databases.postgresql.names import beside, quoted
from harness.databases.postgresql.session import Row, connect, is_lost, reached
from harness.errors import UsageError
from harness.hidden import without_passwords

_HOME = "reliability_harness"
_BROKEN = -2  # as its connection limit: DROP DATABASE was broken off, and nothing else can be done
_MODEL = "template1"  # of which CREATE DATABASE makes new ones, while nobody is connected to it
_DOORS = ("postgres", _MODEL)  # databases that are there to be connected to
# A name of whoever was first: told by the statement, by its index, or waited for in vain.
_MADE_BY_ANOTHER = (
    psycopg.errors.DuplicateDatabase,
    psycopg.errors.UniqueViolation,
    psycopg.errors.LockNotAvailable,
)
_TRIES, _PAUSE_S = 50, 0.1
_ALONE_MS = 10_000.0  # for sessions that are ended; the server looks again for 5 s


class Seat:
    """The sessions of one guard, each opened when it is first needed.

    Args:
        database: that is guarded.
        busy_timeout_ms: how long a statement waits for another's lock.
    """

    def __init__(self, database: PostgresDatabase, *, busy_timeout_ms: int = 1000) -> None:
        self.database, self.busy_timeout_ms = database, busy_timeout_ms
        self._door: Connection[Row] | None = None
        self._session: Connection[Row] | None = None
        self.opened = 0  # how often the session was; each time it begins without its lock
        self.when_opened: Callable[[], None] = lambda: None
        self._expected: int | None = None  # the number of the server's next transaction, if quiet

    # Its sessions.

    @property
    def door(self) -> Connection[Row]:
        """A session in no database that anybody guards; UsageError where the server is not there.

        It looks at the server, and ends the sessions of others.
        """
        if self._door is None or is_lost(self._door):
            self._door = self._reached()
        return self._door

    def _reached(self) -> Connection[Row]:
        for name in _DOORS:
            if name == self.database.name:
                continue  # a session there would be in its own way
            with suppress(psycopg.OperationalError):
                door = connect(self.database.named(name), busy_timeout_ms=self.busy_timeout_ms)
                return self._beside(door) if name == _MODEL else door
        # or say why not
        return self._beside(reached(self.database, busy_timeout_ms=self.busy_timeout_ms))

    def _beside(self, door: Connection[Row]) -> Connection[Row]:
        """Leave a database in which a session is in the way, where there is another to go to."""
        ((role,),) = door.execute("SELECT current_user").fetchall()
        with suppress(psycopg.OperationalError):
            home = self.database.named(self.home_of(str(role)))
            other = connect(home, busy_timeout_ms=self.busy_timeout_ms)
            door.close()
            return other
        return door

    @property
    def home(self) -> PostgresDatabase:
        """The small database, one for each role: nobody else writes there."""
        ((role,),) = self.look("SELECT current_user")
        return self.database.named(self.home_of(str(role)))

    @staticmethod
    def home_of(role: str) -> str:
        """Give the name of a role's."""
        return beside(f"{_HOME}_{role}", "")  # a role's name may be as long as any

    @property
    def is_made(self) -> bool:
        """Whether the small database is there."""
        return self.exists(self.home.name)

    @property
    def session(self) -> Connection[Row]:
        """The session in it; it is made where it is not there.

        Raises:
            UsageError: it cannot be made, or it is another role's.
        """
        if self._session is None or is_lost(self._session):
            home = self.home
            self._made(home)
            self._session = reached(home, busy_timeout_ms=self.busy_timeout_ms)
            if self.door.info.dbname in (_MODEL, self.database.name):
                self.door.close()  # now there is another to stand in, where it is in nobody's way
            self.opened += 1
            self.when_opened()  # a lock that an earlier one had is taken before anything is done
            self.unsettle()  # the server may have been away, and empties UNLOGGED tables then
        return self._session

    def _made(self, home: PostgresDatabase) -> None:
        """See that it is there and is this role's own; made, once, by whoever comes first."""
        for _ in range(_TRIES):
            if self._is_own(home):
                return
            try:
                self.door.execute(f"CREATE DATABASE {quoted(home.name)} TEMPLATE template0")
                self._shut(home)
                return
            except (*_MADE_BY_ANOTHER, psycopg.errors.ObjectInUse):
                time.sleep(_PAUSE_S)  # another guard makes it just now
            except psycopg.errors.InsufficientPrivilege:
                role = self.door.info.user
                raise UsageError(
                    f"{self.database}: the role {role} may not create a database, and what a guard "
                    "keeps stands in one beside it. Let a superuser run: ALTER ROLE "
                    f"{quoted(role)} CREATEDB"
                ) from None
            except psycopg.Error as error:
                raise UsageError(
                    f"{home}, in which a guard keeps its journal, cannot be made: "
                    f"{without_passwords(str(error).strip())}"
                ) from None
        raise UsageError(f"{home}, in which a guard keeps its journal, does not come to be")

    def _is_own(self, home: PostgresDatabase) -> bool:
        """Whether it is there; UsageError where it is another role's."""
        rows = self.look(
            "SELECT pg_get_userbyid(datdba), pg_get_userbyid(datdba) = current_user, datacl IS NULL"
            " FROM pg_database WHERE datname = %s",
            [home.name],
        )
        for role, is_own, is_open in rows:
            if not is_own:
                raise UsageError(
                    f"{home}: is of the role {role}, so nothing in it is believed; remove it, or "
                    "guard as that role"
                )
            if is_open:  # whoever made it was killed before it was closed to others
                self._shut(home)
        return bool(rows)

    def _shut(self, home: PostgresDatabase) -> None:
        self.door.execute(f"REVOKE ALL ON DATABASE {quoted(home.name)} FROM PUBLIC")

    def close(self) -> None:
        """End its sessions, and with them its locks."""
        for one in (self._session, self._door):
            if one is not None:
                with suppress(psycopg.Error):
                    one.close()
        self._session = self._door = None

    # What it does there.

    def look(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        """Read something of the server; once more where the session was lost over it."""
        try:
            return self.door.execute(query, values or None).fetchall()
        except psycopg.OperationalError:
            if not self.door_is_lost:
                raise
        return self.door.execute(query, values or None).fetchall()

    @property
    def door_is_lost(self) -> bool:
        """Whether the server has ended that session."""
        return self._door is not None and is_lost(self._door)

    def exists(self, name: str) -> bool:
        """Whether there is a database of that name."""
        return self.oid(name) is not None

    def oid(self, name: str) -> int | None:
        """Give the number of a database; None where there is none of that name."""
        rows = self.look("SELECT oid FROM pg_database WHERE datname = %s", [name])
        return next((int(row[0]) for row in rows), None)

    def is_whole(self, name: str) -> bool:
        """Whether there is one that is not what a broken-off DROP DATABASE has left."""
        rows = self.look("SELECT datconnlimit FROM pg_database WHERE datname = %s", [name])
        return bool(rows) and rows[0][0] != _BROKEN

    def drop(self, name: str) -> None:
        """Remove a database, if there is one, also a template, whoever is connected to it."""
        query = "SELECT datistemplate, datconnlimit FROM pg_database WHERE datname = %s"
        for is_template, limit in self.look(query, [name]):
            if is_template and limit != _BROKEN:
                self.write(f"ALTER DATABASE {quoted(name)} IS_TEMPLATE false")
            self.alter(f"DROP DATABASE IF EXISTS {quoted(name)}", name)

    def write(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run one statement that writes, as a transaction; its rows."""
        session = self.session
        with session.transaction():
            # without values a percent sign is one
            cursor = session.execute(statement, values or None)
            rows = cursor.fetchall() if cursor.description else []
            ((number,),) = session.execute("SELECT pg_current_xact_id()::text::bigint").fetchall()
        self._follow(int(number), int(number) + 1)
        return rows

    def alone(
        self,
        statements: Sequence[str],
        *databases: str,
        ends: bool = True,
        wait_ms: float = _ALONE_MS,
    ) -> float:
        """Run statements, several in one transaction, that need databases without sessions.

        See ``Alone``; how long the sessions there were waited for, in ms.

        Raises:
            NotAlone: somebody is there all the same, or may not be ended.
        """
        self.unsettle()
        alone = self._alone(*databases, ends=ends)
        return alone.run(statements, wait_ms=wait_ms)

    def _alone(self, *databases: str, ends: bool) -> Alone:
        return Alone(
            self.session, self.door, *databases, ends=ends, waker=lambda: reached(self.home)
        )

    def alter(
        self, statement: str, *databases: str, ends: bool = True, wait_ms: float = _ALONE_MS
    ) -> float:
        """Run one statement that must stand alone, as CREATE DATABASE does; as ``alone`` does it.

        ``databases``: those that must be without sessions.
        """
        before, alone = self.next_number(), self._alone(*databases, ends=ends)
        waited_ms = alone.run([statement], wait_ms=wait_ms)
        after = self.next_number()
        # it took one number, and each wake one; whatever else took one was somebody else
        self._follow(before, after if after == before + 1 + alone.wakes else None)
        return waited_ms

    def next_number(self) -> int:
        """Give the number that the server's next transaction which writes gets."""
        ((number,),) = self.session.execute(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        ).fetchall()
        return int(number)

    def quiet_number(self) -> int | None:
        """Give that number; None while a transaction is under way: its end changes no number."""
        ((number, under_way),) = self.session.execute(
            "SELECT pg_snapshot_xmax(s)::text::bigint, pg_snapshot_xmin(s) <> pg_snapshot_xmax(s)"
            " FROM pg_current_snapshot() s"
        ).fetchall()
        return None if under_way else int(number)

    def settle(self, since: int | None) -> None:
        """From now on tell whether anybody else has written since a ``quiet_number``."""
        self._expected = since

    def unsettle(self) -> None:
        """Know nothing any more about what others have written."""
        self._expected = None

    def is_quiet(self) -> bool:
        """Whether nobody else has written since ``settle``; sequences move without that."""
        number = self.next_number()  # first: a session that was lost knows nothing any more
        return self._expected == number

    def _follow(self, number: int, after: int | None) -> None:
        self._expected = after if number == self._expected else None
