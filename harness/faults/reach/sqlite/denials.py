"""Writes that the authorizer of SQLite denies to the cleanup's connections.

https://www.sqlite.org/c3ref/set_authorizer.html: the statement fails with "not authorized"
(SQLITE_AUTH).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw

_WRITES = {
    apsw.SQLITE_DELETE: "DELETE",
    apsw.SQLITE_UPDATE: "UPDATE",
    apsw.SQLITE_INSERT: "INSERT",
}


class Denials:
    """What is denied at the moment, to all of ``connections``: a list that may grow."""

    def __init__(self, connections: list[Any]) -> None:
        self._connections = connections
        self.held: list[Denial] = []

    def watch(self, connection: apsw.Connection) -> None:
        """Have a new connection denied what the others are."""
        if self.held:
            connection.authorizer = self._authorize

    def apply(self) -> None:
        """Put the denials as they are now to every connection of the cleanup.

        Setting an authorizer, also the same again, makes SQLite prepare statements anew, so that
        those it has cached are asked about too.
        """
        for connection in self._connections:
            if _is_open(connection):
                connection.authorizer = self._authorize if self.held else None

    def _authorize(
        self, action: int, table: str | None, column: str | None, schema: str | None, by: str | None
    ) -> int:
        denied = any([denial.denies(action, table) for denial in self.held])  # noqa: C419 - ask all
        return apsw.SQLITE_DENY if denied else apsw.SQLITE_OK


class Denial:
    """One table that may not be written."""

    def __init__(self, denials: Denials, table: str, told: Callable[[str], None]) -> None:
        self._denials, self._table, self._told = denials, table, told

    def begin(self) -> str:
        """Deny it from now on; whether anything comes of it is told later."""
        self._denials.held.append(self)
        self._denials.apply()
        return ""

    def end(self) -> None:
        """Allow it again."""
        if self in self._denials.held:
            self._denials.held.remove(self)
            self._denials.apply()

    def denies(self, action: int, table: str | None) -> bool:
        """Whether to deny ``action`` (an authorizer code of SQLite's) on ``table``; tells of it."""
        if action not in _WRITES or table != self._table:
            return False
        self._told(f"authorizer denied {_WRITES[action]} on {table} (SQLITE_AUTH)")
        return True


def _is_open(connection: Any) -> bool:
    try:
        connection.db_filename("main")
    except apsw.ConnectionClosedError:
        return False
    return True


__all__ = ["Denial", "Denials"]
