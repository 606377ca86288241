"""Pin the baseline in the main file, let the tests write into the -wal, and throw the -wal away.

No byte is copied: the main file itself is the baseline, at any size.

Needs: WAL mode; Linux (open file description locks, fcntl(2)); a local file system; at capture
one moment without readers of the -wal. The -wal grows for as long as the pin is held: no checkpoint
can shorten it.
At restore: with sole access the -wal goes, whatever its size. Where others stay connected the pages
of the main file are written back through a connection, as online_backup does it from its copy: one
transaction, and room for the pages in the -wal. A writer who does not finish makes that busy; the
baseline stays pinned.
Survives: writers, checkpoints and closing connections of any process while pinned; others still
connected at restore; a main file that the tests
removed, moved or replaced by another while the pin is held: it is open, and is copied back into its
place; being killed, as long as
nobody checkpoints before ``resume``: what happened to the main file since is seen by its inode,
size, time of modification and header (before Linux 6.13 that time moves in steps of some
milliseconds, and a checkpoint within the same step as the last write before capture is not seen).
Refuses: rollback mode; a main file that was written past the pin, or replaced after a kill.
Nothing could survive: a kill of this process while another one lives and checkpoints, which writes
test data into the only copy of the baseline (``resume`` says so); a kill together with the loss of
the main file. Have
another recovery in the chain where the database cannot be made again.

The invariant, from capture until the -wal is gone: WAL_READ_LOCK(0) is held, first by the read
transaction that proves the -wal empty, then by an OFD lock on the same byte, so no checkpoint can
write the main file; and SHARED is held on the main file, so that no connection is ever the last
one, which would fold or delete the -wal as it closes.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import apsw

from harness.databases.sqlite.files import (
    MainFile,
    beside,
    connect,
    fold,
    hold_steady,
    real,
    size_of,
)
from harness.errors import RecoveryRefused, RestoreError
from harness.recovery import Recovery
from harness.recovery.sqlite.in_place import chunks_of, copy_back, digest_of, write_like
from harness.recovery.sqlite.pages import pages_in
from harness.recovery.sqlite.pinning import (
    READ_LOCK_0,
    PinnedStamp,
    counts_no_frame,
    is_shm_of,
    lock,
    open_inode,
    open_shm,
    refuse_elsewhere,
    stamp_of_held,
    stamp_of_pinned,
    sync_held,
    unlock,
)
from harness.system.trusted import same_file

# Descriptors of -shm files that could not be closed: closing one drops the POSIX locks that other
# connections of this process hold on it. Found again by (device, inode), so at most one a file.
_kept: dict[tuple[int, int], int] = {}


class WalPin(Recovery):
    """A lock on an empty -wal that keeps the main file what it is."""

    name = "wal_pin"
    contract = "needs WAL mode; costs the same at any size, if nobody is connected at the end"
    journal_modes = ("wal",)
    pins = True
    copies_by = "engine"
    copies_in = ("restore",)
    copies_alone = False  # then the -wal goes, and nothing is copied

    _file: MainFile | None = None  # SHARED on the main file
    _shm: int | None = None  # descriptor of the -shm, with the OFD lock
    _stamp: PinnedStamp | None = None
    _inode = -1  # the main file itself (O_PATH: closing it drops no lock), whatever names it has
    _was: os.stat_result | None = None  # of the main file, when it was pinned
    _resumed = False
    # Idle, and of no use for the pin: while one connection is open the wal-index stays, and every
    # other connection of the run is spared its recovery.
    _idle: apsw.Connection | None = None

    @classmethod
    def fits(cls, journal_mode: str) -> bool:
        """In WAL mode, on Linux."""
        return super().fits(journal_mode) and sys.platform == "linux"

    @cached_property
    def main(self) -> Path:
        """The database's file itself, links followed."""
        return real(self.database)

    @property
    def baseline(self) -> Path:
        """The database's own main file; read it as immutable, without its -wal."""
        return self.main

    def capture(self) -> None:
        """Empty the -wal and pin the main file.

        Raises:
            RecoveryRefused: no database, not in WAL mode, not on Linux.
            apsw.BusyError: others left no moment in which the -wal is empty.
        """
        refuse_elsewhere(self.name)
        self._let_go()
        if not self.main.exists():
            raise RecoveryRefused(f"{self.database}: there is no such database")
        connection = connect(self.main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
        try:
            if not hold_steady(connection, self.main):
                raise RecoveryRefused(f"wal_pin needs WAL mode, which {self.database} is not in")
            file = self._hold()
            sync_held(self._inode, file, self.files)  # whoever wrote it last may not have waited
            self._stamp = stamp_of_pinned(self.main, file)
            self._was = os.fstat(self._inode)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.execute("COMMIT")  # the OFD lock already stands
        except BaseException:
            connection.close()
            self._let_go()
            raise
        self._idle = connection

    def untouched(self) -> bool:
        """Whether the pin is held and nothing has come into the -wal since it was emptied.

        With that and the main file as it was there is nothing else that could hold a change. A
        -wal or -shm that is not the one SQLite has open here, or is gone, proves nothing. Looked at
        under the write lock, which whoever has begun to write holds; and the wal-index is asked
        too, for an empty -wal may be another than the one that connections have written.
        """
        if self._idle is None or self._file is None or self._shm is None or self._is_elsewhere():
            return False
        with suppress(apsw.Error, OSError):  # whoever compares waits, and says what is wrong
            self._idle.set_busy_timeout(0)
            self._idle.execute("BEGIN IMMEDIATE")
            try:
                return (
                    is_shm_of(self._shm, self.main)
                    and size_of(beside(self.main, "-wal")) == 0
                    and counts_no_frame(self._shm)
                    and stamp_of_pinned(self.main, self._file) == self._stamp
                )
            finally:
                self._idle.execute("ROLLBACK")
        return False

    def check(self) -> None:
        """Prove that the main file still is what was pinned.

        Another SQLite library in this very process, as Python's sqlite3 is, drops the pin as it
        closes the file, and folds the -wal into it: then the file agrees with itself alone.

        Raises:
            RestoreError: it was written or replaced, or nothing is pinned.
        """
        if self._stamp is None:
            raise RestoreError(f"{self.name} has captured no backup of {self.database}")
        if self._is_elsewhere():
            raise RestoreError(f"{self.main}, which holds the baseline, was removed or replaced")
        self._check(self._hold())

    def restore(self) -> None:
        """Discard the -wal, or write the main file's pages back where others stay connected.

        A main file that has lost its name is copied back under it first.

        Raises:
            RestoreError: nothing is pinned, or the main file is not the baseline any more.
            apsw.BusyError: a writer among others did not finish in time; the baseline stays pinned.
        """
        if self._stamp is None:
            raise RestoreError(f"{self.name} has captured no backup of {self.database}")
        if self._is_elsewhere():
            self._copy_back()
            return
        file = self._hold()
        self._end_idle()
        if not _gets_alone(file, self.busy_timeout_ms):
            self._check(file)
            # not while the busy error is handled: what fails in here is an error of its own
            pages_in(self.main, self.main, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms)
            return
        try:
            self._check(file)
            self.files.unlink(beside(self.main, "-wal"))  # first: without it a -shm means nothing
            self.files.unlink(beside(self.main, "-shm"))
        except BaseException:
            file.shared()
            raise
        self._let_go(alone=True)

    def _is_elsewhere(self) -> bool:
        """Whether the pinned file is held, and is not what stands in the database's place."""
        return self._file is not None and self._inode >= 0 and not same_file(self._inode, self.main)

    def _copy_back(self) -> None:
        """Put a copy of the held file in the place that it has lost, and know that one by then."""
        file, was = self._file, self._was
        assert file is not None  # noqa: S101 - for mypy: it is held, else it would not be elsewhere
        if was is None or stamp_of_held(self._inode, file) != self._stamp:
            raise RestoreError(
                f"{self.main} was removed or replaced, and what was pinned was written before: it "
                "no longer holds the baseline"
            )
        digest = copy_back(
            file, self.main, was, self.files, vfs=self.vfs, busy_timeout_ms=self.busy_timeout_ms
        )
        self._let_go()
        new = self._hold()
        if digest_of(new) != digest:
            raise RestoreError(f"{self.main} was written while it was copied back")
        self._stamp, self._was = stamp_of_pinned(self.main, new), os.fstat(self._inode)

    def rescue(self) -> dict[str, Any] | None:
        """Write the held file, which has lost its name, to where a backup would be."""
        file, was = self._file, self._was
        if not self._is_elsewhere() or file is None or was is None:
            return None
        if stamp_of_held(self._inode, file) != self._stamp:
            return None  # it is no baseline any more
        try:
            size_bytes, sha256 = write_like(self.backup, chunks_of(file), was, self.files)
        except apsw.Error as error:
            raise RestoreError(f"what was pinned of {self.main} cannot be read: {error}") from error
        self.files.sync_folder(self.backup.parent)
        return {"recovery": "online_backup", "size_bytes": size_bytes, "sha256": sha256}

    def dispose(self) -> None:
        """Give the pin up; what is in the -wal is folded, as after any test run."""
        if self._stamp is not None or self._resumed:
            self.files.unlink(beside(self.main, ".restoring"))  # of a copy back that was killed
        if self._idle is not None:
            self._fold_and_let_go(self._idle)
        else:
            self._let_go()
            pinned = self._stamp is not None or self._resumed  # or killed while it was folded
            if pinned and size_of(beside(self.main, "-wal")) >= 0:
                with suppress(apsw.Error):  # a courtesy: whoever opens it next will do it
                    fold(self.main, vfs=self.vfs, busy_timeout_ms=0)
        self._stamp, self._resumed = None, False

    def _fold_and_let_go(self, idle: apsw.Connection) -> None:
        """Let the idle connection fold the -wal as it closes, if it is the last one."""
        file, self._file = self._file, None
        shm, self._shm = self._shm, None
        self._idle = None
        self._close_inode()
        if shm is not None:
            unlock(shm, READ_LOCK_0)
        if file is not None:
            file.close()
        idle.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        idle.close()
        if shm is not None:  # the last one out removes the -shm; then nobody is connected
            _forget(shm, alone=not is_shm_of(shm, self.main))

    def release(self) -> None:
        """Let go as a kill would: nothing is folded, and the -wal stays."""
        self._let_go()
        super().release()

    def describe(self) -> dict[str, Any]:
        """Say by what the main file is known; there is no backup file."""
        stamp = self._stamp._asdict() if self._stamp else {}
        return {**super().describe(), **stamp}

    def resume(self, description: dict[str, Any]) -> None:
        """Pin the main file again after a crash, if it is proven untouched since the capture.

        Raises:
            RestoreError: the main file was written, replaced or removed.
            apsw.BusyError: a checkpoint is running.
        """
        self._let_go()
        if "header" not in description:
            return  # capture had not finished: there is nothing to know and nothing to dispose
        self._resumed = True
        known: list[Any] = [description.get(name) for name in PinnedStamp._fields]
        self._stamp = PinnedStamp(*known)
        try:
            if not self.main.exists():
                raise RestoreError(f"{self.main}, which held the baseline, is gone")
            self._file = MainFile(self.main)
            self._check(self._file)  # before anything is made beside it
            self._check(self._hold())
            self._was = os.fstat(self._inode)
        except BaseException:
            self._let_go()
            self._stamp = None
            raise

    def _hold(self) -> MainFile:
        """Take SHARED and WAL_READ_LOCK(0), or see that both are held."""
        if self._file is None:
            self._file = MainFile(self.main)
        if self._inode < 0:
            self._inode = open_inode(self.main)
        self._file.shared()
        if self._shm is not None and not is_shm_of(self._shm, self.main):
            os.close(self._shm)  # an earlier restore removed that file under EXCLUSIVE
            self._shm = None
        if self._shm is None:
            self._shm = _known_or_opened(self.main)
        lock(self._shm, self.main, READ_LOCK_0)
        return self._file

    def _check(self, file: MainFile) -> None:
        """Prove that the main file is what was captured."""
        if stamp_of_pinned(self.main, file) != self._stamp:
            raise RestoreError(
                f"{self.main} was written or replaced since it was pinned, so it no longer holds "
                "the baseline; the -wal is left as it is"
            )

    def _close_inode(self) -> None:
        if self._inode >= 0:
            os.close(self._inode)
            self._inode = -1

    def _end_idle(self) -> None:
        """Close the idle connection; it folds nothing."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def _let_go(self, *, alone: bool = False) -> None:
        """Release every lock; ``alone`` when EXCLUSIVE has proven that nobody is connected."""
        self._end_idle()
        file, self._file = self._file, None
        shm, self._shm = self._shm, None
        self._close_inode()
        try:
            if shm is not None:
                alone = alone or (file is not None and _gets_alone(file, 0))
                unlock(shm, READ_LOCK_0)
                _forget(shm, alone=alone)
        finally:
            if file is not None:
                file.close()


def _gets_alone(file: MainFile, timeout_ms: float) -> bool:
    """Whether nobody else is connected, or they leave in time; EXCLUSIVE is held then."""
    try:
        file.exclusive(timeout_ms)
    except apsw.BusyError:
        return False
    return True


def _known_or_opened(main: Path) -> int:
    """Give a descriptor of the -shm; ``_forget`` is the way to close it."""
    with suppress(FileNotFoundError):
        status = os.stat(beside(main, "-shm"))
        kept = _kept.pop((status.st_dev, status.st_ino), None)
        if kept is not None:
            return kept
    return open_shm(main)


def _forget(descriptor: int, *, alone: bool) -> None:
    """Close a -shm descriptor, or keep it where closing would drop a neighbour's locks."""
    if alone:
        os.close(descriptor)
        return
    status = os.fstat(descriptor)
    _kept[status.st_dev, status.st_ino] = descriptor
