"""A pin that stands from test to test: the main file is the baseline, the -wal is thrown away.

The invariant and the limits are those of ``harness.recovery.wal_pin``, made for a process of its
own that restores hundreds of times: no connection stays open (a lock on the -shm's DMS byte keeps
the wal-index alive as an open connection would), nothing is captured anew after a restore, and no
folder is synced. A power cut is the business of the session's guard, which has a synced backup.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import apsw

from harness.databases.sqlite.files import MainFile, beside, connect, hold_steady
from harness.errors import RecoveryRefused, RestoreError
from harness.recovery.sqlite.in_place import copy_back, digest_of
from harness.recovery.sqlite.pinning import (
    DMS,
    READ_LOCK_0,
    PinnedStamp,
    is_shm_of,
    lock,
    open_inode,
    open_shm,
    refuse_elsewhere,
    stamp_of_held,
    stamp_of_pinned,
)
from harness.system.files import Files
from harness.system.trusted import same_file

_INDEX_HEADER_BYTES = 96  # two copies; every commit changes both
_INDEX_BYTES = 136  # and what checkpoints and locks need
_WAL_HEADER_BYTES = 32
_LONG_WAL_BYTES = 1 << 18  # beyond it reading the -wal costs more than folding it
_HUGE_WAL_BYTES = 1 << 26


class StandingPin:
    """The pin of one main file, held until ``let_go``.

    Only for a process in which nobody else opens the database: closing the -shm's descriptor would
    drop the locks of another connection here.
    """

    def __init__(self, main: Path, *, busy_timeout_ms: int) -> None:
        self.main, self.busy_timeout_ms = main, busy_timeout_ms
        self._file: MainFile | None = None  # SHARED: nobody is the last one to close
        self._shm = -1
        self._inode = -1  # the main file itself, whatever names it has
        self._was: os.stat_result | None = None  # of it, when it was pinned
        self._stamp: PinnedStamp | None = None
        self._proven = b""  # the wal-index' header when the -wal was last proven to change nothing

    def take(self) -> None:
        """Fold what is in the -wal, and pin the main file as it then is.

        Raises:
            RecoveryRefused: not in WAL mode, or not on Linux.
            apsw.BusyError: others left no moment in which the -wal is empty.
        """
        refuse_elsewhere("a pin")
        self.let_go()
        connection = connect(self.main, busy_timeout_ms=self.busy_timeout_ms)
        try:
            with suppress(apsw.SQLError, apsw.CorruptError):  # it parses the schema; no matter
                connection.execute("PRAGMA synchronous=OFF")  # see above: no power cut
            if not hold_steady(connection, self.main):
                raise RecoveryRefused(f"a pin needs WAL mode, which {self.main} is not in")
            self._file = MainFile(self.main)
            self._file.shared()
            self._hold_shm()
            self._inode = open_inode(self.main)
            self._was = os.fstat(self._inode)
            self._stamp = stamp_of_pinned(self.main, self._file)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.execute("COMMIT")  # the locks already stand
        except BaseException:
            connection.close()
            self.let_go()
            raise
        connection.close()

    def untouched(self) -> bool:
        """Whether the pin holds and nothing was committed since it last held the live state."""
        with suppress(OSError, RestoreError):
            self.check()
            wal = beside(self.main, "-wal")
            if not is_shm_of(self._shm, self.main):
                return False
            if _is_struck_out(wal):
                return True
            return os.stat(wal).st_size < _LONG_WAL_BYTES and self.index() == self._proven != b""
        return False

    def restore(self) -> None:
        """Throw the -wal away while nobody is connected, and pin on.

        A main file that has lost its name is copied back under it, and pinned there.

        Raises:
            RestoreError: the main file is not the baseline any more.
            apsw.BusyError: others are connected; the pin stands as before.
        """
        if self._file is None:
            raise RestoreError(f"nothing of {self.main} is pinned")
        if not same_file(self._inode, self.main):
            self._copy_back()
            return
        self._file.exclusive(0)
        try:
            self.check()
            _strike_out(beside(self.main, "-wal"))  # first: without frames a -shm means nothing
            if not is_shm_of(self._shm, self.main):
                self._hold_shm()
            os.pwrite(self._shm, bytes(_INDEX_BYTES), 0)  # the next connection begins it anew
            self._proven = b""
            self.check()
        finally:
            self._file.shared()

    def _copy_back(self) -> None:
        file, was = self._file, self._was
        assert file is not None  # noqa: S101 - for mypy: who calls has looked
        if was is None or stamp_of_held(self._inode, file) != self._stamp:
            raise RestoreError(f"{self.main} was written past the pin, and then removed")
        os.makedirs(self.main.parent, exist_ok=True)
        digest = copy_back(
            file, self.main, was, Files(), vfs=None, busy_timeout_ms=self.busy_timeout_ms
        )
        self.take()
        assert self._file is not None  # noqa: S101 - for mypy: it has just been taken
        if digest_of(self._file) != digest:
            raise RestoreError(f"{self.main} was written while it was copied back")

    def check(self) -> None:
        """Prove that the main file is what was pinned; RestoreError where it is not."""
        try:
            is_as_pinned = (
                self._file is not None and stamp_of_pinned(self.main, self._file) == self._stamp
            )
        except FileNotFoundError:
            raise RestoreError(f"{self.main}, which held the baseline, is gone") from None
        if not is_as_pinned:
            raise RestoreError(
                f"{self.main} was written or replaced past the pin, so it no longer holds the "
                "baseline"
            )

    def index(self) -> bytes:
        """Read the wal-index' header, by which a commit is seen; empty where nothing is pinned."""
        return os.pread(self._shm, _INDEX_HEADER_BYTES, 0) if self._shm >= 0 else b""

    def proven(self, index: bytes) -> None:
        """Remember the wal-index' header under which the live state was proven the baseline."""
        self._proven = index

    def let_go(self) -> None:
        """Release every lock and change nothing."""
        shm, self._shm = self._shm, -1
        if shm >= 0:
            os.close(shm)
        inode, self._inode = self._inode, -1
        if inode >= 0:
            os.close(inode)
        file, self._file = self._file, None
        if file is not None:
            file.close()
        self._stamp, self._proven = None, b""

    def _hold_shm(self) -> None:
        """Open the -shm, or make it as SQLite would, and take both locks on it."""
        old_shm, self._shm = self._shm, open_shm(self.main)
        if old_shm >= 0:
            os.close(old_shm)
        lock(self._shm, self.main, READ_LOCK_0, DMS)


def _strike_out(wal: Path) -> None:
    """Make every frame of the -wal invalid: its header is, and the next one has another salt.

    The blocks stay: giving them back costs a disk's file system milliseconds, and so would the
    next test's fresh ones.
    """
    with suppress(FileNotFoundError):
        if os.stat(wal).st_size > _HUGE_WAL_BYTES:
            os.unlink(wal)
            return
        descriptor = os.open(wal, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            if os.fstat(descriptor).st_size:
                os.pwrite(descriptor, bytes(_WAL_HEADER_BYTES), 0)
        finally:
            os.close(descriptor)


def _is_struck_out(wal: Path) -> bool:
    """Whether the -wal has no header, and so no frame that counts; also where there is none."""
    try:
        descriptor = os.open(wal, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    try:
        return not any(os.pread(descriptor, _WAL_HEADER_BYTES, 0))
    finally:
        os.close(descriptor)
