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
        self._server.send_query(statement.encode())

    def has_ended(self, within_s: float) -> bool:
        """Wait for its end, but no longer than that; whether it has come.

        Raises:
            psycopg.OperationalError: the connection is broken.
        """
        server = self._server
        server.flush()
        if server.is_busy():
            if not select.select([server.socket], [], [], within_s)[0]:
                return False
            server.consume_input()
        return not server.is_busy()

    def take(self) -> None:
        """Take what the server has answered; waits for it.

        Raises:
            psycopg.Error: that it failed.
        """
        failed: psycopg.Error | None = None
        while (result := self._server.get_result()) is not None:
            if result.status not in _DONE:
                failed = failed or error_from_result(result)
        if failed is not None:
            raise failed
        if self._server.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError("the connection to the server is lost")
