"""Copy the database's file, done right: steady while it is read, sole access while it is replaced.

Needs: to capture, one moment without readers of the -wal and without a writer; to restore, sole
access; room for one more copy beside the database; a file with one name (no hard links).
Survives: being killed at any instruction, a full disk, I/O errors, a power cut; a live database
that tests deleted or damaged; its own files half made. Until the rename the database is the live
one, from the rename on it is the baseline, byte for byte, mode and owner included. Others who hold
a lock make it raise BusyError and change nothing.
Limits: in rollback mode an idle connection holds no lock and cannot be seen; it goes on reading
the old file, and SQLite refuses its writes (SQLITE_READONLY_DBMOVED). Access control lists and
extended attributes are not kept.
Nothing could survive: somebody who alters the backup and, in the journal, its hash.
"""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from harness.errors import RecoveryRefused
from harness.recovery.sqlite_files import (
    FileBackup,
    beside,
    busy,
    connect,
    fold,
    hold_steady,
    read_main,
    size_of,
    sole_access,
)


class FileCopy(FileBackup):
    """A copy of the main file, byte for byte, put back by one rename."""

    name = "file_copy"
    contract = "needs sole access to restore; survives being killed at any instruction"

    def capture(self) -> None:
        """Copy the main file while a read transaction keeps everybody from writing it.

        Raises:
            RecoveryRefused: no database, a file or link in the backup's place, hard links.
            apsw.BusyError: others left no moment in which the main file is steady.
        """
        status = self._look_before()
        if status.st_nlink != 1:
            raise RecoveryRefused(f"{self.database} has {status.st_nlink} names (hard links)")
        main = self.main
        connection = connect(main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
        try:
            hold_steady(connection, main)
            chunks = read_main(connection, size_of(main))
            seal = self._write_new(self._part, chunks, status)
        finally:
            connection.close()
        self._adopt(self._part, seal)

    def restore(self) -> None:
        """Put a copy of the backup in the database's place.

        The backup is read and checked before anything of the database is touched.

        Raises:
            RestoreError: the backup is missing, truncated or altered.
            apsw.BusyError: others hold the database.
        """
        seal = self._sealed()
        try:
            copied = self._write_new(self._restoring, self._read(self.backup), seal)
            self._check_hash(copied.sha256, seal)
            self._put(self._restoring)
        except BaseException:
            self._sweep(self._restoring)
            raise

    def _put(self, copy: Path) -> None:
        main = self.main
        if not main.exists():  # the tests deleted it: there is no live state to protect
            self._swap(copy, main)
            return
        try:
            fold(main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
            readable = True
        except (apsw.NotADBError, apsw.CorruptError):
            readable = False  # damaged beyond SQLite: nothing in it can be folded or lost
        with sole_access(main, self.busy_timeout_ms):
            if readable and not _alone(main):
                raise busy(f"{main}: somebody wrote before it could be replaced")
            self._swap(copy, main)

    def _swap(self, copy: Path, main: Path) -> None:
        """Remove what must not meet the baseline, first and to last; then rename."""
        leftovers = [path for s in ("-wal", "-shm", "-journal") if _is(path := beside(main, s))]
        for path in leftovers:
            self.files.unlink(path)
        if leftovers:
            self.files.sync_folder(main.parent)
        self.files.replace(copy, main)
        self.files.sync_folder(main.parent)


def _is(path: Path) -> bool:
    return os.path.lexists(path)


def _alone(main: Path) -> bool:
    """Whether the main file alone is the database: no frames in a -wal, no hot journal.

    Asked under EXCLUSIVE. A journal that begins with a zero byte is a finished one that was kept
    (``journal_mode=PERSIST``); https://www.sqlite.org/fileformat2.html, section 3.
    """
    if size_of(beside(main, "-wal")) > 0:
        return False
    journal = beside(main, "-journal")
    if size_of(journal) <= 0:
        return True
    with journal.open("rb") as file:  # no lock is ever taken on a journal
        return file.read(1) == b"\0"
