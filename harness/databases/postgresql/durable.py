"""Make what a database holds last a power cut."""

from __future__ import annotations

from contextlib import closing

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.session import connect
from harness.system.files import Files


def make_durable(database: PostgresDatabase, files: Files) -> None:
    """Have the server write its log to the disk up to here, whoever committed without waiting.

    A commit with ``synchronous_commit = on`` waits for all that stands in the log before it, if it
    has written anything there itself: a message that nobody reads does.
    https://www.postgresql.org/docs/current/wal-async-commit.html
    """
    with closing(connect(database)) as connection:
        connection.execute("SELECT pg_logical_emit_message(true, 'reliability-harness', '')")
