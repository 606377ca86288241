"""SQLite's online backup API, both ways; works while others are connected.

https://www.sqlite.org/backup.html

Needs: a database that SQLite can read; to restore, one moment without a writer, in rollback mode
also without a reader. Other connections stay open and see the baseline in their next transaction.
Survives: being killed at any instruction, a full disk, I/O errors: the restore is one transaction
of SQLite's, rolled back as any other. Everything in the pages comes back: rows, sequences,
schema, ``user_version``, ``application_id``, auto_vacuum, the encoding.
Limits: the file is equal in content and size but not to the byte: SQLite counts on the change
counter and the schema cookie of the header, so that others notice. A page size or journal mode
that the tests changed needs sole access for a moment to be set back. Mode and owner of the
database's file stay as the tests left them.
Nothing could survive: a live file so damaged that SQLite will not begin a transaction on it, or
one that the tests deleted; the next recovery of the chain has to.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

import apsw

from harness.errors import RestoreError
from harness.recovery.sqlite_files import (
    CHUNK_BYTES,
    WAL_VERSIONS,
    FileBackup,
    Seal,
    connect,
    own,
)

_PAGE_SIZE_AND_MODE = (16, 4)  # offset and length in the header


class OnlineBackup(FileBackup):
    """A backup made and put back page by page, by SQLite itself."""

    name = "online_backup"
    contract = "works while others are connected; survives being killed at any instruction"

    def capture(self) -> None:
        """Back the database up from one snapshot.

        Raises:
            RecoveryRefused: no database, or a file or link in the backup's place.
            apsw.BusyError: a writer did not finish in time.
        """
        status = self._look_before()
        part = self._part
        self.files.unlink(part)
        try:
            descriptor = self.files.create(part, stat.S_IMODE(status.st_mode))
            try:
                own(descriptor, status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
            finally:
                self.files.close(descriptor)
            self._pages_out(part)
            seal = self._seal_of(part, status)
        except BaseException:
            self._sweep(part)
            raise
        self._adopt(part, seal)

    def restore(self) -> None:
        """Write the backup's pages through a connection to the live database, one transaction.

        Raises:
            RestoreError: the backup is missing, truncated or altered.
            apsw.BusyError: a writer, or in rollback mode a reader, did not finish in time.
        """
        seal = self._sealed()
        digest = hashlib.sha256()
        for data in self._read(self.backup):
            digest.update(data)
        self._check_hash(digest.hexdigest(), seal)
        source = connect(self.backup, vfs=self.vfs, immutable=True)
        try:
            target = connect(self.main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
            try:
                if _align(source, target):
                    _keep_few_pages(target)  # in rollback mode it would cost an fsync every few
                _pages(source, target)
            finally:
                target.close()
        finally:
            source.close()

    def _pages_out(self, part: Path) -> None:
        source = connect(self.main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
        try:
            target = connect(part, vfs=self.vfs)
            try:
                # A half-made file is thrown away, and fsync follows: no journal, no waiting.
                target.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF").fetchall()
                _keep_few_pages(target)
                _pages(source, target)
            finally:
                target.close()
        finally:
            source.close()

    def _seal_of(self, part: Path, status: os.stat_result) -> Seal:
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
        mode = stat.S_IMODE(status.st_mode)
        return Seal(size_bytes, digest.hexdigest(), mode, status.st_uid, status.st_gid)


def _pages(source: apsw.Connection, target: apsw.Connection) -> None:
    """Copy every page in one step, that is, in one transaction of each side."""
    _keep_few_pages(source)
    with target.backup("main", source, "main") as backup:
        backup.step(-1)
        if not backup.done:
            raise RestoreError("SQLite's backup stopped before the last page")


def _keep_few_pages(connection: apsw.Connection) -> None:
    """Keep no cache: every page is met once, and fresh memory costs more than the page's copy.

    The pragma parses the schema, which copying pages does not; one that is malformed is no reason
    to refuse, it only makes it slower.
    """
    with suppress(apsw.SQLError, apsw.CorruptError):
        connection.pragma("cache_size", 10)


def _align(source: apsw.Connection, target: apsw.Connection) -> bool:
    """Leave WAL mode where the backup API could not; whether the target is in it now.

    A target in WAL mode stays in it and refuses another page size; one in rollback mode takes
    both from the source's pages. The header of the main file knows them in either mode.
    """
    target.pragma("user_version")  # a read that parses no schema: rolls a hot journal back
    live = target.read("main", 0, *_PAGE_SIZE_AND_MODE)[1]
    if live[2:] != WAL_VERSIONS:
        return False
    if live == source.read("main", 0, *_PAGE_SIZE_AND_MODE)[1]:
        return True
    if target.pragma("journal_mode", "delete") != "delete":
        raise RestoreError("the database could not leave WAL mode")
    return False
