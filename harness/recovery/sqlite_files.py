"""What the SQLite recoveries share: proofs about the main file, and a backup that is a sealed file.

A live SQLite file is read and locked here through SQLite's own VFS and nowhere opened otherwise:
closing any other descriptor drops every POSIX lock the process holds on the file
(https://www.sqlite.org/howtocorrupt.html, section 2.2).
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import apsw

from harness.errors import RecoveryRefused, RestoreError
from harness.recovery import Recovery

CHUNK_BYTES = 1 << 16  # memory that the allocator hands out again without a page fault
HEADER_BYTES = 100  # https://www.sqlite.org/fileformat2.html, section 1.3
WAL_VERSIONS = b"\x02\x02"  # bytes 18 and 19 of the header in WAL mode
_PROOFS = 5  # how often a writer may come between checkpoint and read transaction


def real(path: Path) -> Path:
    """Follow symbolic links, as SQLite does: the -wal stands beside the real file."""
    return Path(os.path.realpath(path))


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
    """Open ``path``, which must exist, for reading and writing, or as a file nobody writes."""
    name, flags = str(path), apsw.SQLITE_OPEN_READWRITE
    if immutable:
        name = f"file:{quote(name)}?immutable=1"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(name, flags=flags, vfs=vfs)
    connection.set_busy_timeout(busy_timeout_ms)
    return connection


def hold_steady(connection: apsw.Connection, main: Path) -> bool:
    """Begin a read transaction under which nobody can write the main file; True in WAL mode.

    Rollback mode: the transaction's SHARED lock keeps every writer from the file. WAL mode: the
    -wal is emptied first; one that is still empty afterwards proves that the transaction reads the
    main file alone and holds WAL_READ_LOCK(0), which every checkpoint needs to itself
    (https://www.sqlite.org/walformat.html, section 2.3). A hot journal is rolled back on the way.

    Raises:
        apsw.BusyError: readers or writers left no moment for it.
    """
    connection.pragma("user_version")  # a read that parses no schema: recovers, opens the -wal
    for _ in range(_PROOFS):
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


class Seal(NamedTuple):
    """What a backup file must be when it is put back."""

    size_bytes: int
    sha256: str
    mode: int  # permission bits of the database
    uid: int
    gid: int


class FileBackup(Recovery):
    """A recovery whose backup is one file, made under another name and sealed by size and hash.

    The file is made beside its final name and renamed, so that under that name it is whole or
    absent. It has the database's permission bits, and its owner where the system allows that.
    """

    _seal: Seal | None = None
    _resumed = False

    @cached_property
    def main(self) -> Path:
        """The database's file itself, links followed."""
        return real(self.database)

    @property
    def baseline(self) -> Path:
        """The backup file."""
        return self.backup

    def describe(self) -> dict[str, Any]:
        """Add the seal once there is a backup; before, whether somebody else's file is there."""
        if self._seal:
            return {**super().describe(), **self._seal._asdict()}
        stood = {"stood_before": True} if os.path.lexists(self.backup) else {}
        return {**super().describe(), **stood}

    def resume(self, description: dict[str, Any]) -> None:
        """Take the seal back; without one, ``dispose`` removes what was left and no more.

        A file that stood there before the capture began is not ours: the capture refused it.
        """
        self._resumed = "stood_before" not in description
        self._seal = None
        if "sha256" in description:
            self._seal = Seal(*(description[name] for name in Seal._fields))

    def dispose(self) -> None:
        """Remove the backup, and what a crash or an error left half made."""
        self.files.unlink(self._restoring)
        if self._seal is None and not self._resumed:
            return  # a file that stands there is somebody else's
        self.files.unlink(self._part)
        self.files.unlink(self.backup)
        self.files.sync_folder(self.backup.parent)
        self._seal, self._resumed = None, False

    @property
    def _part(self) -> Path:
        return beside(self.backup, ".part")

    @property
    def _restoring(self) -> Path:
        return beside(self.main, ".restoring")

    def _look_before(self) -> os.stat_result:
        """Refuse what must not be overwritten or cannot be copied; stat of the database."""
        if os.path.lexists(self.backup) and self._seal is None and not self._resumed:
            what = "a symbolic link" if self.backup.is_symlink() else "a file"
            raise RecoveryRefused(f"{self.backup}: {what} stands where the backup would be written")
        try:
            return os.stat(self.main)
        except FileNotFoundError:
            raise RecoveryRefused(f"{self.database}: there is no such database") from None

    def _adopt(self, part: Path, seal: Seal) -> None:
        """Give a finished file the backup's name, and keep its seal."""
        self.files.replace(part, self.backup)
        self._seal = seal  # from here on the file there is ours
        self.files.sync_folder(self.backup.parent)

    def _sealed(self) -> Seal:
        """Return the seal if a file of the right size stands there; RestoreError says what not."""
        if self._seal is None:
            raise RestoreError(f"{self.name} has captured no backup of {self.database}")
        try:
            status = os.lstat(self.backup)
        except FileNotFoundError:
            raise RestoreError(f"the backup {self.backup} is missing") from None
        if not stat.S_ISREG(status.st_mode):
            raise RestoreError(f"the backup {self.backup} is not a regular file any more")
        if status.st_size != self._seal.size_bytes:
            raise RestoreError(
                f"the backup {self.backup} has {status.st_size} bytes where "
                f"{self._seal.size_bytes} were written"
            )
        return self._seal

    def _check_hash(self, sha256: str, seal: Seal) -> None:
        if sha256 != seal.sha256:
            raise RestoreError(f"the backup {self.backup} was altered: its SHA-256 is not the same")

    def _read(self, path: Path) -> Iterator[bytes]:
        """Yield the bytes of a file that is no live database."""
        descriptor = self.files.open(path)
        try:
            while data := self.files.read(descriptor, CHUNK_BYTES):
                yield data
        finally:
            self.files.close(descriptor)

    def _write_new(self, path: Path, chunks: Iterable[bytes], like: os.stat_result | Seal) -> Seal:
        """Write ``chunks`` to ``path``, to last, with the database's mode and owner; seal it.

        Whatever half-made file stands under that name is removed, before and on any error.
        """
        mode, uid, gid = _mode_and_owner(like)
        digest, size_bytes = hashlib.sha256(), 0
        self.files.unlink(path)
        descriptor = self.files.create(path, mode)
        try:
            try:
                own(descriptor, uid, gid, mode)
                for data in chunks:
                    digest.update(data)
                    size_bytes += len(data)
                    self.files.write(descriptor, data)
                self.files.sync(descriptor)
            finally:
                self.files.close(descriptor)
        except BaseException:
            self._sweep(path)
            raise
        return Seal(size_bytes, digest.hexdigest(), mode, uid, gid)

    def _sweep(self, path: Path) -> None:
        """Remove what is half made, while another error is on its way up; dispose tries again."""
        with suppress(OSError):
            self.files.unlink(path)


def _mode_and_owner(like: os.stat_result | Seal) -> tuple[int, int, int]:
    if isinstance(like, Seal):
        return like.mode, like.uid, like.gid
    return stat.S_IMODE(like.st_mode), like.st_uid, like.st_gid


def own(descriptor: int, uid: int, gid: int, mode: int) -> None:
    """Give a new file its owner where the system allows it; the mode stays."""
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) == (uid, gid):
        return
    with suppress(PermissionError):
        os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, mode)  # fchown takes set-id bits away
