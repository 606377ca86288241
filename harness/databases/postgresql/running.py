"""One statement that a session runs while this process does something else."""

from __future__ import annotations

import select

import psycopg
from psycopg import Connection, pq
from psycopg.errors import error_from_result

from harness.databases.postgresql.session import Row

_DONE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


class Running:
    """A statement that was sent; its session can do nothing else until it has ended.

    Args:
        connection: the session.
        statement: without parameters.
    """

    def __init__(self, connection: Connection[Row], statement: str) -> None:
        self._server = connection.pgconn
        self._failed: psycopg.Error | None = None
        self._server.send_query(statement.encode())

    def has_ended(self, within_s: float) -> bool:
        """Wait for its end, but no longer than that; whether it has come.

        Raises:
            psycopg.OperationalError: the connection is broken.
        """
        server = self._server
        server.flush()
        if server.is_busy() and select.select([server.socket], [], [], within_s)[0]:
            server.consume_input()
        while not server.is_busy():
            if not self._took():  # of several statements one may have ended, and not the last
                return True
        return False

    def _took(self) -> bool:
        """Take one answer; whether there was one."""
        result = self._server.get_result()
        if result is not None and result.status not in _DONE:
            self._failed = self._failed or error_from_result(result)
        return result is not None

    def take(self) -> None:
        """Take what the server has answered; waits for it.

        Raises:
            psycopg.Error: that it failed.
        """
        while self._took():
            pass
        if self._failed is not None:
            raise self._failed
        if self._server.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError("the connection to the server is lost")
