"""Copy the database's file, done right: steady while it is read, sole access while it is replaced.

Needs: to capture, one moment without readers of the -wal and without a writer; to restore, sole
access; room for one more copy beside the database; a file with one name (no hard links).
Survives: being killed at any instruction, a full disk, I/O errors, a power cut; a live database
that tests deleted or damaged; its own files half made. Until the rename the database is the live
one, from the rename on it is the baseline, byte for byte, mode and owner included. Others who hold
a lock make it raise BusyError and change nothing.
Limits: in rollback mode an idle connection holds no lock. One of another process is seen in /proc
and makes it busy as well; where there is no /proc, or it belongs to another user, and in this very
process, it goes on reading the old file, and SQLite refuses its writes (SQLITE_READONLY_DBMOVED).
Access control lists and extended attributes are not kept.
Nothing could survive: somebody who alters the backup and, in the journal, its hash.
Speed: a reflink where blocks can be shared, else a big file is copied in the kernel.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import apsw

from harness.databases.sqlite.files import connect, hold_steady, read_main, size_of
from harness.errors import RecoveryRefused
from harness.recovery.sqlite.file_backup import FileBackup
from harness.recovery.sqlite.in_place import give_times
from harness.recovery.sqlite.seal import Seal
from harness.system.copying import CannotStart
from harness.system.mounts import is_mount_point


class FileCopy(FileBackup):
    """A copy of the main file, byte for byte, put back by one rename."""

    name = "file_copy"
    contract = "needs sole access to restore; survives being killed at any instruction"
    needs_sole_access = True
    copies_by = "files"

    def capture(self) -> None:
        """Copy the main file while a read transaction keeps everybody from writing it.

        Raises:
            RecoveryRefused: no database, a file or link in the backup's place, hard links.
            apsw.BusyError: others left no moment in which the main file is steady.
        """
        status = self._look_before()
        if status.st_nlink != 1:
            raise RecoveryRefused(f"{self.database} has {status.st_nlink} names (hard links)")
        main, self._stamp = self.main, None
        if is_mount_point(main):
            raise RecoveryRefused(
                f"{self.database} is mounted as a single file, which no other can be put in the "
                "place of; online_backup restores it where it is"
            )
        if not _may_be_replaced(main, status):
            raise RecoveryRefused(
                f"{self.database} belongs to another user, in a folder where only they may replace "
                "it; online_backup restores it where it is"
            )
        connection = connect(main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
        try:
            hold_steady(connection, main)
            seal = self._copied(connection, status)
        finally:
            connection.close()
        self._adopt(self._part, seal, status)

    def _copied(self, connection: apsw.Connection, status: os.stat_result) -> Seal | None:
        """Copy what is held steady; through a VFS of somebody's own to the last byte."""
        part = self._part
        self.files.unlink(part)
        if self.vfs is None:
            with suppress(CannotStart):
                return self._made(connection, status)
        return self._write_new(part, read_main(connection, size_of(self.main)), status)

    def _made(self, connection: apsw.Connection, status: os.stat_result) -> Seal | None:
        try:
            seal = self._copied_held(connection, self._part, status)
            give_times(self._part, status)
        except BaseException:
            self._sweep(self._part)
            raise
        return seal

    def restore(self) -> None:
        """Put a copy of the backup in the database's place.

        The backup is read and checked before anything of the database is touched.

        Raises:
            RestoreError: the backup is missing, truncated or altered.
            apsw.BusyError: others hold the database.
        """
        self._put_whole()


def _may_be_replaced(main: Path, status: os.stat_result) -> bool:
    """Whether the folder lets this user rename over the file; sticky(7)."""
    folder = os.stat(main.parent)
    return not folder.st_mode & stat.S_ISVTX or os.geteuid() in (0, status.st_uid, folder.st_uid)
