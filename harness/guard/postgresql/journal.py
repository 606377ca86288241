"""The journal of a PostgreSQL database: rows in the guard's own small database on its server.

While a guard lives its session there holds an advisory lock; the server drops the lock with the
session, so a journal that nobody holds is what a killed guard left. A statement that such a guard
had sent goes on, and keeps the lock until it ends.
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import psycopg

from harness.databases.postgresql.seat import Seat
from harness.errors import RestoreError, UsageError
from harness.guard.journal import (
    VERSION,
    Around,
    AtWork,
    Damaged,
    Entry,
    OtherVersion,
    entries_in,
    how_to_recover,
)
from harness.guard.postgresql import archive
from harness.guard.postgresql.notes import Note
from harness.hidden import without_passwords
from harness.log import Log
from harness.system import descendants, processes

P = ParamSpec("P")
T = TypeVar("T")
_LOG = Log("guard.journal")
_TABLE = "public.journal"
_MAKE = (
    f"CREATE TABLE IF NOT EXISTS {_TABLE} (database text, at bigint GENERATED ALWAYS AS IDENTITY,"
    " line text NOT NULL, PRIMARY KEY (database, at))"
)
_OF_THE_DEAD_S = 60.0  # for a statement that goes on after its guard was killed
_BRIEF_S = 1.0  # for one who has it and has noted nothing: it begins, or it has just ended
_POLL_S = 0.05


def _as_os_error(
    method: Callable[Concatenate[ServerJournal, P], T],
) -> Callable[Concatenate[ServerJournal, P], T]:
    """Raise what the server says as a disk's error, which whoever writes a journal minds.

    A session that was lost meanwhile is opened again, once: what has to be noted then waits for no
    other guard, as nobody has begun one.
    """

    @wraps(method)
    def said(self: ServerJournal, *args: P.args, **kwargs: P.kwargs) -> T:
        had_begun = self.has_begun
        try:
            try:
                return method(self, *args, **kwargs)
            except psycopg.OperationalError:
                if not had_begun:
                    raise
                return method(self, *args, **kwargs)
        except AtWork:
            if not had_begun:
                raise
            raise OSError(errno.EBUSY, f"{self} is another guard's by now") from None
        except (psycopg.Error, UsageError) as error:
            why = without_passwords(str(error).strip())
            raise OSError(errno.EIO, f"{self}: {why}") from error

    return cast("Callable[Concatenate[ServerJournal, P], T]", said)


class ServerJournal:
    """The journal of one guard on one database.

    Args:
        seat: where the guard sits on the server.
        note: on this machine, that there is one.
    """

    def __init__(self, seat: Seat, note: Note) -> None:
        self._seat, self._note = seat, note
        self._name = seat.database.name
        digest = hashlib.sha256(self._name.encode()).digest()
        self._key = int.from_bytes(digest[:8], "big", signed=True)
        self.unprotected = ""  # the tests reach it only as they reach any other database
        self._written: list[Entry] = []
        self._opened = 0  # of which of the seat's sessions the lock is; 0: there is none
        self._pid = 0
        seat.when_opened = self._session_opened

    def __str__(self) -> str:
        """Print as whose it is."""
        return f"the journal of {self._seat.database} on its server"

    @property
    def exists(self) -> bool:
        """Whether there is one; UsageError where the server cannot be asked."""
        try:
            return self._seat.is_made and bool(self._lines())
        except psycopg.OperationalError:  # a session that was lost is opened again, once
            pass
        try:
            return self._seat.is_made and bool(self._lines())
        except psycopg.Error as error:
            why = without_passwords(str(error).strip())
            raise UsageError(f"{self} cannot be read: {why}") from None

    @property
    def has_begun(self) -> bool:
        """Whether this guard has taken it, though its session may be lost by now."""
        return bool(self._opened) and self._pid == os.getpid()

    @property
    def is_held(self) -> bool:
        """Whether this guard has it; taken again where the session was lost and nobody has it."""
        if not self.has_begun:
            return False
        for _ in range(2):  # the session may be lost while it is asked
            with suppress(psycopg.Error, UsageError):
                self._take_again()
                self._seat.session.execute("SELECT")
                return True
        return False

    @property
    def is_anothers(self) -> bool:
        """Whether another guard has begun meanwhile."""
        return self._guard_in(self._lines()) not in ("", self._guard_in(self._written))

    @property
    def is_in_reach(self) -> bool:
        """Whether it still stands where the tests could reach it."""
        return True

    @property
    def is_doubtful(self) -> bool:
        """Whether somebody unseen may have put right what was adopted: the server has one alone."""
        return False

    # Written.

    @_as_os_error
    def begin(self, entry: Entry) -> None:
        """Take it and write its first entry; UsageError if another guard lives."""
        self._lock()
        if self._lines():
            self.release()
            raise AtWork(
                f"{self} is there: a guard was killed. Run "
                f"'{how_to_recover(self._seat.database)}' first"
            )
        pid = os.getpid()
        self._written = []
        first = {
            "version": VERSION,
            "pid": pid,
            "started": processes.started(pid),
            "namespace": processes.namespace(),
            "guard": secrets.token_hex(16),
        }
        self._note.write()
        self._add(first | entry)
        _LOG.debug("%s: begun, %s", self, entry.get("state"))

    @_as_os_error
    def write(self, entry: Entry) -> None:
        """Append one entry and make it last; where that fails nothing of it stays."""
        self._must_be_held()
        self._add(entry)
        _LOG.debug("%s: %s", self, entry.get("state"))

    @_as_os_error
    def running(self, pid: int) -> None:
        """Say which process is about to run the tests: it may outlive the guard."""
        if self._opened:
            command = {"pid": pid, "started": processes.started(pid)}
            self._must_be_held()
            self._add(self._written[-1] | {"command": command})

    @_as_os_error
    def failed(self) -> None:
        """Say that the guard ends by itself, and the baseline is not proven back."""
        if self.is_held:
            self._add(self._written[-1] | {"failed": True})

    @property
    def has_failed(self) -> bool:
        """Whether the guard whose journal was adopted had said so: it was not killed."""
        return any(entry.get("failed") is True for entry in self._written)

    @_as_os_error
    def end(self, *, lasting: bool = False) -> None:
        """Remove it: nothing is left to do. A server's commit lasts."""
        if not self._opened:
            return
        self._take_again()
        self._seat.write(f"DELETE FROM {_TABLE} WHERE database = %s", [self._name])
        self._note.remove()
        self.release()

    def release(self) -> None:
        """Let go of it, and leave it for the next guard or ``recover``."""
        if self._pid in (0, os.getpid()):
            self._opened = 0
            self._seat.close()  # the lock goes with the session

    # Read.

    def noted(self) -> list[Entry]:
        """Read what stands there without taking it over; [] where that cannot be."""
        with suppress(psycopg.Error, UsageError, Damaged, OtherVersion):
            return self._entries() if self._seat.is_made else []
        return []

    def adopt(self) -> list[Entry]:
        """Take over what a killed guard left; [] if there is none.

        Raises:
            UsageError: its guard is alive.
            RestoreError: it is of another version, or none that a guard wrote.
        """
        if not self.exists:
            self._refuse_another_roles()
            return []
        self._lock()
        try:
            self._written = self._entries()
        except OtherVersion as error:
            self.release()
            raise RestoreError(f"{self} {error}") from None
        except Damaged:
            self.release()
            raise RestoreError(
                f"{self} is damaged, so nobody can tell what is in the database; nothing was "
                f"changed. Look at it in {self._seat.home}, then "
                f"{how_to_recover(self._seat.database)} --discard"
            ) from None
        if not self._written:
            self.release()
        return self._written

    def hold(self) -> None:
        """Keep guards away while something else than a guard works; AtWork where one lives."""
        if not self._opened:
            self._lock()

    def bring_back(self) -> None:
        """See that it is there; OSError where the tests have removed it and it cannot be."""
        if self._opened and not self.exists:
            self._make_again()
            self.write(self._written[0] | self._written[-1])

    @_as_os_error
    def _make_again(self) -> None:
        self._seat.session.execute(_MAKE)

    def sweep(self) -> None:
        """Remove the note of a guard that was killed before it had begun."""
        if not self.exists:
            self._note.sweep()

    def remove(self) -> None:
        """Remove what nobody can read."""
        self._lock()
        self.end()

    # The steps.

    def _lock(self) -> None:
        """Take the lock; AtWork where another guard has it, and lives."""
        deadline, brief = time.monotonic() + _OF_THE_DEAD_S, time.monotonic() + _BRIEF_S
        while True:
            session = self._seat.session
            with suppress(psycopg.errors.UniqueViolation):  # another makes it just now
                session.execute(_MAKE)
            query = "SELECT pg_try_advisory_lock(%s)"
            ((taken,),) = session.execute(query, [self._key]).fetchall()
            if taken:
                self._opened, self._pid = self._seat.opened, os.getpid()
                return
            error, now = self._at_work(), time.monotonic()
            waits = now < brief if not self.noted() else self._is_of_the_dead()
            if not waits or now > deadline:
                self._seat.close()
                raise error
            time.sleep(_POLL_S)

    def _take_again(self) -> None:
        """Take the lock of a new session, where the one that had it is gone.

        Raises:
            AtWork: another guard has taken it, or had it meanwhile.
        """
        self._seat.session  # noqa: B018 - opened anew, if need be
        if self._seat.opened == self._opened:
            return
        was, self._opened = self._opened, 0
        try:
            self._lock()
            if self.is_anothers:
                raise AtWork(f"another guard has begun on {self._seat.database}")
        except AtWork:
            self._seat.close()
            raise
        except BaseException:
            self._opened = was  # the next who needs it tries again
            raise

    def _session_opened(self) -> None:
        """See that a session which takes the place of a lost one has the lock before all else."""
        if self.has_begun:
            self._take_again()

    def _must_be_held(self) -> None:
        if not self._opened:
            raise OSError(errno.EBADF, f"{self} is another guard's by now")
        self._take_again()

    def _add(self, entry: Entry) -> None:
        insert = f"INSERT INTO {_TABLE} (database, line) VALUES (%s, %s)"
        self._seat.write(insert, [self._name, json.dumps(entry)])
        self._written.append(entry)

    def _lines(self) -> list[str]:
        session = self._seat.session
        try:
            rows = session.execute(
                f"SELECT line FROM {_TABLE} WHERE database = %s ORDER BY at", [self._name]
            ).fetchall()
        except psycopg.errors.UndefinedTable:
            return []
        return [str(line) for (line,) in rows]

    def _entries(self) -> list[Entry]:
        return entries_in("".join(f"{line}\n" for line in self._lines()).encode())[0]

    def _guard_in(self, entries: list[Any]) -> str:
        if not entries:
            return ""
        first = json.loads(entries[0]) if isinstance(entries[0], str) else entries[0]
        return str(first.get("guard", ""))

    def _refuse_another_roles(self) -> None:
        """Refuse where a guard of another role has a backup: its journal is in another place."""
        database = self._seat.database
        other = archive.of_another(self._seat, database)
        if other is None:
            return
        backup, role = other
        lives = self._seat.door.execute(
            "SELECT FROM pg_stat_activity WHERE datname = %s", [Seat.home_of(role)]
        ).fetchall()
        if lives:
            who = f"of the role {role}"
            raise AtWork(f"another guard is at work on {database}, that {who}", who)
        as_that_role = database.as_role(role)
        raise UsageError(
            f"a guard of the role {role} has left a backup of {database}, {backup}, and only that "
            f"role can bring it back: {how_to_recover(as_that_role)}"
        )

    def _is_of_the_dead(self) -> bool:
        """Whether the guard that wrote it ran on this machine, and is gone."""
        first = next(iter(self.noted()), {})
        pid, since = first.get("pid"), first.get("started", "")
        if type(pid) is not int or first.get("namespace") != processes.namespace():
            return False
        return not processes.runs(pid, str(since))

    def _at_work(self) -> UsageError:
        """Say which guard has it, as far as it can be seen."""
        first = next(iter(self.noted()), {})
        pid, mark = first.get("pid"), first.get("mark")
        database = self._seat.database
        if type(pid) is not int:
            return AtWork(f"another guard is at work on {database}")
        here = processes.runs(pid, str(first.get("started", "")))
        who = f"of process {processes.named([pid]) if here else pid}"
        if mark in descendants.tokens() and pid != os.getpid():
            return Around(
                f"another guard is at work on {database}, that {who}, around this process: one "
                "guard is enough"
            )
        return AtWork(f"another guard is at work on {database}, that {who}", who)
