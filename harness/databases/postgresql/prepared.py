"""Transactions that were prepared for a commit in two phases and left: they survive every session.

https://www.postgresql.org/docs/current/sql-prepare-transaction.html
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing, suppress
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg import Connection

from harness.databases import SchemaDifference
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import literal
from harness.databases.postgresql.session import Row, connect
from harness.printable import printable


class Prepared(NamedTuple):
    """A transaction that somebody has prepared and not ended."""

    name: str
    owner: str
    database: str
    since: datetime


def prepared(connection: Connection[Row], database: str) -> list[Prepared]:
    """Give those of a database; any role may see them, from any database of the server.

    Raises:
        psycopg.Error: the server did not answer.
    """
    rows = connection.execute(
        "SELECT gid, owner, database, prepared FROM pg_prepared_xacts WHERE database = %s "
        "ORDER BY gid",
        (database,),
    )
    return [Prepared(*row) for row in rows]


def differences(connection: Connection[Row], database: str) -> tuple[SchemaDifference, ...]:
    """Give them as what a baseline does not have: committed later they would change the database.

    Raises:
        psycopg.Error: the server did not answer.
    """
    return tuple(
        SchemaDifference("prepared transaction", one.name, "added")
        for one in prepared(connection, database)
    )


def named(those: Collection[Prepared]) -> str:
    """Say what they are, and how they are ended by hand."""
    return "; ".join(
        f"transaction {printable(one.name)!r} of {printable(one.owner)} is prepared in database "
        f'"{printable(one.database)}" since {one.since:%Y-%m-%d %H:%M:%S}: in that database, as '
        f"its owner or a superuser, type ROLLBACK PREPARED {printable(literal(one.name)).strip()}"
        for one in those
    )


def under_way(connection: Connection[Row], database: str) -> tuple[SchemaDifference, ...]:
    """Give the transactions that have written there and are not at their end, as differences.

    Whoever commits one later would change what was proven. They are told by the lock that each has
    on its own number: sessions hide their states from other roles, locks do not. The server's own
    vacuum writes nothing that anybody has put there; it is who works there as no role.
    https://www.postgresql.org/docs/current/view-pg-locks.html
    """
    rows = connection.execute(
        "SELECT DISTINCT a.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
        " WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted"
        " AND a.datname = %s AND a.pid <> pg_backend_pid() AND a.usesysid IS NOT NULL"
        " ORDER BY 1",
        [database],
    )
    return tuple(
        SchemaDifference("open transaction", f"of session {pid}", "added") for (pid,) in rows
    )


def roll_back(database: PostgresDatabase, those: Collection[Prepared]) -> list[Prepared]:
    """Roll them back, from a session in their own database; those that are still there.

    Only their owner and a superuser may; another is left to whoever finds the database in use.

    Raises:
        psycopg.Error: the server did not answer.
    """
    if not those:
        return []
    with closing(connect(database)) as connection:
        for one in those:
            with suppress(
                psycopg.errors.UndefinedObject,  # ended meanwhile
                psycopg.errors.InsufficientPrivilege,
                psycopg.errors.ObjectNotInPrerequisiteState,  # somebody is ending it
            ):
                connection.execute(f"ROLLBACK PREPARED {literal(one.name)}".encode())
        return prepared(connection, database.name)
