"""What a killed guard meant to do is void once people have put back another backup by hand.

Else the next guard would bring back its own baseline, and what they chose would be gone.
The order is such that whenever the process dies nothing is lost: what was chosen is in place, then
the guard's backups are copied to archives, then the journal says that the live state is the
baseline, and only then its backups go.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from harness.databases.engines import engine_of
from harness.databases.sqlite.files import beside, real, size_of
from harness.errors import RestoreError, UsageError
from harness.guard import leftovers
from harness.guard.journal import CAPTURED, PROVEN, Journal, how_to_recover
from harness.guard.sqlite import archive
from harness.recovery import Recovery
from harness.system.files import Files


class Intent:
    """What a killed guard left beside a database, held so that no other takes it up meanwhile."""

    def __init__(self, database: Path, files: Files, *, restoring: bool = True) -> None:
        """Take it over, if there is any; UsageError while the guard or its command is alive.

        ``restoring``: the database is going to be written, so a baseline in it would be lost.
        """
        self._database = database
        self._files = files
        self._journal = Journal(database, files)
        self._entries: list[dict[str, Any]] = []
        self.damaged: Path | None = None  # a journal that nobody can read, and that stays
        try:
            self._entries = self._journal.adopt()
        except RestoreError:
            self.damaged = self._journal.path
            if restoring and not leftovers.standing_backups(self._journal):
                self._refuse_what_may_be_pinned()
        try:
            if self._entries and self._entries[-1]["state"] == CAPTURED:
                leftovers.refuse_while_running(self._entries, database)
                if restoring:
                    self._refuse_to_lose_the_baseline()
        except RestoreError as error:
            self.release()
            raise UsageError(str(error)) from None
        except BaseException:
            self.release()
            raise

    def end(self, chosen: Path | None, *, busy_timeout_ms: int) -> tuple[Path, ...] | None:
        """End it, now that ``chosen`` is in the database; the archives of its other backups.

        ``chosen`` None is what the database holds anyway; None is returned when no guard was
        killed. May be called again by whoever comes after a kill.
        """
        if not self._entries:
            return None
        last = self._entries[-1]
        backups = self._backups(busy_timeout_ms)
        kept: tuple[Path, ...] = ()
        if last["state"] == CAPTURED:
            files = [file for one in backups if (file := _file_of(one.recovery)) is not None]
            kept = tuple(
                archive.keep_file(self._database, file, files=self._files)
                for file in files
                if chosen is None or not os.path.samefile(file, chosen)
            )
            if self._database.exists():  # else there is nothing to last, and nobody asked for it
                engine_of(self._database).make_durable(self._database, self._files)
            self._journal.write({"state": PROVEN, "backups": last.get("backups", [])})
        leftovers.tidy(backups)
        self._journal.end()
        return kept

    def _backups(self, busy_timeout_ms: int) -> list[leftovers.Resumed]:
        return leftovers.known_again(
            self._journal, self._entries[-1], self._files, busy_timeout_ms=busy_timeout_ms
        )

    def _refuse_what_may_be_pinned(self) -> None:
        """Refuse where a damaged journal alone tells of a baseline, and a -wal stands there."""
        if size_of(beside(real(self._database), "-wal")) > 0:
            raise UsageError(
                f"{self.damaged} is damaged and there is no backup: the baseline may be in "
                f"{self._database} itself, and what came after in its -wal. Keep copies of both, "
                f"then give it up: {how_to_recover(self._database)} --discard"
            )

    def _refuse_to_lose_the_baseline(self) -> None:
        """Refuse where it is nowhere but in the database's own file, which a restore writes."""
        backups = self._backups(0)
        if any(_file_of(one.recovery) for one in backups):
            return
        for one in backups:
            try:
                one.must_be_resumed()
            except RestoreError:
                continue  # lost already
            one.recovery.release()
            raise UsageError(
                f"a guard was killed, and its baseline is in {self._database} itself, from where a "
                "restore would remove it: nothing was touched. Bring it back first "
                f"('{how_to_recover(self._database)}')"
            )

    def give_up(self) -> tuple[Path, ...] | None:
        """Take the database as it is; the archives of what had been backed up.

        Where the folder is gone there is nothing to keep them in: they are removed.
        """
        if not self._database.parent.is_dir():
            self._journal.second.remove_all()
            return ()
        if self.damaged is None and not (self._entries and "pid" not in self._entries[0]):
            return self.end(None, busy_timeout_ms=0)
        # nobody can read the journal, or it says nothing: whatever is there is kept
        found = leftovers.standing_backups(self._journal)
        kept = tuple(archive.keep_file(self._database, one, files=self._files) for one in found)
        for path in (*found, self._journal.path):
            self._files.unlink(path)
        self._journal.second.remove_all()
        return kept

    def release(self) -> None:
        """Let go; what was not ended stays for the next guard."""
        self._journal.release()


def _file_of(recovery: Recovery) -> Path | None:
    """Give the backup's file by a name that it still has; None where there is none."""
    for path in (recovery.backup, recovery.second):
        if path is not None and path.is_file() and not path.is_symlink() and size_of(path) > 0:
            return path
    return None
