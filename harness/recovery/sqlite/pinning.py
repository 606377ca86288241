"""What pins a main file: locks on its wal-index (the -shm), and the stamp by which it is known.

The locks are open file description locks (fcntl(2), Linux): they conflict with the POSIX locks of
SQLite's connections, also of this process, and go with the one descriptor that took them. But
*closing* any descriptor of a -shm drops the POSIX locks that connections of this process hold on
it: who closes one must know that there are none.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from harness.databases.sqlite.files import MainFile, beside, busy, own
from harness.errors import RecoveryRefused
from harness.system.files import Files

# Bytes of the -shm, https://www.sqlite.org/walformat.html, section 2.3: 120 is WAL_WRITE_LOCK, 121
# checkpoint, 122 recover, and 123 WAL_READ_LOCK(0), without which no checkpoint writes the main
# file. DMS is os_unix.c's: every connection holds it shared, and the first one exclusively, to
# begin a new wal-index.
READ_LOCK_0, DMS = 123, 128
_FRAMES_AT, _FRAMES_BYTES = 16, 4
_OWN_DESCRIPTORS = "/proc/self/fd"  # psutil's open_files() leaves out a file that was deleted


class PinnedStamp(NamedTuple):
    """By what an untouched main file is known."""

    inode: int
    size_bytes: int
    mtime_ns: int
    header: str  # the first 100 bytes, hexadecimal


def stamp_of_pinned(main: Path, file: MainFile) -> PinnedStamp:
    """Take the stamp; ``file`` is SQLite's own handle, so that no lock is dropped."""
    return _stamp(os.stat(main), file)


def stamp_of_held(inode: int, file: MainFile) -> PinnedStamp:
    """Take the stamp of a main file by a descriptor, whatever has become of its name."""
    return _stamp(os.fstat(inode), file)


def _stamp(status: os.stat_result, file: MainFile) -> PinnedStamp:
    return PinnedStamp(status.st_ino, status.st_size, status.st_mtime_ns, file.header().hex())


def open_inode(main: Path) -> int:
    """Open the file itself (O_PATH): by it alone it is known, and closing it drops no lock."""
    return os.open(main, getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_CLOEXEC", 0))


def sync_held(inode: int, file: MainFile, files: Files) -> None:
    """Make a main file last a power cut, its times included, by which it is known afterwards.

    SQLite syncs the data alone (fdatasync(2)), and a descriptor of one's own could not be closed
    again: so it is done by the one that SQLite has open.
    """
    status = os.fstat(inode)
    try:
        names = os.listdir(_OWN_DESCRIPTORS)
    except OSError:  # no /proc here
        names = []
    for name in names:
        try:
            if os.path.samestat(os.fstat(int(name)), status):
                files.sync(int(name))
                return
        except OSError as error:
            if error.errno != errno.EBADF:  # closed meanwhile, or one that only names the file
                raise
    file.sync()


def refuse_elsewhere(who: str) -> None:
    """Refuse where there are no such locks: the same name takes another struct flock there."""
    if sys.platform != "linux":
        raise RecoveryRefused(
            f"{who} needs the open file description locks of Linux, and this is "
            f"{sys.platform}: name another recovery, such as online_backup"
        )


def open_shm(main: Path) -> int:
    """Open the -shm, or make it as SQLite would, with mode and owner of the main file."""
    path = beside(main, "-shm")
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        like = os.stat(main)
        mode = stat.S_IMODE(like.st_mode)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode)
        with suppress(PermissionError):  # somebody else has made it meanwhile
            os.fchmod(descriptor, mode)  # whatever the umask took away
        own(descriptor, like.st_uid, like.st_gid, mode)
        return descriptor


def is_shm_of(descriptor: int, main: Path) -> bool:
    """Whether it is still the -shm that connections find."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(beside(main, "-shm")))
    except FileNotFoundError:
        return False


def counts_no_frame(descriptor: int) -> bool:
    """Whether the wal-index says that the -wal holds nothing; under the write lock.

    https://www.sqlite.org/walformat.html, section 2.1: ``mxFrame``.
    """
    return os.pread(descriptor, _FRAMES_BYTES, _FRAMES_AT) == bytes(_FRAMES_BYTES)


def lock(descriptor: int, main: Path, *places: int) -> None:
    """Share the locks on these bytes; BusyError while somebody has one exclusively."""
    try:
        for place in places:
            _set(descriptor, fcntl.F_RDLCK, place)
    except BlockingIOError as error:
        raise busy(f"{main}: a checkpoint is running") from error


def unlock(descriptor: int, *places: int) -> None:
    """Let go of the locks on these bytes."""
    for place in places:
        _set(descriptor, fcntl.F_UNLCK, place)


def _set(descriptor: int, kind: int, place: int) -> None:
    """Set one byte's lock; struct flock of fcntl(2): type, whence, start, length, pid 0."""
    flock = struct.pack("hhqqi4x", kind, os.SEEK_SET, place, 1, 0)
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, flock)
