"""The BACKUP that people name: another database of the server, and of what it is a backup.

What ``harness backup`` or a guard has made says that itself. An archive says it by its name.
Anything else may be whatever it is, and so is taken only by force.
"""

from __future__ import annotations

import os
import secrets
from contextlib import closing
from dataclasses import replace

from harness.databases.engine import Given
from harness.databases.engines import address_of
from harness.databases.postgresql import owner, properties
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import MOST_BYTES, beside
from harness.databases.postgresql.sealed import Sealed, sealed
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import Row, reached
from harness.errors import RestoreError, UsageError
from harness.guard.postgresql import archive
from harness.recovery.postgresql.database_backup import OLD, SPARE
from harness.recovery.template import Template
from harness.system.files import Files

SERVERS_OWN = frozenset({"postgres", "template0", "template1"})
FORCE = "Give --force to restore it all the same"


def named(database: PostgresDatabase, backup: Given) -> PostgresDatabase:
    """Give the database that BACKUP names: by its name, or by its address on the same server.

    Raises:
        UsageError: it can be none.
    """
    name = os.fsdecode(backup)
    if "://" in name:
        other = address_of(backup, what="BACKUP")
        if not isinstance(other, PostgresDatabase) or not _on_one_server(database, other):
            raise UsageError(
                f"BACKUP: {other} is on another server than {database}: a backup stands beside its "
                "database. Give the name of a database there"
            )
        name = other.name
    if not name or "\0" in name:
        raise UsageError("BACKUP: give the name of a database on the same server")
    if len(name.encode(errors="surrogateescape")) > MOST_BYTES:
        raise UsageError(
            f"BACKUP: the name is longer than the {MOST_BYTES} bytes that PostgreSQL has for one: "
            f"it would cut off the rest of {name!r}"
        )
    if name == database.name:
        raise UsageError(f"BACKUP: {name} is the database itself: choose another name")
    if name in (beside(database.name, SPARE), beside(database.name, OLD)):
        raise UsageError(f"BACKUP: {name} is what a restore itself makes: choose another name")
    if name in SERVERS_OWN:
        raise UsageError(f"BACKUP: {name} is the server's own: choose another name")
    return database.named(name)


def _on_one_server(database: PostgresDatabase, other: PostgresDatabase) -> bool:
    """Whether both are answered by one server: it knows since when it runs, to the microsecond."""
    places = [
        [one.parameters.get(key, "") for key in ("hostaddr", "host", "port")]
        for one in (database, other)
    ]
    if places[0] == places[1]:
        return True
    since = []
    for one in (database, other):
        with closing(reached(one.named("postgres"))) as connection:
            since += connection.execute(
                "SELECT pg_postmaster_start_time(), current_setting('data_directory', true),"
                " current_setting('port')"
            ).fetchall()
    return since[0] == since[1]


class Snapshot(Template):
    """A recovery whose backup is the database that people have named.

    Args:
        seat: on the server.
        source: the database.

    Raises:
        UsageError: there is none of that name.
    """

    def __init__(self, seat: Seat, source: PostgresDatabase) -> None:
        super().__init__(seat.database, source, files=Files(), busy_timeout_ms=seat.busy_timeout_ms)
        self.seat = seat
        self._is_own = True  # the names of spare and old; the backup stays in any case
        if not seat.exists(source.name):
            raise UsageError(f"{source.name}: there is no such database on the server: {source}")
        seal = sealed(seat.door, source.name)
        self.is_sealed = seal is not None
        self._stranger = owner.stranger(seat.door, source.name, of=self.database.name)
        self._is_believed = self._stranger is None
        if seal is not None and owner.stranger(seat.door, source.name) is not None:
            # whoever wrote it may not say what a more powerful role is to set here
            like = seat.database.name if seat.exists(seat.database.name) else source.name
            seal = replace(seal, properties=properties.read(seat.door, like).to_json())
        self._seal = seal or Sealed(
            self._archived_of(),
            seat.oid(source.name) or 0,
            secrets.token_hex(8),
            properties.read(seat.door, source.name).to_json(),
            {},
        )

    def _archived_of(self) -> str:
        names = [one.database.name for one in archive.listed(self.seat, self.database)]
        return self.database.name if self.backup.name in names else ""

    def refuse_another(self) -> None:
        """Refuse what is no backup of this database, or may be anybody's; UsageError."""
        name, of = self.backup.name, self._seal.of if self._seal else ""
        if of != self.database.name:
            what = f"is a backup of {of}" if of else "is no backup that was made here"
            raise UsageError(f"{name} {what}, not of {self.database}: nothing was touched. {FORCE}")
        if self._stranger is not None:
            raise UsageError(
                f"{name} is of the role {self._stranger}, who may have put anything there: nothing "
                f"was touched. {FORCE}"
            )

    def check(self) -> None:
        """See that it is there; RestoreError: it is gone, or another's by now."""
        seal = sealed(self.seat.door, self.backup.name)
        known = self._seal.token if self._seal and self.is_sealed else None
        if not self.seat.exists(self.backup.name) or (seal.token if seal else None) != known:
            raise RestoreError(f"the database {self.backup.name} is not what it was any more")

    def dispose(self) -> None:
        """Remove what a restore that was broken off has left; the backup is people's own."""
        for name in self._names:
            if name != self.backup.name:
                self._drop(name)


def connected(seat: Seat, name: str) -> list[str]:
    """Name who is connected to a database, for people."""
    rows: list[Row] = seat.door.execute(
        "SELECT usename, application_name, pid FROM pg_stat_activity WHERE datname = %s"
        " AND backend_type = 'client backend' ORDER BY pid",
        [name],
    ).fetchall()
    return [f"{role} ({program or 'unnamed'}, process {pid})" for role, program, pid in rows]
