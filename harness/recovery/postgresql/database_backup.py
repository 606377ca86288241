"""A backup that is a database beside the one that is guarded, and how that comes back from it.

A restore clones the backup once more and gives the clone what no clone has: owner, rights, comment,
settings, limit. Then both names change in one transaction: whoever looks finds the one database or
the other, and the backup stays until the restored one is proven.

A rename takes its lock on the database before it waits for those who are connected, and whoever
connects needs that lock too: nobody comes in between.
(https://www.postgresql.org/docs/current/manage-ag-templatedbs.html)
"""

from __future__ import annotations

import secrets
from abc import abstractmethod
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import psycopg

from harness.databases import Differences, Grade
from harness.databases.postgresql import giving, owner, prepared, properties, unlogged
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.cloning import clone
from harness.databases.postgresql.differences import differences
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.names import beside, quoted
from harness.databases.postgresql.sealed import Sealed, sealed
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import connect
from harness.databases.postgresql.undo import installing
from harness.errors import RecoveryRefused, RestoreError, UsageError
from harness.recovery import Recovery

# A template is not dropped by mistake; but whoever may create databases may clone it, and so read
# what is in it. https://www.postgresql.org/docs/current/manage-ag-templatedbs.html
_OTHERS_WHO_CLONE = """
SELECT rolname FROM pg_roles WHERE rolcreatedb AND NOT rolsuper AND rolname <> current_user LIMIT 1
"""
_MADE_BY_ANOTHER = (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation)
SPARE, OLD = "_e2e_spare", "_e2e_old"


class DatabaseBackup(Recovery):
    """See ``Recovery``; ``database`` and ``backup`` are addresses on one server."""

    engines: ClassVar[tuple[str, ...]] = ("postgresql",)
    database: PostgresDatabase
    backup: PostgresDatabase

    # Gives the name under which what a restore throws away is kept; None where it is not.
    keep_as: Callable[[], str | None] = staticmethod(lambda: None)
    # Removes archives that are too many, once nothing of a restore is open any more.
    thin: Callable[[], None] = staticmethod(lambda: None)
    ended_ms = 0.0  # of the last restore: what the server took to end the sessions in its way
    _seal: Sealed | None = None
    _is_own = False  # whether what has the names of backup and spare was made here, or by its like
    _size_bytes = 0
    _token = ""  # of the capture; empty where a journal does not tell
    _is_believed = True  # what the backup says of itself; people may name one of anybody's
    _restored: int | None = None  # the OID of the clone that has come into the database's place

    @cached_property
    def seat(self) -> Seat:
        """Where it sits on the server; a guard's is that of its journal."""
        return Seat(self.database, busy_timeout_ms=self.busy_timeout_ms)

    @abstractmethod
    def copy(self) -> None:
        """Make the backup's database, which is not there yet, from the one that is guarded."""

    def marked(self, mark: Mark) -> Mark:
        """Give what is noted of the moment of the copy, taken just before it."""
        return mark

    # Before the tests.

    def capture(self) -> None:
        """Make the backup, and note in it of what it is.

        Raises:
            RecoveryRefused: there is no database, or another has the backup's name.
            psycopg.Error: as the server says; nothing is left then.
        """
        seat, name = self.seat, self.backup.name
        oid = seat.oid(self.database.name)
        if oid is None:
            raise RecoveryRefused(f"there is no database {self.database}")
        self._remove_own()
        seat.settle(seat.quiet_number())
        mark = Mark.taken(self.database, seat.session)
        had = properties.read(seat.door, self.database.name).to_json()
        self._is_own, self._token = True, secrets.token_hex(8)
        try:
            self.copy()
            noted = self.marked(mark).to_json()
            with closing(connect(self.backup, busy_timeout_ms=self.busy_timeout_ms)) as made:
                noted["unlogged"] = unlogged.filled(made)
            seal = Sealed(self.database.name, oid, self._token, had, noted)
            seat.write(seal.statement(name))
            seat.write(f"REVOKE ALL ON DATABASE {quoted(name)} FROM PUBLIC")
            if not seat.look(_OTHERS_WHO_CLONE):
                seat.write(f"ALTER DATABASE {quoted(name)} IS_TEMPLATE true")
        except _MADE_BY_ANOTHER as error:
            self._is_own = False
            raise RecoveryRefused(_taken(name, sealed(seat.door, name))) from error
        except BaseException:
            self._drop_backup()
            raise
        self._seal = seal
        ((size_bytes,),) = seat.door.execute("SELECT pg_database_size(%s)", [name]).fetchall()
        self._size_bytes = int(size_bytes)

    def untouched(self) -> bool:
        """Whether nobody has written on the server since, and no sequence has moved."""
        return self.seat.is_quiet() and self.differences().clean("exact")

    # After them.

    def check(self) -> None:
        """Prove that the backup is there and is what was captured.

        Raises:
            RestoreError: it is gone, another stands in its place, or another role has it.
        """
        seal = sealed(self.seat.door, self.backup.name)
        if seal is None:
            what = "is no backup any more" if self.seat.exists(self.backup.name) else "is gone"
            raise RestoreError(f"the backup, the database {self.backup.name}, {what}")
        if self._seal is None or seal.token != self._seal.token:
            raise RestoreError(f"the backup, the database {self.backup.name}, is another's")
        if (role := owner.stranger(self.seat.door, self.backup.name)) is not None:
            raise RestoreError(
                f"the backup, the database {self.backup.name}, is of the role {role}, so it is not "
                "believed"
            )

    def differences(self, *, grade: Grade = "exact") -> Differences:
        """Compare; where nobody has written on the server only what moves without that."""
        self._let_in()
        found = differences(
            self.database,
            self.backup,
            grade=grade,
            busy_timeout_ms=self.busy_timeout_ms,
            quiet=self.seat.is_quiet(),
            stands_for=self._restored,
            believed=self._is_believed,
        )
        # one that was there before would have kept the backup from being made
        left = prepared.differences(self.seat.door, self.database.name)
        left += prepared.under_way(self.seat.door, self.database.name)
        return replace(found, schema=(*found.schema, *left)) if left else found

    def keep_out_of_reach(self) -> None:
        """Let nobody connect to the backup: what tests do in every database is not done there."""
        self.seat.write(f"ALTER DATABASE {quoted(self.backup.name)} ALLOW_CONNECTIONS false")

    def _let_in(self) -> None:
        """See that the backup can be connected to, now that the tests have ended."""
        query = "SELECT 1 FROM pg_database WHERE datname = %s AND NOT datallowconn"
        if self.seat.look(query, [self.backup.name]):
            self.seat.write(f"ALTER DATABASE {quoted(self.backup.name)} ALLOW_CONNECTIONS true")

    def restore(self) -> None:
        """Clone the backup, and give the clone the database's name.

        Raises:
            RestoreError: the backup is not what was captured, or somebody cannot be ended.
            psycopg.Error: as the server says; the database is as it was.
        """
        self.check()
        assert self._seal is not None  # noqa: S101 - for mypy: it has been checked
        name, spare, old = self.database.name, self._spare, self._old
        for left in (spare, old):
            self._drop(left)
        clone(self.seat, self.backup.name, spare)
        for statement in giving.needed(self.seat.door, self._seal.properties, spare):
            self.seat.write(statement)
        there = self.seat.is_whole(name)
        if not there:
            self._drop(name)  # what a broken-off DROP DATABASE has left of it
        else:
            prepared.roll_back(self.database, prepared.prepared(self.seat.door, name))
        kept = self.keep_as() if there else None
        self._swap(name, spare, kept or old, there=there)
        self._restored = self.seat.oid(name)
        if kept is None:
            self._drop(old)
        else:
            with suppress(psycopg.Error, UsageError):  # what is put aside may keep its triggers
                installing.free(self.database.named(kept))

    def _swap(self, name: str, spare: str, aside: str, *, there: bool) -> None:
        renames = [f"ALTER DATABASE {quoted(spare)} RENAME TO {quoted(name)}"]
        if there:
            renames.insert(0, f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(aside)}")
        self.ended_ms = self.seat.alone(renames, name, spare)

    def dispose(self) -> None:
        """Remove the backup, and what a restore that was broken off has left."""
        self._seal = None
        if self._is_own:
            self._drop(self._spare)
            self._drop(self._old)
            self._drop_backup()
        self.thin()

    def discard(self) -> None:
        """Remove the backup alone: what a restore may have under way stays."""
        self._seal = None
        if self._is_own:
            self._drop_backup()

    @property
    def _spare(self) -> str:
        return beside(self.database.name, SPARE)

    @property
    def _old(self) -> str:
        return beside(self.database.name, OLD)

    @property
    def _names(self) -> tuple[str, ...]:
        return self._spare, self._old, self.backup.name

    def taken(self) -> str:
        """Say who has a name that it is going to give; "" where nobody has."""
        names = [name for name in self._names if self.seat.exists(name)]
        return _taken(names[0], sealed(self.seat.door, names[0])) if names else ""

    def _remove_own(self) -> None:
        """Remove what an earlier capture has left; RecoveryRefused for what is somebody else's."""
        for name in self._names:
            if self.seat.exists(name):
                if not self._is_own:
                    raise RecoveryRefused(_taken(name, sealed(self.seat.door, name)))
                if name == self.backup.name:
                    self._drop_backup()
                else:
                    self._drop(name)

    def _drop_backup(self) -> None:
        """Remove the backup of this capture; never one that a guard of another role has made."""
        seal = sealed(self.seat.door, self.backup.name)
        is_other = seal is not None and self._token and seal.token != self._token
        if owner.is_own(self.seat.door, self.backup.name) and not is_other:
            self._drop(self.backup.name)

    def _drop(self, name: str) -> None:
        self.seat.drop(name)

    # For who comes after a kill.

    @property
    def baseline(self) -> PostgresDatabase:
        """The database that holds the baseline."""
        return self.backup

    @property
    def size_bytes(self) -> int:
        """The size of the backup on the server."""
        return self._size_bytes

    @property
    def stands_apart(self) -> bool:
        """Whether its backup is there."""
        return self.seat.exists(self.backup.name)

    def describe(self) -> dict[str, Any]:
        """Name the capture; the database that it made says the rest."""
        if self._seal is not None:
            return {"recovery": self.name, "token": self._seal.token}
        stood = not self._is_own and any(map(self.seat.exists, self._names))
        return {"recovery": self.name} | ({"stood_before": True} if stood else {})

    def resume(self, description: dict[str, Any]) -> None:
        """Find the backup again; RestoreError where it is not what was captured."""
        seal = sealed(self.seat.door, self.backup.name)
        self._seal, self._is_own = seal, not description.get("stood_before")
        self._token = str(description.get("token", ""))
        if seal is not None and seal.token != description.get("token"):
            self._seal = None
        self.check()


def _taken(name: str, seal: Sealed | None) -> str:
    """Say who has a name that a guard needs."""
    if seal is None:
        return (
            f"there is a database {name}, whose name a guard's own has, and it is none: rename it "
            "or remove it"
        )
    return (
        f"there is a database {name}, a backup of {seal.of} of which no journal tells: look at it, "
        f"put it back if need be (harness restore), then remove it (ALTER DATABASE {quoted(name)} "
        f"IS_TEMPLATE false; DROP DATABASE {quoted(name)})"
    )
