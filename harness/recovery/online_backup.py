"""SQLite's online backup API, both ways; works while others are connected.

https://www.sqlite.org/backup.html

Needs: a database that SQLite can read; to restore, one moment without a writer, in rollback mode
also without a reader. Other connections stay open and see the baseline in their next transaction.
Survives: being killed at any instruction, a full disk, I/O errors: the restore is one transaction
of SQLite's, rolled back as any other. Everything in the pages comes back: rows, sequences,
schema, ``user_version``, ``application_id``, auto_vacuum, the encoding.
Limits: the file is equal in content and size but not to the byte: SQLite counts on the change
counter and the schema cookie of the header, so that others notice. A page size that the tests
changed needs sole access for a moment to be set back. So does a journal mode; where that cannot be
had the rows go back all the same, and the mode stays a difference. Mode and owner of the database's
file stay as they are.
A live file that tests deleted, emptied, gave another name (a hard link) or damaged beyond SQLite is
replaced as a file, as by file_copy: that needs sole access, and gives mode and owner back.
Speed: a read transaction proves that the main file alone is the database and keeps everybody from
writing it; then the file is copied as it is, a big one in the kernel, and the copy is the file to
the byte. Where
anything stands in the -wal, or others leave no moment for it, SQLite copies the pages. A backup
writes nothing into the database: what is in the -wal stays there.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

import apsw

from harness.databases.sqlite.files import (
    CHUNK_BYTES,
    beside,
    connect,
    hold_steady,
    own,
    placed,
    size_of,
)
from harness.errors import RecoveryRefused
from harness.recovery.sqlite.file_backup import FileBackup
from harness.recovery.sqlite.in_place import PERMISSIONS, give_times
from harness.recovery.sqlite.pages import copy_pages, keep_few_pages, pages_in
from harness.recovery.sqlite.seal import Seal
from harness.system.copying import CannotStart

_STEADY_MS = 20  # how long others are waited for; the backup API waits for nobody


class OnlineBackup(FileBackup):
    """A backup made and put back page by page, by SQLite itself."""

    name = "online_backup"
    contract = "works while others are connected; survives being killed at any instruction"
    copies_by = "engine"

    def capture(self) -> None:
        """Back the database up from one snapshot.

        Raises:
            RecoveryRefused: no database, or a file or link in the backup's place.
            apsw.BusyError: a writer did not finish in time.
        """
        status = self._look_before()
        part, self._stamp = self._part, None
        self.files.unlink(part)
        try:
            steady, seal = self._copied_steady(part, status)
            if not steady:
                seal = self._copied_by_pages(part, status)
            give_times(part, status)
        except BaseException:
            self._sweep(part)
            raise
        self._adopt(part, seal, status)

    def restore(self) -> None:
        """Write the backup's pages through a connection to the live database, one transaction.

        A live file that is missing, empty or damaged beyond SQLite is replaced as a file.

        Raises:
            RestoreError: the backup is missing, truncated or altered, or what stands in the
                database's place is no file.
            apsw.BusyError: a writer, or in rollback mode a reader, did not finish in time; where
                the file must be replaced, anybody who has it open.
        """
        self._refuse_what_is_no_file()
        if size_of(self.main) <= 0:  # SQLite would remove a -wal beside an empty file unread
            self._put_whole()
            return
        self.check()
        if os.stat(self.main).st_nlink > self._links:  # what is written would go to another name
            with suppress(apsw.BusyError):
                self._put_whole()
                return
        try:
            pages_in(self.baseline, self.main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
        except (apsw.NotADBError, apsw.CorruptError):
            self._put_whole()

    def _copied_by_pages(self, part: Path, status: os.stat_result) -> Seal:
        mode = stat.S_IMODE(status.st_mode) & PERMISSIONS
        descriptor = self.files.create(part, mode)
        try:
            own(descriptor, status.st_uid, status.st_gid, mode)
        finally:
            self.files.close(descriptor)
        self._pages_out(part)
        return self._seal_of(part)

    def _copied_steady(self, part: Path, status: os.stat_result) -> tuple[bool, Seal | None]:
        """Copy the main file as it is while nobody can write it; whether that could be.

        And its seal; None for a reflink, which has it later. Not through a VFS of somebody's own:
        what the file is to that one nobody here knows.
        """
        if self.vfs is not None:
            return False, None
        source = connect(self.main, busy_timeout_ms=min(_STEADY_MS, self.busy_timeout_ms))
        try:
            try:
                hold_steady(source, self.main, folding=False)
            except apsw.Error:  # others are at work; or what is wrong, the pages will tell
                return False, None
            try:
                return True, self._copied_held(source, part, status)
            except (CannotStart, RecoveryRefused):
                self.files.unlink(part)
                return False, None
        finally:
            _close_unfolded(source, self.main)

    def _pages_out(self, part: Path) -> None:
        source = connect(self.main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
        try:
            target = connect(placed(part), vfs=self.vfs)
            try:
                # A half-made file is thrown away, and fsync follows: no journal, no waiting.
                target.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF").fetchall()
                keep_few_pages(target)
                copy_pages(source, target)
            finally:
                target.close()
        finally:
            _close_unfolded(source, self.main)

    def _seal_of(self, part: Path) -> Seal:
        """Hash what SQLite wrote, and make it last."""
        digest, size_bytes = hashlib.sha256(), 0
        descriptor = self.files.open(part)
        try:
            while data := self.files.read(descriptor, CHUNK_BYTES):
                digest.update(data)
                size_bytes += len(data)
            self.files.sync(descriptor)
        finally:
            self.files.close(descriptor)
        return Seal(size_bytes, digest.hexdigest())


def _close_unfolded(source: apsw.Connection, main: Path) -> None:
    """Close without folding anything: a backup changes nothing of the database."""
    source.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, size_of(beside(main, "-wal")) > 0)
    source.close()
