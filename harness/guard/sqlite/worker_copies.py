"""A copy of the guarded file for each worker of pytest-xdist: DATABASE.gw0 and so on, beside it."""

from __future__ import annotations

import glob
import os
import re
from contextlib import suppress
from pathlib import Path

import apsw

from harness.databases.errors import told
from harness.errors import BackupError, HarnessError
from harness.guard.locked import note_who
from harness.guard.sqlite.target import FileTarget
from harness.recovery import Recovery
from harness.recovery.online_backup import OnlineBackup
from harness.recovery.sqlite.absence import Absence
from harness.system.files import Files


class WorkerCopies:
    """See ``harness.guard.worker_copies``.

    Args:
        target: the database that the session guards.
        given: it, as people gave it.
    """

    def __init__(self, target: FileTarget, given: Path | str) -> None:
        self._target, self._database = target, Path(given)
        self._made: list[Path] = []

    def make(self, worker: str, *, absent: bool) -> str:
        """Make the copy of a worker; its path.

        Args:
            worker: its name.
            absent: whether the baseline is that there is no database, for a worker as well.

        Raises:
            BackupError: it gets none.
        """
        copy = self._database.with_name(f"{self._database.name}.{worker}")
        kept_as: type[Recovery] = Absence if absent else OnlineBackup
        try:
            kept_as(copy if absent else self._database, copy, files=Files()).capture()
        except (HarnessError, apsw.Error, OSError) as error:
            note_who(error, self._target)
            raise BackupError(
                f"{told(error)}. Remove {copy} if it is there, and let others end what they do"
            ) from error
        self._made.append(copy)
        return str(copy)

    def remove(self) -> list[str]:
        """Remove all that were made; a sentence for each that is left, of which there is none."""
        removed, self._made = self._made, []
        _remove(removed)
        return []

    def remove_of_the_dead(self) -> None:
        """Remove those of a session that was killed, known to be its own by the journal beside."""
        name = re.compile(
            re.escape(self._database.name) + r"(\.gw\d+(\.e2e-test\.\d+)?|\.e2e-test\.\d+)"
        )
        folder = self._database.parent
        _remove([folder / found for found in os.listdir(folder) if name.fullmatch(found)])


def _remove(databases: list[Path]) -> None:
    """Remove copies with what SQLite and a killed keeper leave beside them."""
    for path in databases:
        copies = path.parent.glob(f"{glob.escape(path.name)}.e2e-test.*")
        beside = (path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal"))
        for copy in (*beside, *copies):
            with suppress(OSError):  # it must not keep the baseline from coming back
                copy.unlink(missing_ok=True)
