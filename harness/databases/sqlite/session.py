"""Connect to a SQLite database that is there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from urllib.parse import quote

import apsw


def connect(
    path: Path,
    *,
    busy_timeout_ms: int = 1000,
    read_only: bool = False,
    vfs: str | None = None,
    immutable: bool = False,
) -> apsw.Connection:
    """Connect to an existing database, foreign keys on.

    Args:
        path: the database; any name a file can have.
        busy_timeout_ms: how long to wait for another's lock.
        read_only: never write.
        vfs: name of a registered SQLite VFS; None is the default one.
        immutable: read the file's own bytes: no locks, no ``-wal``, nothing written.

    Raises:
        FileNotFoundError: there is no such file; none is made.
        apsw.Error: SQLite cannot open it.
    """
    flags = apsw.SQLITE_OPEN_READONLY if read_only or immutable else apsw.SQLITE_OPEN_READWRITE
    name = os.path.abspath(path)
    if immutable:
        flags |= apsw.SQLITE_OPEN_URI
        name = f"file://{quote(os.fsencode(name))}?immutable=1"
    try:
        connection = apsw.Connection(name, flags=flags, vfs=vfs)
    except apsw.CantOpenError as error:
        if os.path.exists(path):
            raise
        raise FileNotFoundError(errno.ENOENT, "there is no database", str(path)) from error
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)
    connection.set_busy_timeout(busy_timeout_ms)
    return connection
