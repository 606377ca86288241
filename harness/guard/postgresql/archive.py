"""What restores have thrown away: databases beside the one that is guarded, the newest few.

A restore gives what it takes out of the database's place the name of an archive: nothing is copied,
and owner, rights and settings stay with it. Only databases of exactly such names are ever removed,
and none to which somebody is connected.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from harness.databases.postgresql import owner
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import beside, quoted
from harness.databases.postgresql.sealed import sealed
from harness.databases.postgresql.seat import Seat

_PREFIX = "harness_archive_"  # they stand together in a list of databases
_TIME = "%Y%m%d_%H%M%S"
_AS_LONG = "00000000_000000"
KEPT = 3  # of one database; each is as large as it was
_BACKUP = "_e2e_backup"  # of a guard's chain; the second's with _1
_MOST_PLACES = 10  # of a chain that anybody would write


@dataclass(frozen=True)
class Archive:
    """One of them.

    Attributes:
        database: where it is.
        made_at: when it was taken out of its place.
        size_bytes: on the server; None where this role may not know.
    """

    database: PostgresDatabase
    made_at: datetime
    size_bytes: int | None


def next_name(seat: Seat, database: PostgresDatabase) -> PostgresDatabase:
    """Choose a name that is free, by the time, in UTC."""
    at = datetime.now(tz=UTC)
    while seat.exists(name := _named(database, f"{at:{_TIME}}")):
        at += timedelta(seconds=1)  # a number behind it would not fit into every name
    return database.named(name)


def _named(database: PostgresDatabase, time: str) -> str:
    return beside(database.name, f"_{time}", prefix=_PREFIX)


def listed(seat: Seat, database: PostgresDatabase) -> list[Archive]:
    """Give those there are, the oldest first."""
    stem = _named(database, _AS_LONG)[: -len(_AS_LONG)]
    rows = seat.door.execute(
        "SELECT datname, CASE WHEN has_database_privilege(oid, 'CONNECT')"
        " OR pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_database_size(oid) END"
        " FROM pg_database WHERE left(datname, %s) = %s ORDER BY datname",
        [len(stem), stem],
    ).fetchall()
    return [
        Archive(database.named(str(name)), made_at, size_bytes)
        for name, size_bytes in rows
        if (made_at := _made_at(str(name).removeprefix(stem))) is not None
    ]


def _made_at(text: str) -> datetime | None:
    if not re.fullmatch(r"\d{8}_\d{6}", text, re.ASCII):
        return None  # of a database whose own name goes on like this
    with suppress(ValueError):
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    return None


def thin(seat: Seat, database: PostgresDatabase) -> None:
    """Remove all but the newest; who is in the way of that is not disturbed."""
    with suppress(psycopg.Error):  # a courtesy: what stays is in the list
        for old in listed(seat, database)[:-KEPT]:
            name = old.database.name
            if not _is_in_use(seat, name):
                with suppress(psycopg.Error):  # of another role, or somebody has just connected
                    seat.write(f"ALTER DATABASE {quoted(name)} IS_TEMPLATE false")
                    seat.alter(f"DROP DATABASE IF EXISTS {quoted(name)}")


def _is_in_use(seat: Seat, name: str) -> bool:
    ((number,),) = seat.door.execute(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = %s)"
        " + (SELECT count(*) FROM pg_prepared_xacts WHERE database = %s)",
        [name, name],
    ).fetchall()
    return bool(number)


def about(archive: PostgresDatabase) -> list[str]:
    """Say how to look at it, how long it stays, and how to be rid of it."""
    return [
        f"look at it with psql; the newest {KEPT} of these databases stay, and to remove it: "
        f"DROP DATABASE {quoted(archive.name)}"
    ]


# Backups of a guard's own.


def standing(seat: Seat, database: PostgresDatabase) -> list[PostgresDatabase]:
    """Give every backup of this role's guards that stands there of a database."""
    return [
        database.named(name)
        for name in _backups(seat, database)
        if owner.stranger(seat.door, name) is None
    ]


def of_another(seat: Seat, database: PostgresDatabase) -> tuple[str, str] | None:
    """Give a backup that another role's guard has made of a database, and that role."""
    for name in _backups(seat, database):
        if (role := owner.stranger(seat.door, name)) is not None:
            return name, role
    return None


def _backups(seat: Seat, database: PostgresDatabase) -> list[str]:
    names = [beside(database.name, suffix_of(place)) for place in range(_MOST_PLACES)]
    rows = seat.door.execute("SELECT datname FROM pg_database WHERE datname = ANY(%s)", [names])
    there = {str(name) for (name,) in rows}
    found = [(name, sealed(seat.door, name)) for name in names if name in there]
    return [name for name, seal in found if seal is not None and seal.of == database.name]


def suffix_of(place: int) -> str:
    """Give what follows a database's name in that of the backup of a place in the chain."""
    return _BACKUP if place == 0 else f"{_BACKUP}_{place}"


def keep_backup(
    seat: Seat, database: PostgresDatabase, backup: PostgresDatabase
) -> PostgresDatabase | None:
    """Give a backup the name of an archive; None where it is gone."""
    if not seat.exists(backup.name):
        return None
    kept = next_name(seat, database)
    for option in ("IS_TEMPLATE false", "ALLOW_CONNECTIONS true"):  # as a backup has neither
        seat.write(f"ALTER DATABASE {quoted(backup.name)} {option}")
    seat.write(f"ALTER DATABASE {quoted(backup.name)} RENAME TO {quoted(kept.name)}")
    return kept
