"""The backend's connections to its database, and the one transaction of every request.

SQL runs on the event loop's own thread (handing it to another costs more than it takes), and so it
must never wait: SQLite's own busy timeout is 0, and a transaction that finds the database locked is
rolled back and tried again a little later, whole, while the loop serves others.
Those who wait are served in the order in which they came.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import apsw

from harness.backend.answers import Refused
from harness.databases.sqlite.session import connect

Result = TypeVar("Result")
CONNECTIONS = 3
_PAUSES_S = (0.001, 0.002, 0.005, 0.01)  # between attempts; the last one is repeated


class Store:
    """A few connections to one database, used in turn; each is opened when its turn comes."""

    def __init__(self, database: Path, busy_timeout_ms: int) -> None:
        self.database = database
        self.busy_timeout_ms = busy_timeout_ms
        self._connections: list[apsw.Connection | None] = [None] * CONNECTIONS
        self._turn = 0
        self._queue = asyncio.Lock()  # first come, first served; the holder is the one who tries
        self._waiting = 0  # in the queue, or at its head; the lock is free between two of them

    async def run(
        self, work: Callable[[apsw.Connection], Result], *, writes: bool = False
    ) -> Result:
        """Run ``work`` in a transaction; wait for locks, at most the busy timeout.

        What ``writes`` stands in the queue where there is one: nobody overtakes.

        Raises:
            Refused: what ``work`` refuses (rolled back); 503 when the lock was not to be had.
            apsw.Error, OSError: anything else that went wrong (rolled back).
        """
        ends = time.monotonic() + self.busy_timeout_ms / 1000
        if not (writes and self._waiting):
            with suppress(apsw.BusyError, apsw.LockedError):
                return self.attempt(work)
        self._waiting += 1
        try:
            async with asyncio.timeout(ends - time.monotonic()), self._queue:
                return await self._patiently(work)
        except TimeoutError as error:
            raise Refused(
                503,
                "timeout",
                f"the database was locked for {self.busy_timeout_ms} ms; try again",
            ) from error
        finally:
            self._waiting -= 1

    async def _patiently(self, work: Callable[[apsw.Connection], Result]) -> Result:
        """Try again and again, until cancelled."""
        attempt = 0
        while True:
            with suppress(apsw.BusyError, apsw.LockedError):
                return self.attempt(work)
            await asyncio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
            attempt += 1

    def attempt(self, work: Callable[[apsw.Connection], Result]) -> Result:
        """Run ``work`` in a transaction once, without waiting for anybody."""
        connection = self._next()
        try:
            connection.execute("BEGIN")
            result = work(connection)
            connection.execute("COMMIT")
        except (Refused, apsw.BusyError, apsw.LockedError):
            self._roll_back(connection)
            raise
        except BaseException:
            # nobody knows what it has seen (a damaged file, a file put in its place): start afresh
            self._connections = [None if c is connection else c for c in self._connections]
            connection.close(True)
            raise
        return result

    def _next(self) -> apsw.Connection:
        self._turn = (self._turn + 1) % CONNECTIONS
        connection = self._connections[self._turn]
        if connection is None:
            connection = connect(self.database, busy_timeout_ms=0)
            self._connections[self._turn] = connection
        return connection

    @staticmethod
    def _roll_back(connection: apsw.Connection) -> None:
        if connection.in_transaction:  # SQLite itself ends it after some errors
            connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close every connection; the next request opens them again."""
        connections, self._connections = self._connections, [None] * CONNECTIONS
        for connection in connections:
            if connection is not None:
                connection.close(True)
