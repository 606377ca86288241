"""Which databases have been made for workers of pytest-xdist: noted on the server before each is.

The note stands in the guards' own small database. A lock of the session that makes them says that
they are in use; it goes with that session, but not before a statement has ended that goes on after
its client was killed. A note without the lock is what a killed session has left.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress

import psycopg

from harness.databases.postgresql.alone import NotAlone
from harness.databases.postgresql.seat import Seat

_TABLE = "public.worker_copies"
_MAKE = f"CREATE TABLE IF NOT EXISTS {_TABLE} (name text PRIMARY KEY, database text NOT NULL)"


def claim(seat: Seat, name: str) -> bool:
    """Take the lock of a name, and note it; False where another session has it, or who it is of.

    What a killed session has left under it is removed.

    Raises:
        psycopg.Error, NotAlone: as the server says.
    """
    with suppress(psycopg.errors.UniqueViolation):  # another makes it just now
        seat.session.execute(_MAKE)
    if not _locked(seat, name):
        return False
    if name in _noted(seat):
        seat.drop(name)
    elif seat.exists(name):
        _unlock(seat, name)
        return False  # whoever it is of, it is none of ours
    else:
        seat.write(f"INSERT INTO {_TABLE} VALUES (%s, %s)", [name, seat.database.name])
    return True


def remove(seat: Seat, name: str) -> None:
    """Remove a database that was claimed, whoever is connected to it, and its note.

    Raises:
        psycopg.Error, NotAlone: it is still there, and the note as well.
    """
    seat.drop(name)
    forget(seat, name)


def forget(seat: Seat, name: str) -> None:
    """Give a name up: what has it is none of ours."""
    seat.write(f"DELETE FROM {_TABLE} WHERE name = %s", [name])
    _unlock(seat, name)


def sweep(seat: Seat) -> None:
    """Remove what killed sessions have left of a database; what stays is noted still.

    Not while a guard of that database is at work, whose session may be lost, and its locks with it.
    """
    if not seat.is_made:
        return
    for name in _noted(seat):
        if _locked(seat, name):
            with suppress(psycopg.Error, NotAlone):
                remove(seat, name)


def _noted(seat: Seat) -> list[str]:
    query = f"SELECT name FROM {_TABLE} WHERE database = %s ORDER BY name"
    try:
        rows = seat.session.execute(query, [seat.database.name]).fetchall()
    except psycopg.errors.UndefinedTable:
        return []
    return [str(name) for (name,) in rows]


def _locked(seat: Seat, name: str) -> bool:
    ((free,),) = seat.session.execute("SELECT pg_try_advisory_lock(%s)", [_key(name)]).fetchall()
    return bool(free)


def _unlock(seat: Seat, name: str) -> None:
    seat.session.execute("SELECT pg_advisory_unlock(%s)", [_key(name)])


def _key(name: str) -> int:
    digest = hashlib.sha256(f"worker {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
