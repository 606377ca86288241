"""What an error of PostgreSQL is, by its SQLSTATE.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import psycopg

from harness.databases.engine import Reason

_STATES = {
    "23503": "foreign-key violation",
    "23001": "foreign-key violation",
    "55P03": "timeout",  # lock not available
    "57014": "timeout",  # statement timeout, or cancelled
    "40P01": "timeout",  # deadlock
    "55006": "timeout",  # others are connected to the database
    "25P03": "timeout",
    "42501": "permission denied",
    "25006": "permission denied",  # a read-only transaction
    "3D000": "missing database",
    "57P01": "connection lost",
    "57P02": "connection lost",
    "57P03": "connection lost",
    "53100": "disk full",
    "58030": "input/output error",
    "P0001": "refused by a trigger",
}
_CLASSES = {
    "08": "connection lost",
    "23": "constraint violation",
    "28": "permission denied",
    "40": "timeout",
    "53": "out of resources",
    "XX": "damaged database",
}
_TRANSIENT = {"08", "40", "53", "57", "58"}
_LOCKS = {"55P03", "40P01", "55006"}


def describe(error: BaseException) -> Reason | None:
    """Return what it is, with its state as a number in base 36; None for one of something else."""
    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate or ""
    if not state:  # libpq's own: the server is not there, or has gone
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        word = "connection lost" if lost else "database error"
        return Reason(word, 0, lost, silent=not str(error).strip())
    word = _STATES.get(state) or _CLASSES.get(state[:2], "database error")
    lock = state in _LOCKS
    return Reason(word, int(state, 36), lock or state[:2] in _TRANSIENT, lock)
