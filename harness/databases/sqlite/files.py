"""What the SQLite recoveries share: locks on the main file, and proofs about it.

A live SQLite file is read and locked here through SQLite's own VFS and nowhere opened otherwise:
closing any other descriptor drops every POSIX lock the process holds on the file
(https://www.sqlite.org/howtocorrupt.html, section 2.2).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import apsw

from harness.errors import RecoveryRefused
from harness.system.links import followed

CHUNK_BYTES = 1 << 16  # memory that the allocator hands out again without a page fault
HEADER_BYTES = 100  # https://www.sqlite.org/fileformat2.html, section 1.3
WAL_VERSIONS = b"\x02\x02"  # bytes 18 and 19 of the header in WAL mode
_PROOFS = 5  # how often a writer may come between checkpoint and read transaction


def real(path: Path) -> Path:
    """Follow symbolic links, as SQLite does: the -wal stands beside the real file."""
    return Path(followed(path))


def placed(path: Path) -> Path:
    """Follow the links of the folder; what stands under the name itself may be one."""
    return Path(followed(path.parent), path.name)


@lru_cache(64)  # paths are made again and again for the same few files
def beside(main: Path, suffix: str) -> Path:
    """Return the path of a file that SQLite or a recovery keeps beside ``main``."""
    return main.with_name(main.name + suffix)


def size_of(path: Path) -> int:
    """Size in bytes, without opening; -1 when there is no such file."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return -1


def busy(sentence: str) -> apsw.BusyError:
    """Make the error SQLite raises for a lock, code included, so that others retry it alike."""
    error = apsw.exception_for(apsw.SQLITE_BUSY)
    error.args = (sentence,)
    assert isinstance(error, apsw.BusyError)  # noqa: S101 - what SQLITE_BUSY is in apsw, for mypy
    return error


def connect(
    path: Path, *, vfs: str | None = None, busy_timeout_ms: int = 1000, immutable: bool = False
) -> apsw.Connection:
    """Open ``path``, which must exist, for reading and writing, or as a file nobody writes.

    It is a real path, in which no link was when it was looked at: one that somebody has put there
    since is not followed (CantOpenError).
    """
    name, flags = str(path), apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW
    if immutable:
        name = f"file:{quote(name)}?immutable=1"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_NOFOLLOW
    connection = apsw.Connection(name, flags=flags, vfs=vfs)
    connection.set_busy_timeout(busy_timeout_ms)
    return connection


def hold_steady(connection: apsw.Connection, main: Path, *, folding: bool = True) -> bool:
    """Begin a read transaction under which nobody can write the main file; True in WAL mode.

    Rollback mode: the transaction's SHARED lock keeps every writer from the file. WAL mode: the
    -wal is emptied first; one that is still empty afterwards proves that the transaction reads the
    main file alone and holds WAL_READ_LOCK(0), which every checkpoint needs to itself
    (https://www.sqlite.org/walformat.html, section 2.3). A hot journal is rolled back on the way.

    Raises:
        apsw.BusyError: readers or writers left no moment for it; without ``folding``, which writes
            nothing, also when there is anything in the -wal.
    """
    connection.pragma("user_version")  # a read that parses no schema: recovers, opens the -wal
    for _ in range(_PROOFS if folding else 1):
        if folding:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        connection.execute("BEGIN")
        connection.pragma("user_version")  # BEGIN alone takes no lock
        if connection.read("main", 0, 18, 2)[1] != WAL_VERSIONS:
            return False
        if size_of(beside(main, "-wal")) == 0:
            return True
        connection.execute("ROLLBACK")
    raise busy(f"{main}: others wrote between every checkpoint and read transaction")


def read_main(connection: apsw.Connection, size_bytes: int) -> Iterator[bytes]:
    """Yield the main file's bytes in chunks, read through the connection's own descriptor."""
    for offset in range(0, size_bytes, CHUNK_BYTES):
        amount = min(CHUNK_BYTES, size_bytes - offset)
        whole, data = connection.read("main", 0, offset, amount)
        if not whole:
            raise RecoveryRefused(f"the database ends before byte {offset + amount}")
        yield data


def fold(main: Path, *, vfs: str | None, busy_timeout_ms: int) -> None:
    """Bring the -wal or a hot journal into the main file, so that it alone is the live state."""
    connection = connect(main, vfs=vfs, busy_timeout_ms=busy_timeout_ms)
    try:
        connection.pragma("user_version")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()


class MainFile:
    """SQLite's locks on a main file, held without a connection.

    The lock is the process's and of SQLite's own book-keeping: connections of this process are
    kept out like those of others. https://www.sqlite.org/lockingv3.html
    """

    def __init__(self, main: Path) -> None:
        flags = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE
        flags |= apsw.SQLITE_OPEN_NOFOLLOW
        self.main = main
        self._file = apsw.VFSFile("", str(main), [flags, 0])

    def shared(self) -> None:
        """Take SHARED, or go back to it; while it is held nobody has the file to themselves."""
        self._file.xUnlock(apsw.SQLITE_LOCK_SHARED)  # from none, SQLite does nothing
        self._file.xLock(apsw.SQLITE_LOCK_SHARED)

    def exclusive(self, timeout_ms: float) -> None:
        """Go to EXCLUSIVE: nobody else holds any lock. BusyError when not in time, with SHARED.

        While waiting PENDING is held, so that those who leave are not replaced by others.
        """
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            try:
                self.bar()
                return
            except apsw.BusyError as error:
                if time.monotonic() >= deadline:
                    with suppress(apsw.BusyError):
                        self.shared()
                    raise busy(f"{self.main} is open elsewhere") from error
            time.sleep(0.001)

    def bar(self) -> None:
        """Try once for EXCLUSIVE; BusyError leaves PENDING where RESERVED was free."""
        self._file.xLock(apsw.SQLITE_LOCK_SHARED)
        self._file.xLock(apsw.SQLITE_LOCK_RESERVED)  # two at once would wait for each other
        self._file.xLock(apsw.SQLITE_LOCK_EXCLUSIVE)

    def header(self) -> bytes:
        """Read the first 100 bytes; fewer when the file is shorter."""
        return self._file.xRead(HEADER_BYTES, 0)

    def size_bytes(self) -> int:
        """Give the size of the file, whatever name it has or has lost."""
        return self._file.xFileSize()

    def read(self, amount: int, offset: int) -> bytes:
        """Read ``amount`` bytes from ``offset``; fewer when the file ends before."""
        return self._file.xRead(amount, offset)

    def write(self, data: bytes, offset: int) -> None:
        """Write in place; the caller has EXCLUSIVE."""
        self._file.xWrite(data, offset)

    def truncate(self, size_bytes: int) -> None:
        """Cut the file; the caller has EXCLUSIVE."""
        self._file.xTruncate(size_bytes)

    def sync(self) -> None:
        """Make what anybody has written to the file last a power cut."""
        self._file.xSync(apsw.SQLITE_SYNC_FULL)

    def close(self) -> None:
        """Release every lock."""
        self._file.xUnlock(apsw.SQLITE_LOCK_NONE)
        self._file.xClose()


@contextmanager
def sole_access(main: Path, timeout_ms: float) -> Iterator[MainFile]:
    """Hold EXCLUSIVE on ``main``; BusyError while any connection of any process has a lock."""
    file = MainFile(main)
    try:
        file.exclusive(timeout_ms)
        yield file
    finally:
        file.close()


def alone(main: Path) -> bool:
    """Whether the main file alone is the database: no frames in a -wal, no hot journal.

    Asked under a lock that keeps writers away. A journal that begins with a zero byte is a finished
    one that was kept (``journal_mode=PERSIST``);
    https://www.sqlite.org/fileformat2.html, section 3.
    """
    if size_of(beside(main, "-wal")) > 0:
        return False
    journal = beside(main, "-journal")
    if size_of(journal) <= 0:
        return True
    with journal.open("rb") as file:  # no lock is ever taken on a journal
        return file.read(1) == b"\0"


def own(descriptor: int, uid: int, gid: int, mode: int) -> None:
    """Give a new file its owner where the system allows it; the mode stays."""
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) == (uid, gid):
        return
    with suppress(PermissionError):
        os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, mode)  # fchown takes set-id bits away
