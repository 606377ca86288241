"""A database of its own for each worker of pytest-xdist: NAME_e2e_gw0 and so on, beside it.

Each is a clone of the guard's backup: nobody is ever connected to that, so nobody who is connected
to the guarded database is in the way, and every worker finds the same.
"""

from __future__ import annotations

from pathlib import Path

import psycopg

from harness.databases.postgresql import giving
from harness.databases.postgresql.cloning import clone
from harness.databases.postgresql.names import beside
from harness.databases.postgresql.renaming import renamed
from harness.databases.postgresql.sealed import Sealed, sealed
from harness.errors import BackupError, HarnessError, RestoreError, UsageError
from harness.guard.postgresql import archive, worker_notes
from harness.guard.postgresql.target import DatabaseTarget
from harness.hidden import without_passwords


class WorkerCopies:
    """See ``harness.guard.worker_copies``.

    Args:
        target: the database that the session guards.
        given: its address, as people gave it.
    """

    def __init__(self, target: DatabaseTarget, given: Path | str) -> None:
        self._target, self._given = target, str(given)
        self._made: list[str] = []

    def make(self, worker: str, *, absent: bool) -> str:
        """Make the copy of a worker; its address, written as the guarded one was.

        Raises:
            BackupError: it gets none.
        """
        name = beside(self._target.address.name, f"_e2e_{worker}")
        try:
            address = renamed(self._given, name)
            if not worker_notes.claim(self._target.seat, name):
                raise UsageError(
                    f"there is a database {name}, whose name a worker's own has, and it is none or "
                    "is in use by another session: rename it, remove it, or let that one end"
                )
            self._made.append(name)
            if not absent:
                self._clone(name)
        except (psycopg.Error, HarnessError) as error:
            raise BackupError(without_passwords(" ".join(str(error).split()))) from error
        return address

    def _clone(self, name: str) -> None:
        """Clone the backup, and give the clone what no clone has."""
        seat = self._target.seat
        model, seal = self._model()
        try:
            clone(seat, model, name)
        except psycopg.errors.DuplicateDatabase:
            self._made.remove(name)
            worker_notes.forget(seat, name)
            raise
        for statement in giving.needed(seat.door, seal.properties, name):
            seat.write(statement)

    def _model(self) -> tuple[str, Sealed]:
        """Give the backup that the guard of this session, or the one around it, has taken."""
        target = self._target
        entries = target.journal.noted()
        for noted in entries[-1].get("backups", []) if entries else []:
            name = beside(target.address.name, archive.suffix_of(int(noted["place"])))
            seal = sealed(target.seat.door, name)
            if seal is not None and seal.token == noted.get("token"):
                return name, seal
        raise UsageError(
            "it would be a clone of the guard's backup, and there is none that is a database: back "
            "up by another recovery (template, or dump, for which others may stay connected)"
        )

    def remove(self) -> list[str]:
        """Remove all that were made; a sentence for each that is left."""
        made, self._made = self._made, []
        return [said for name in made if (said := self._left(name))]

    def _left(self, name: str) -> str:
        try:
            worker_notes.remove(self._target.seat, name)
        except (psycopg.Error, UsageError, RestoreError) as error:  # the baseline comes back
            why = without_passwords(" ".join(str(error).split()))
            return f"{name}, a worker's own, is still there, and the next guard removes it: {why}"
        return ""

    def remove_of_the_dead(self) -> None:
        """Remove those of killed sessions."""
        worker_notes.sweep(self._target.seat)
