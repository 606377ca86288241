"""Whether Python's own sqlite3 has the guarded database open in this process.

It is another SQLite library than the guard's. Locks belong to the process, so neither sees the
other's, and each drops them all when it closes the file: the guard must not go to work meanwhile
(https://www.sqlite.org/howtocorrupt.html, section 2.2).
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any


def is_open(database: Path) -> bool:
    """Whether sqlite3 has ``database`` open here; what nobody can reach any more is closed first.

    A connection that cannot be asked, because it belongs to another thread, counts.
    """
    return bool(_connections(database))


def leave_wal(database: Path) -> bool:
    """Leave WAL mode through the one connection of sqlite3's that is open here; whether it did.

    For a mode that the guard itself has set: nobody else can leave it while that one is open. One
    that is in a transaction, or belongs to another thread, is left alone.
    """
    found = _connections(database)
    if len(found) != 1:
        return False
    sqlite3, (connection,) = sys.modules["sqlite3"], found
    try:
        if connection.in_transaction:
            return False
        cursor = sqlite3.Connection.cursor(connection)
        cursor.row_factory = None
        return bool(cursor.execute("PRAGMA journal_mode=delete").fetchone() == ("delete",))
    except (sqlite3.Error, TypeError):
        return False


def _connections(database: Path) -> list[Any]:
    sqlite3 = sys.modules.get("sqlite3")  # not imported, nothing to ask
    if sqlite3 is None or not _has_descriptor(database) or not _those(sqlite3, database):
        return []
    gc.collect()
    return _those(sqlite3, database)


def _has_descriptor(database: Path) -> bool:
    """Whether any descriptor of this process is of the file: far cheaper to ask, and often no."""
    try:
        status = os.stat(database)
        descriptors = os.listdir("/dev/fd")
    except OSError:
        return True  # cannot tell
    for name in descriptors:
        with suppress(OSError):
            if os.path.samestat(os.fstat(int(name)), status):
                return True
    return False


def _those(sqlite3: Any, database: Path) -> list[Any]:
    # type() asks no proxy for its class, as isinstance would
    return [
        instance
        for instance in gc.get_objects()
        if issubclass(type(instance), sqlite3.Connection) and _has(instance, sqlite3, database)
    ]


def _has(connection: Any, sqlite3: Any, database: Path) -> bool:
    try:
        _ = connection.in_transaction
    except sqlite3.ProgrammingError:
        return False  # closed
    try:
        cursor = connection.cursor()
        cursor.row_factory = None
        names = [row[2] for row in cursor.execute("PRAGMA database_list").fetchall()]
    except (sqlite3.Error, TypeError):
        return True
    for name in names:
        with suppress(OSError):
            if name and os.path.samefile(name, database):
                return True
    return False
