"""A database of a size, filled by SQL: every page holds random bytes, none is a hole."""

from __future__ import annotations

import os
from pathlib import Path

import apsw


def fill(database: Path, size_bytes: int) -> None:
    """Make a database in WAL mode of about so many bytes, and wait until it is on disk."""
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA journal_mode=off; PRAGMA synchronous=off").fetchall()
    connection.execute("CREATE TABLE filled(id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB)")
    with connection:
        connection.execute(
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) "
            "INSERT INTO filled(body) SELECT randomblob(4000) FROM c",
            (size_bytes // 4096,),
        )
    connection.pragma("journal_mode", "wal")
    connection.close()
    os.sync()
