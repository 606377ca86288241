"""What restores have thrown away: databases beside the one that is guarded, the newest few.

A restore gives what it takes out of the database's place the name of an archive: nothing is copied.
"""

from __future__ import annotations

import time

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import beside, quoted
from harness.databases.postgresql.seat import Seat

_SUFFIX = "_e2e_archive_"
KEPT = 3  # of one database; each is as large as it was


def next_name(seat: Seat, database: PostgresDatabase) -> PostgresDatabase:
    """Choose a name that is free, by the time, in UTC."""
    stem = time.strftime("%Y%m%d_%H%M%S", time.gmtime())
    number = 0
    while True:
        name = beside(database.name, f"{_SUFFIX}{stem}" + (f"_{number}" if number else ""))
        if not seat.exists(name):
            return database.named(name)
        number += 1


def listed(seat: Seat, database: PostgresDatabase) -> list[PostgresDatabase]:
    """Give those there are, the oldest first."""
    stem = beside(database.name, f"{_SUFFIX}00000000_000000")[: -len("00000000_000000")]
    rows = seat.door.execute(
        "SELECT datname FROM pg_database WHERE left(datname, %s) = %s ORDER BY datname",
        [len(stem), stem],
    ).fetchall()
    return [database.named(str(name)) for (name,) in rows]


def thin(seat: Seat, database: PostgresDatabase) -> None:
    """Remove all but the newest."""
    for old in listed(seat, database)[:-KEPT]:
        seat.drop(old.name)


def standing(seat: Seat, database: PostgresDatabase) -> list[PostgresDatabase]:
    """Give every backup that stands there of a database."""
    return []


def keep_backup(
    seat: Seat, database: PostgresDatabase, backup: PostgresDatabase
) -> PostgresDatabase | None:
    """Give a backup the name of an archive; None where it is gone."""
    if not seat.exists(backup.name):
        return None
    kept = next_name(seat, database)
    seat.write(f"ALTER DATABASE {quoted(backup.name)} IS_TEMPLATE false")
    seat.write(f"ALTER DATABASE {quoted(backup.name)} RENAME TO {quoted(kept.name)}")
    return kept
