"""The guarded PostgreSQL database, and what a guard keeps of it beside it on its server."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import psycopg

from harness import registry
from harness.databases.postgresql import clients, sessions
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import beside
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import reached
from harness.errors import UsageError
from harness.guard.postgresql import archive, choosing, refusals, worker_notes
from harness.guard.postgresql.journal import ServerJournal
from harness.guard.postgresql.notes import Note, pending
from harness.guard.refusals import ABSENT_OK
from harness.guard.result import GuardResult, Kept
from harness.guard.target import Say
from harness.hidden import without_passwords
from harness.recovery import Recovery
from harness.recovery.postgresql.absence import DatabaseAbsence
from harness.recovery.postgresql.database_backup import DatabaseBackup
from harness.system.files import Files

__all__ = ["DatabaseTarget", "made", "pending"]

_ENDS_MS = 5000.0
_EVER = datetime.min.replace(tzinfo=UTC)


class DatabaseTarget:
    """See ``harness.guard.target.Target``. Only a database can be in its place."""

    is_open_here = False  # sessions of this process are sessions as any others
    is_elsewhere = False
    has_place = True

    def __init__(
        self, address: PostgresDatabase, files: Files, *, busy_timeout_ms: int, state: Path | None
    ) -> None:
        self.address = self.given = self.database = address
        self.engine = address.engine
        self.files, self.busy_timeout_ms = files, busy_timeout_ms
        self.seat = Seat(address, busy_timeout_ms=busy_timeout_ms)
        self.journal = ServerJournal(self.seat, Note(address.whole, state))
        self._archive_as: str | None = None
        self._began = _EVER  # by the server's clock; after a kill whoever has no client counts

    # What must not be guarded.

    def names(self) -> tuple[str, ...]:
        """Give the server's name and the database's."""
        return refusals.names(self.address)

    def refuse_name(self) -> None:
        """Have nothing to refuse: a name on a server leads to one database."""

    def refuse_place(self, *, override: bool, absent_ok: bool = False) -> None:
        """Refuse a server that looks like somebody's, what is no database for tests, or none."""
        refusals.refuse_place(self.address, override=override)
        refusals.refuse_stand_in(self.seat.door, self.address, override=override)
        if self.journal.exists:
            return  # a killed guard's tests may have removed it
        if not (absent_ok or self.is_there):
            raise UsageError(
                f"{self.address}: there is no such database. Check its name, or make it. If the "
                f"tests make it, say {ABSENT_OK}: it is removed again when they have ended."
            )

    def refuse_unfit(self, recoveries: Sequence[str]) -> None:
        """Refuse a server, rights, or names with which the recoveries could not work."""
        refusals.refuse_server(self.seat.door, self.address, recoveries)
        for place, name in enumerate(recoveries):
            recovery = self.recovery(name, place)
            if isinstance(recovery, DatabaseBackup) and (taken := recovery.taken()):
                raise UsageError(f"{self.address}: {taken}")

    def fitting(self, recoveries: Sequence[str], *, say: Say) -> tuple[str, ...]:
        """Take what leaves everybody connected, where somebody is and the role may do it."""
        taken, why = choosing.chosen(self.seat, self.address, recoveries)
        if why:
            say(why)
        return taken

    def refuse_in_use(self, recoveries: Sequence[str]) -> None:
        """Have nothing to refuse: who is connected is ended when the baseline comes back."""

    def finish_elsewhere(
        self, result: GuardResult, *, archives: bool, beside_survivors: bool = False
    ) -> None:
        """Never be asked to: see ``is_open_here``."""
        raise NotImplementedError

    # What stands in its place.

    def refuse_unreadable(self) -> None:
        """Refuse what cannot be connected to, and what others are made from."""
        refusals.refuse_template(self.seat.door, self.address)
        if self.is_there:  # else its absence is the baseline, or no recovery can capture it
            reached(self.address, busy_timeout_ms=self.busy_timeout_ms).close()

    def note_place(self) -> None:
        """Note the moment alone: what it has beside its content its backup says."""
        ((self._began,),) = self.seat.look("SELECT clock_timestamp()")

    def attributes(self) -> dict[str, tuple[Any, Any]]:
        """Give none: they are settings of the database, and come back with it."""
        return {}

    def put_attributes_back(self) -> list[str]:
        """Have none."""
        return []

    def put_times_back(self) -> None:
        """Have none."""

    def know_attributes(self, recovery: Recovery, description: dict[str, Any]) -> None:
        """Have none."""

    def refuse_stranger(self, *, given: bool = False) -> None:
        """Have nothing to refuse: only a database can have a database's name."""

    def refuse_detour(self) -> None:
        """Have nothing to refuse, as above."""

    @property
    def is_gone(self) -> bool:
        """Whether no database has its name."""
        return not self.is_there

    @property
    def is_there(self) -> bool:
        """Whether there is a database of its name, and not one that was dropped by half."""
        return self.seat.is_whole(self.address.name)

    def make_place(self) -> None:
        """Have nothing to make: a server has room for every name."""

    def bring_back(self) -> bool:
        """Give the journal its rows again, where tests have removed them."""
        self.journal.bring_back()
        return True

    def users(self) -> set[int]:
        """Give the processes on this machine that are connected to it."""
        return clients.users(self.seat.door, self.address.name)

    def lockers(self) -> set[int]:
        """Give the processes on this machine whose sessions keep others from what is in it."""
        return clients.lockers(self.seat.door, self.address.name)

    def orphans(self) -> tuple[str, ...]:
        """Name the sessions that go on with a statement though their client was killed."""
        return tuple(one.named for one in self._left_running())

    def end_orphans(self) -> tuple[str, ...]:
        """End them, so that none commits later what the tests had begun."""
        with suppress(psycopg.Error, UsageError):  # a server that is gone does nothing either
            left = sessions.end(self.seat.door, self._left_running(), _ENDS_MS)
            return tuple(one.named for one in left.there)
        return ()

    def _left_running(self) -> list[sessions.Session]:
        with suppress(psycopg.Error, UsageError):
            return clients.left_running(self.seat.door, self.address.name, self._began)
        return []

    # What is kept of it.

    @property
    def absence(self) -> str:
        """The recovery that removes what the tests have made."""
        return DatabaseAbsence.name

    def recovery(self, name: str, place: int, *, vfs: str | None = None) -> Recovery:
        """Make a recovery whose backup stands beside the database on its server."""
        kind = DatabaseAbsence if name == DatabaseAbsence.name else registry.find("recovery", name)
        suffix = archive.suffix_of(place)
        recovery: Any = kind(
            self.address,
            self.address.named(beside(self.address.name, suffix)),
            files=self.files,
            busy_timeout_ms=self.busy_timeout_ms,
        )
        recovery.engine, recovery.seat = self.engine, self.seat
        if isinstance(recovery, DatabaseBackup | DatabaseAbsence):
            recovery.keep_as, recovery.thin = self.keep_as, self._thin
        return cast(Recovery, recovery)

    def recovery_again(self, description: dict[str, Any]) -> Recovery:
        """Make the recovery that a journal describes."""
        return self.recovery(str(description["recovery"]), int(description["place"]))

    def keep_out_of_reach(self, chain: list[tuple[int, Recovery]]) -> str:
        """Let nobody connect to backups while the tests run; why not, where that cannot be."""
        try:
            for _, recovery in chain:
                recovery.keep_out_of_reach()
        except psycopg.Error as error:
            return without_passwords(" ".join(str(error).split()))
        return ""

    def keep_private(self) -> None:
        """Have nothing that a repository could take up."""

    def standing_backups(self) -> list[PostgresDatabase]:
        """Give those that stand beside it."""
        return archive.standing(self.seat, self.address)

    def may_be_pinned(self) -> bool:
        """Whether its baseline may be in it: never."""
        return False

    def archive(self, *, size_bytes: int = 0) -> PostgresDatabase | None:
        """Say under which name what it holds is kept, once another takes its place."""
        if self.is_gone:
            return None
        kept = archive.next_name(self.seat, self.address)
        self._archive_as = kept.name
        return kept

    def archived(self, kept: Any) -> PostgresDatabase | None:
        """Give it back where it is there: a restore that was broken off has kept nothing."""
        with suppress(psycopg.Error, UsageError):  # who cannot be asked has it, for all we know
            if kept is not None and not self.seat.exists(kept.name):
                return None
        return cast(PostgresDatabase | None, kept)

    def keep_as(self) -> str | None:
        """Give the archive's name, until it has it: what a restore itself made is not kept."""
        name = self._archive_as
        return None if name is None or self.seat.exists(name) else name

    def _thin(self) -> None:
        if self._archive_as is not None:
            archive.thin(self.seat, self.address)

    def archive_backup(
        self, recovery: Recovery, *, chosen: Kept | None = None
    ) -> PostgresDatabase | None:
        """Give what a recovery backed up an archive's name."""
        backup = recovery.baseline
        if recovery.of_absence or getattr(chosen, "name", None) == backup.name:
            return None
        return archive.keep_backup(self.seat, self.address, backup)

    def archive_standing(self) -> tuple[PostgresDatabase, ...]:
        """Keep each, and remove the journal that nobody can read."""
        kept = [
            archive.keep_backup(self.seat, self.address, one) for one in self.standing_backups()
        ]
        self.journal.remove()
        return tuple(one for one in kept if one is not None)

    def sweep(self, *, archives_alone: bool = False) -> None:
        """Remove what the dead have left: workers' own databases, a note on this machine."""
        if not archives_alone:
            self.journal.sweep()
        worker_notes.sweep(self.seat)

    def forget(self) -> None:
        """Have nothing elsewhere."""

    def make_durable(self) -> None:
        """Have the server's log on the disk."""
        if self.is_there:
            self.engine.make_durable(self.address, self.files)


def made(
    address: PostgresDatabase, files: Files, *, busy_timeout_ms: int, state: Path | None
) -> DatabaseTarget:
    """Make the target of a database on a server."""
    return DatabaseTarget(address, files, busy_timeout_ms=busy_timeout_ms, state=state)
