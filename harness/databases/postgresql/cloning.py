"""A clone of a database by the server itself, by the fastest way that it has for it.

https://www.postgresql.org/docs/current/sql-createdatabase.html
"""

from __future__ import annotations

import psycopg

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.seat import Seat

_STRATEGY, _METHOD = 150000, 180000  # the versions from which on there is a choice
_NOT_HERE = ("XX000", "58030", "0A000", "22023")  # how a system says that it clones no files
# WAL costs by the size; copied files cost two checkpoints, and the disk has to take them, whatever
# is copied. Which file system is below nobody can ask the server, so it is decided by the size and
# by whether the server waits for its disk. Medians in ms of wal_log, file_copy, file_copy with
# cloned files (PostgreSQL 18, two busy cores; tests/benchmarks/clones.py):
#
#                          12 MB              110 MB              1 GB
#   tmpfs                  57    40    45     722   282   239     9100  2900  2800
#   tmpfs, fsync off       85    41    32     593   279   227     5800  2600  2300
#   ext4                  429  1325  1535    1209  1924  1954     8700  3900  3800
#   ext4, fsync off       116    91    92     760   342   304     7600  4900  2600
#   XFS                   100  1193  1263    1179  1800  1093    10900 10800   960
#   XFS, fsync off         91    64    35     711   177    32     5000  6600    44
#
# "Cloned" is copy_file_range(2): where the file system shares no blocks it copies them.
_LARGE_BYTES = 200_000_000
_CLONED = "clone"


def clone(
    seat: Seat, source: str, name: str, *, ends: bool = True, wait_ms: float | None = None
) -> float:
    """Clone a database.

    Args:
        seat: on the server.
        source: the name of the one that is cloned.
        name: of the new one.
        ends: whether who is connected to ``source`` is ended; else they are waited for.
        wait_ms: how long; None is as long as for other statements.

    Returns:
        How long others were waited for, in ms.

    Raises:
        NotAlone: somebody is there all the same.
        psycopg.Error: what else the server said.
    """
    strategy, method = _way(seat, source)
    statement = f"CREATE DATABASE {quoted(name)} TEMPLATE {quoted(source)} {strategy}".strip()
    how = {} if wait_ms is None else {"wait_ms": wait_ms}
    if method:
        try:
            seat.session.execute(f"SET file_copy_method = {method}")
            return seat.alter(statement, source, ends=ends, **how)
        except psycopg.Error as error:
            if error.sqlstate not in _NOT_HERE:
                raise
            seat.session.execute("SET file_copy_method = copy")
    return seat.alter(statement, source, ends=ends, **how)


def _way(seat: Seat, source: str) -> tuple[str, str]:
    """Give the strategy, and the method of copying files; empty where there is no choice."""
    version = seat.door.info.server_version
    if version < _STRATEGY:
        return "", ""
    ((size_bytes, syncs),) = seat.door.execute(
        "SELECT pg_database_size(%s), current_setting('fsync') = 'on'", [source]
    ).fetchall()
    if syncs and size_bytes < _LARGE_BYTES:
        return "STRATEGY wal_log", ""
    return "STRATEGY file_copy", _CLONED if version >= _METHOD else ""
