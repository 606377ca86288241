"""Sessions of the harness's own: they read and write the same whatever role or database has set.

Every setting comes with the start of the session, so that none that a role or a database has set
(``ALTER DATABASE ... SET``, a ``statement_timeout`` of 1 ms for instance) is there for a moment.
"""

from __future__ import annotations

import select
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.unreached import why_unreached
from harness.errors import UsageError

APPLICATION = "reliability-harness"  # as which a session of ours shows in pg_stat_activity
_CONNECT_S = 10
# https://www.postgresql.org/docs/current/runtime-config-client.html
_SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO,MDY",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "lc_monetary": "C",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "jit": "off",  # to compile costs more than what it could save of a count
    "search_path": "pg_catalog",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read\\ committed",
    "row_security": "off",  # what a policy hides is an error, not a row less
    "synchronous_commit": "on",
    "client_min_messages": "warning",
    "client_connection_check_interval": "500ms",  # a killed guard's statement ends with it
}

_TRANSACTION_TIMEOUT = 170000  # the first version that has it

Row = tuple[Any, ...]


def connect(
    database: PostgresDatabase,
    *,
    busy_timeout_ms: int = 1000,
    read_only: bool = False,
    immutable: bool = False,
) -> Connection[Row]:
    """Open a session in which every statement is a transaction of its own.

    Args:
        database: whose.
        busy_timeout_ms: how long a statement waits for another's lock; 0 is not at all.
        read_only: whether it must not write.
        immutable: on what nobody writes; means nothing here.

    Raises:
        psycopg.OperationalError: it cannot be reached; the message is the server's.
    """
    settings = _SETTINGS | {
        "lock_timeout": str(max(1, busy_timeout_ms)),
        "default_transaction_read_only": "on" if read_only else "off",
    }
    given = database.parameters
    options = " ".join([given.get("options", ""), *(f"-c {k}={v}" for k, v in settings.items())])
    own = {"options": options.strip(), "client_encoding": "UTF8", "application_name": APPLICATION}
    own |= {"connect_timeout": given.get("connect_timeout", str(_CONNECT_S))}
    text = make_conninfo(**(given | own))
    # the driver prepares what is asked often, and loses count where an ALTER comes between
    session = psycopg.connect(text, autocommit=True, prepare_threshold=None)
    if session.info.server_version >= _TRANSACTION_TIMEOUT:  # an older one has no such setting
        session.execute("SET transaction_timeout = 0")
    return session


def reached(database: PostgresDatabase, *, busy_timeout_ms: int = 1000) -> Connection[Row]:
    """Open a session as ``connect`` does, or say to people why it cannot be had.

    Raises:
        UsageError: what the server or the system said, without a password.
    """
    try:
        return connect(database, busy_timeout_ms=busy_timeout_ms)
    except psycopg.Error as error:
        why = why_unreached(error)
        raise UsageError(f"{database} cannot be connected to: {why}") from None


def is_lost(connection: Connection[Row]) -> bool:
    """Whether a session has ended, also where the server did that while nothing was asked of it."""
    raw = connection.pgconn
    if connection.closed or raw.transaction_status != TransactionStatus.IDLE:
        return connection.closed
    try:
        while not connection.closed and select.select([raw.socket], [], [], 0)[0]:
            raw.consume_input()  # said unasked: a notice, or why the session ends
    except (psycopg.Error, OSError, ValueError):
        return True
    return connection.closed
