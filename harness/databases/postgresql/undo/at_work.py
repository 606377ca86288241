"""Who is at work in a database that is recorded, and may be in the way of what is undone.

Sessions hide their states from other roles, and locks do not.
https://www.postgresql.org/docs/current/view-pg-locks.html
"""

from __future__ import annotations

from contextlib import suppress

import psycopg
from psycopg import Connection

from harness.databases.postgresql.session import Row
from harness.databases.postgresql.sessions import Session, sessions
from harness.databases.postgresql.undo.names import LOG, SCHEMA

_VACUUM = "autovacuum worker"
# Who has written to a recorded table and is not at the end, or runs a statement that does; also
# asked within the log's own functions, in the session's database.
AT_WORK = f"""SELECT k.pid FROM pg_locks k
WHERE k.locktype = 'relation' AND k.granted AND k.mode IN ('RowExclusiveLock',
  'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND k.pid IS DISTINCT FROM pg_backend_pid() AND k.relation IN (
  SELECT relation FROM {SCHEMA}.recorded UNION ALL SELECT '{LOG}'::regclass)"""
_WRITING = f"""SELECT w.pid FROM ({AT_WORK}) w WHERE NOT EXISTS (
  SELECT FROM pg_stat_activity a WHERE a.pid = w.pid AND a.usesysid IS NULL)"""
# Whoever reads for update, or changes what is defined, is in the way of a lock as well; and the
# door, which asks, is in another database.
_HOLDING = """
SELECT DISTINCT pid FROM pg_locks WHERE granted AND mode <> 'AccessShareLock'
AND database = (SELECT oid FROM pg_database WHERE datname = %s)"""


def writing(connection: Connection[Row]) -> set[int]:
    """Give the sessions (pid) that may still bring rows to what is recorded; none of one's own.

    The server's own vacuum is none of them, though it may hold a table while it gives back its end.

    Raises:
        psycopg.Error: the server did not answer.
    """
    return {int(pid) for (pid,) in connection.execute(_WRITING) if pid is not None}


def in_the_way(connection: Connection[Row], database: str) -> list[Session]:
    """Give who is in a transaction there, and may be in the way; none of ours.

    Raises:
        psycopg.Error: the server did not answer.
    """
    holding = {int(pid) for (pid,) in connection.execute(_HOLDING, [database]) if pid is not None}
    return [
        one
        for one in sessions(connection, database)
        if not one.ours and (one.in_transaction or one.pid in holding)
    ]


def stop_cleaning(connection: Connection[Row], database: str) -> None:
    """Tell the server's own vacuum to stop: it gives way to whoever waits, and comes again.

    To wait for that with locks in hand could have the server choose the application as the one that
    ends a circle. A role that may not do so waits until it has ended.
    """
    with suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND backend_type = %s",
            [database, _VACUUM],
        )
