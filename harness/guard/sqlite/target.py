"""A SQLite file as the guard deals with it; everything that is kept of it stands beside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from harness import registry
from harness.databases.sqlite.address import SqliteFile
from harness.databases.sqlite.files import beside, real, size_of
from harness.errors import RestoreError
from harness.guard.result import GuardResult, Kept
from harness.guard.sqlite import refusals
from harness.guard.sqlite.backups import backup_path, has_archive_parts, standing_backups
from harness.guard.sqlite.folder import Folder
from harness.guard.sqlite.ignoring import bring_rule
from harness.guard.sqlite.in_use import OpenFile, holders, journal_mode_of, refuse_in_use
from harness.guard.sqlite.journal import FileJournal
from harness.guard.sqlite.readable import refuse_unreadable
from harness.guard.sqlite.second_library import is_open
from harness.guard.sqlite.second_names import pending
from harness.guard.state_folder import state_folder
from harness.guard.target import Say
from harness.recovery import Recovery
from harness.recovery.sqlite.absence import Absence
from harness.system.attributes import (
    Attributes,
    apart,
    attributes_of,
    put_back,
    put_times_back,
)
from harness.system.files import Files

# ruff: noqa: PLC0415 - nothing is kept of most runs, and a guard starts at once

__all__ = ["FileTarget", "made", "pending", "state_folder"]


class FileTarget:
    """See ``harness.guard.target.Target``.

    ``database`` is the path that the journal goes by: links followed, but not one that tests have
    put in the file's place.
    """

    def __init__(
        self, address: SqliteFile, files: Files, *, busy_timeout_ms: int, state: Path | None
    ) -> None:
        self.address, self.engine, self.given = address, address.engine, address.path
        self.files, self.busy_timeout_ms = files, busy_timeout_ms
        self.journal = FileJournal(self.given, files, state)
        self.database = self.journal.database
        self._folder: Folder | None = None  # as it was when it was noted
        self._was: Attributes | None = None  # the file's, as well
        self._was_link = self.given.is_symlink()

    # What must not be guarded.

    def names(self) -> tuple[str, ...]:
        """Give the path, and the one that it leads to."""
        return tuple(dict.fromkeys((os.path.abspath(self.given), os.path.realpath(self.given))))

    def refuse_name(self) -> None:
        """Refuse a symbolic link."""
        refusals.refuse_link(self.given)

    def refuse_place(self, *, override: bool, absent_ok: bool = False) -> None:
        """Refuse what is no SQLite file, cannot be written, or lies on a network."""
        if not self.journal.exists:
            # else a killed guard's tests may have removed or ruined it: its backup is put back
            if absent_ok and self.is_gone:
                refusals.refuse_no_place(self.given)
            else:
                refusals.refuse_what_is_none(self.given)
        if self.given.absolute().parent.is_dir():
            refusals.refuse_unwritable(self.given)
        if not override:
            refusals.refuse_networked(self.given)

    def refuse_unfit(self, recoveries: Sequence[str]) -> None:
        """Refuse hard links, and names that are taken."""
        refusals.check_file(self.given, recoveries)

    def fitting(self, recoveries: Sequence[str], *, say: Say) -> tuple[str, ...]:
        """Leave out what its journal mode or this system has no use for."""
        mode = journal_mode_of(self.given)
        kinds = {name: registry.find("recovery", name) for name in recoveries}
        return tuple(name for name, kind in kinds.items() if kind.fits(mode))

    def refuse_in_use(self, recoveries: Sequence[str]) -> None:
        """Refuse a file that others have open, where a restore has to replace it."""
        refuse_in_use(self.given, recoveries)

    @property
    def is_open_here(self) -> bool:
        """Whether Python's own sqlite3 has it open: two libraries break each other's locks."""
        return is_open(self.given)

    def finish_elsewhere(
        self, result: GuardResult, *, archives: bool, beside_survivors: bool = False
    ) -> None:
        """Finish in a process whose SQLite sees the locks of the library in here."""
        from harness.guard.sqlite.restore_elsewhere import finish_elsewhere

        finish_elsewhere(
            self.given,
            result,
            busy_timeout_ms=self.busy_timeout_ms,
            archives=archives,
            survivors="leave" if beside_survivors else "refuse",
        )

    # What stands in its place.

    def refuse_unreadable(self) -> None:
        """Refuse what SQLite cannot read."""
        refuse_unreadable(self.database, busy_timeout_ms=self.busy_timeout_ms)

    def note_place(self) -> None:
        """Remember the folder, and mode, owner and times of the file."""
        self._folder = Folder.of(self.database)
        self._was = attributes_of(self.database)

    def know_attributes(self, recovery: Recovery, description: dict[str, Any]) -> None:
        """Take mode, owner and times from the backup's own file; a pin has none."""
        file = recovery.file_left
        was = attributes_of(file, thorough=False) if file is not None else None
        if was is not None:
            owner = None if description.get("owner_unkept") else was.owner
            self._was = was._replace(links=1, owner=owner)

    def attributes(self) -> dict[str, tuple[Any, Any]]:
        """Compare mode, owner and the number of names."""
        now = attributes_of(self.database, thorough=False)
        return apart(self._was, now) if self._was is not None and now is not None else {}

    def put_attributes_back(self) -> list[str]:
        """Set mode, owner and extended attributes."""
        return put_back(self.database, self._was) if self._was is not None else []

    def put_times_back(self) -> None:
        """Set the times of last access and last change."""
        if self._was is not None:
            put_times_back(self.database, self._was)

    def refuse_stranger(self, *, given: bool = False) -> None:
        """Leave alone what the tests put in the database's place, if it is no file."""
        database, what = self.given if given else self.database, ""
        if self.journal.replaced:
            what = f"a symbolic link to {os.path.realpath(database)}"
        elif database.exists() and not database.is_file():
            what = "a folder" if database.is_dir() else "no regular file"
        if what:
            raise RestoreError(
                f"where the database was, {database} is {what} now: nothing was touched, and the "
                "backup is kept. Move it away and recover again"
            )
        for suffix in ("-wal", "-shm", "-journal"):
            path = beside(real(database), suffix)
            if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
                raise RestoreError(
                    f"{path}, where SQLite keeps its own, is no regular file now, so nobody can "
                    "open the database: nothing was touched. Move it away and recover again"
                )

    def refuse_detour(self) -> None:
        """Leave alone what stands behind a link that was none."""
        if self.given.is_symlink() and not self._was_link:
            raise RestoreError(f"{self.address} is a symbolic link now; it was left alone")
        if self.is_elsewhere:
            raise RestoreError(
                f"the folder of {self.address} is a symbolic link now; it was left alone"
            )

    @property
    def is_elsewhere(self) -> bool:
        """Whether a link has come to stand for the folder."""
        return self._folder is not None and self._folder.is_elsewhere()

    @property
    def is_gone(self) -> bool:
        """Whether nothing has the name that was given."""
        return not os.path.lexists(self.given)

    @property
    def is_there(self) -> bool:
        """Whether there is a file, links followed."""
        return self.given.exists()

    @property
    def has_place(self) -> bool:
        """Whether there is still a folder."""
        return self.database.parent.is_dir()

    def make_place(self) -> None:
        """Make the folder again where tests removed it, as anybody's new folder is."""
        folder = self.database.parent
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise RestoreError(
                f"{folder}, the folder of the database, is gone and cannot be made again: {error}. "
                "Make it, and recover again"
            ) from error

    def bring_back(self) -> bool:
        """Make the folder that was noted again, and give the journal its name in it."""
        if self._folder is None or self._folder.is_elsewhere():
            return False
        self._folder.make_again()
        self.journal.bring_back()
        return True

    def users(self) -> set[int]:
        """Give the processes that have the file open."""
        return holders(self.given)

    def lockers(self) -> set[int]:
        """Give the processes that hold a lock on the file, or on its -shm."""
        return OpenFile(self.given).lockers()

    def orphans(self) -> tuple[str, ...]:
        """Name none: what a process does to a file ends with it."""
        return ()

    def end_orphans(self) -> tuple[str, ...]:
        """End none."""
        return ()

    # What is kept of it.

    @property
    def absence(self) -> str:
        """The recovery that removes what the tests have made."""
        return Absence.name

    def recovery(self, name: str, place: int, *, vfs: str | None = None) -> Recovery:
        """Make a recovery whose backup stands beside the database."""
        kind = Absence if name == Absence.name else registry.find("recovery", name)
        recovery: Recovery = kind(
            self.database,
            backup_path(self.database, place),
            files=self.files,
            vfs=vfs,
            busy_timeout_ms=self.busy_timeout_ms,
        )
        if getattr(recovery, "main", self.database) != self.database:
            raise RestoreError(f"{self.database} is a symbolic link now; it was left alone")
        recovery.engine = self.engine
        return recovery

    def recovery_again(self, description: dict[str, Any]) -> Recovery:
        """Make the recovery that a journal describes, with its second name."""
        place = int(description["place"])
        recovery = self.recovery(str(description["recovery"]), place)
        recovery.second = self.journal.second.backup(place)
        return recovery

    def keep_out_of_reach(self, chain: list[tuple[int, Recovery]]) -> str:
        """Give every backup its second name; without one it is held all the same."""
        unprotected = self.journal.unprotected
        try:
            for place, recovery in chain:
                if not unprotected:
                    recovery.second = self.journal.second.backup(place)
                recovery.keep_out_of_reach()
            if not unprotected:
                self.journal.second.sync()
        except OSError as error:
            return f"{self.journal.second.folder}: {error.strerror}"
        return unprotected

    def keep_private(self) -> None:
        """Keep a repository from taking up what stands beside the database."""
        bring_rule(self.given)

    def standing_backups(self) -> list[Path]:
        """Give those beside the database, and those under second names."""
        return standing_backups(self.database, self.journal.second.backups())

    def may_be_pinned(self) -> bool:
        """Whether there is a -wal that holds anything."""
        return size_of(beside(real(self.given), "-wal")) > 0

    def archive(self, *, size_bytes: int = 0) -> Path | None:
        """Keep what it holds beside it."""
        from harness.guard.sqlite import archive

        return archive.keep(
            self.database,
            files=self.files,
            size_bytes=size_bytes,
            busy_timeout_ms=self.busy_timeout_ms,
        )

    def archived(self, kept: Kept | None) -> Kept | None:
        """Give it back: it was whole before anything was thrown away."""
        return kept

    def archive_backup(self, recovery: Recovery, *, chosen: Kept | None = None) -> Path | None:
        """Keep a copy of the backup's file beside the database."""
        file = recovery.file_left
        if file is None or (chosen is not None and os.path.samefile(file, cast(Path, chosen))):
            return None
        from harness.guard.sqlite import archive

        return archive.keep_file(self.given, file, files=self.files)

    def archive_standing(self) -> tuple[Path, ...]:
        """Keep a copy of each, and remove them, the journal and every second name."""
        from harness.guard.sqlite import archive

        standing = self.standing_backups()
        archive_paths = tuple(
            archive.keep_file(self.given, path, files=self.files) for path in standing
        )
        for path in (*standing, self.journal.path):
            self.files.unlink(path)
        self.forget()
        return archive_paths

    def sweep(self, *, archives_alone: bool = False) -> None:
        """Remove second names that a power cut brought back, and archives half made."""
        if not archives_alone:
            self.journal.second.sweep()
        if has_archive_parts(self.database):
            from harness.guard.sqlite import archive

            archive.sweep(self.database, self.files)

    def forget(self) -> None:
        """Remove every second name."""
        self.journal.second.remove_all()

    def make_durable(self) -> None:
        """Sync the database, what SQLite keeps beside it, and the folder."""
        if self.is_gone:
            self.files.sync_folder(self.database.parent)
            return
        self.engine.make_durable(self.database, self.files)


def made(
    address: SqliteFile, files: Files, *, busy_timeout_ms: int, state: Path | None
) -> FileTarget:
    """Make the target of a SQLite file."""
    return FileTarget(address, files, busy_timeout_ms=busy_timeout_ms, state=state)
