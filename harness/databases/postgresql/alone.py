"""Statements that need a database without sessions: a clone of it, its renaming, its end.

The server takes the database's lock first and only then waits, up to 5 s, for its sessions to end
(CountOtherDBBackends); who connects waits for that lock before it counts as a session. So nobody
comes in meanwhile, however soon a pool reconnects, and nothing has to be forbidden that a killed
guard would leave forbidden. While one session of ours runs the statement, another ends who is
there.

Between its looks the server sleeps 100 ms, unless a signal wakes it: a notification does, for which
any role may listen. https://www.postgresql.org/docs/current/sql-notify.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

import psycopg
from psycopg import Connection

from harness.databases.postgresql import prepared
from harness.databases.postgresql.prepared import Prepared
from harness.databases.postgresql.running import Running
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.sessions import (
    Session,
    blocking,
    how_to_end,
    named,
    sessions,
    still_there,
    tell_to_end,
)
from harness.errors import RecoveryRefused, RestoreError, UsageError
from harness.printable import printable

_CHANNEL = "reliability_harness_go_on"
_FIRST_LOOK_S, _LAST_LOOK_S = 0.001, 0.05
_BEFORE_S = 0.03  # for sessions to end before the lock is taken; an ordinary one takes 2 ms
_WAKES_EACH = 8  # time after time, since somebody was last seen
_WAKES = 40  # of the 50 looks that the server takes
_IN_USE = (psycopg.errors.ObjectInUse, psycopg.errors.LockNotAvailable)


class NotAlone(RecoveryRefused, RestoreError):
    """Somebody is on the database, and nothing was done to it.

    Args:
        message: who is in the way, and what to do.
        those: they.
        prepared: transactions that are prepared in it: they survive every session.
    """

    def __init__(
        self, message: str, those: Sequence[Session] = (), left: Sequence[Prepared] = ()
    ) -> None:
        super().__init__(message)
        self.sessions, self.prepared = tuple(those), tuple(left)


class Alone:
    """Runs statements on databases that nobody may be connected to.

    Args:
        runner: the session that runs them, in another database and outside a transaction.
        helper: another one, as that.
        databases: the names of those that must be without sessions.
        ends: whether those that are there are ended; else they are waited for.
        waker: opens a third one, in the runner's database, where the server has to be woken.
    """

    def __init__(
        self,
        runner: Connection[Row],
        helper: Connection[Row],
        *databases: str,
        ends: bool = True,
        waker: Callable[[], Connection[Row]] | None = None,
    ) -> None:
        self._runner, self._helper = runner, helper
        self._databases, self._ends = databases, ends
        self._open_waker = waker
        self._waker: Connection[Row] | None = None
        self._told: dict[Session, bool] = {}  # to end; whether this role may
        self._holding: list[Session] = []  # the lock itself, from wherever
        self._waited_s = 0.0
        self.wakes = 0  # of the server; each is a transaction with a number of its own

    def run(self, statements: Sequence[str], *, wait_ms: float) -> float:
        """Run them, several in one transaction; how long others were waited for, in ms.

        Raises:
            NotAlone: somebody is there all the same after ``wait_ms``, or may not be ended.
            psycopg.Error: what else the server said. Whether a transaction was committed when the
                connection broke at its end must be looked up.
        """
        deadline = time.monotonic() + wait_ms / 1000
        self._waited_s = 0.0
        try:
            self._until_done(statements, deadline)
        finally:
            if self._waker is not None:
                self._waker.close()
                self._waker = None
        return self._waited_s * 1000

    def _until_done(self, statements: Sequence[str], deadline: float) -> None:
        unseen = 0
        while True:
            self._clear(deadline)
            try:
                self._try(statements, deadline)
                return
            except _IN_USE:
                there = self._in_the_way() or self._holding
                self._refuse(there, late=time.monotonic() >= deadline)
                unseen += not there
                if unseen > 1:
                    raise  # it is in use otherwise: by a subscription for instance

    def _clear(self, deadline: float) -> None:
        """Have nobody there before the lock is taken: then the server has nothing to wait for.

        Who does not end soon, or comes again at once, is left to the statement, which keeps others
        out. Where nobody is ended, that would keep others out for as long as somebody stays.
        """
        began, look_s = time.monotonic(), _FIRST_LOOK_S
        while there := self._in_the_way():
            now = time.monotonic()
            self._refuse(there, late=now >= deadline)
            if self._ends:
                comes_again = self._end(there) and look_s > _FIRST_LOOK_S
                if comes_again or now - began > _BEFORE_S:
                    break
            time.sleep(look_s)
            look_s = min(2 * look_s, _LAST_LOOK_S)
        if there or look_s > _FIRST_LOOK_S:
            self._waited_s += time.monotonic() - began

    def _try(self, statements: Sequence[str], deadline: float) -> None:
        """Send them; of several all at once, so that they are done or not, whoever is killed."""
        listen, unlisten = f"LISTEN {_CHANNEL}", f"UNLISTEN {_CHANNEL}"
        try:
            if len(statements) > 1:
                whole = ["BEGIN", listen, "COMMIT", "BEGIN", *statements, "COMMIT", unlisten]
                self._send(";\n".join(whole), deadline, at_once=True)
            else:
                self._runner.execute(listen)
                self._send(statements[0], deadline, at_once=False)
                self._runner.execute(unlisten)
        except BaseException:
            with suppress(psycopg.Error):
                self._runner.execute("ROLLBACK")
                self._runner.execute(unlisten)
            raise

    def _send(self, text: str, deadline: float, *, at_once: bool) -> None:
        """Run it, and end whoever it waits for."""
        running = Running(self._runner, text)
        try:
            broken_off = self._accompany(running, deadline, at_once=at_once)
        except BaseException:
            with suppress(psycopg.Error):
                self._runner.cancel_safe()  # not by the helper, which may have been interrupted
            with suppress(psycopg.Error):
                running.take()
            if self._helper.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                self._helper.close()  # nobody can speak there any more
            raise
        try:
            running.take()
        except psycopg.errors.QueryCanceled as error:
            if broken_off:
                raise psycopg.errors.ObjectInUse(str(error)) from None
            raise

    def _accompany(self, running: Running, deadline: float, *, at_once: bool) -> bool:
        """Clear its way until it has ended; whether it was broken off, as it is of no use.

        ``at_once``: it takes no time but that for which it waits.
        """
        began, look_s, alone_for = time.monotonic(), _FIRST_LOOK_S, 0
        broken_off = waited = False
        while not running.has_ended(look_s):
            there = self._in_the_way()
            if not broken_off:  # afterwards nobody is waited for, and who it was is to be told
                self._holding = [] if there else self._holders()
            if there or self._holding:
                alone_for, waited = 0, True
                if self._ends and self._end(there):
                    look_s = _FIRST_LOOK_S
                now = time.monotonic()
                self._waited_s += now - began
                began = now
                if not broken_off and (now >= deadline or not all(self._told.values())):
                    broken_off = True
                    self._break_off()
            else:
                alone_for += 1
                slow = time.monotonic() - began > _BEFORE_S
                if slow and not broken_off and self._prepared():
                    broken_off = True  # no session ends these
                    self._break_off()
                sleeps = waited or bool(self._told) or (slow and at_once)
                if sleeps and alone_for <= _WAKES_EACH:
                    self._wake()
            look_s = min(1.5 * look_s, _LAST_LOOK_S)
        if at_once and (waited or (self.wakes and self._told)):
            self._waited_s += time.monotonic() - began
        return broken_off

    def _break_off(self) -> None:
        pid = self._runner.info.backend_pid
        self._helper.execute("SELECT pg_cancel_backend(%s)", (pid,))

    def _wake(self) -> None:
        if self._open_waker is not None and self.wakes < _WAKES:
            try:
                if self._waker is None:
                    self._waker = self._open_waker()
                self._waker.execute(f"NOTIFY {_CHANNEL}")
                self.wakes += 1
            except (psycopg.Error, UsageError):  # no room for it: the server looks by itself
                self._open_waker = None

    # Who is there.

    def _in_the_way(self) -> list[Session]:
        return [one for one in sessions(self._helper, *self._databases) if one.in_the_way]

    def _holders(self) -> list[Session]:
        """Give who, connected elsewhere, has the database locked: to clone it, for instance."""
        return blocking(self._helper, self._runner.info.backend_pid)

    def _prepared(self) -> list[Prepared]:
        return [one for name in self._databases for one in prepared.prepared(self._helper, name)]

    def _end(self, there: Collection[Session]) -> bool:
        """Tell them to end; whether there were any that had not been told."""
        new = [one for one in there if one not in self._told]
        forbidden = tell_to_end(self._helper, new)
        self._told |= {one: one not in forbidden for one in new}
        return bool(new)

    def _refuse(self, there: Collection[Session], *, late: bool) -> None:
        """Raise NotAlone where it is of no use to wait any longer."""
        where = " or ".join(f'"{printable(name)}"' for name in self._databases)
        if left := self._prepared():
            raise NotAlone(prepared.named(left), left=left)
        told_not = [one for one, may in self._told.items() if not may]
        if forbidden := still_there(self._helper, told_not):
            raise NotAlone(
                f"database {where} is in use: {how_to_end(self._helper, forbidden)}", forbidden
            )
        if there and late:
            told = ", and does not end" if self._ends and self._told.keys() >= set(there) else ""
            raise NotAlone(
                f"database {where} is in use by {named(there)}{told}. End it and do this again",
                list(there),
            )
