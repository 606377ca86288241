"""Where storage faults strike what SQLite itself reads and writes: a VFS over its own.

What the kernel says comes from ``harness.faults.reach.storage``; here SQLite is told what its own
unix VFS would have made of that.
"""

from __future__ import annotations

import errno
import itertools
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import apsw

from harness.faults.reach.storage import Armed

if TYPE_CHECKING:
    from typing_extensions import Buffer

_numbers = itertools.count()


class StrikingVfs(apsw.VFS):
    """SQLite's own VFS, until a strike is armed."""

    def __init__(self) -> None:
        self.armed = Armed()
        self.vfs_name = f"striking-{os.getpid()}-{next(_numbers)}"
        super().__init__(self.vfs_name, "")

    def xOpen(self, name: Any, flags: list[int]) -> StrikingFile:  # noqa: N802 - SQLite's name
        """Open a file in which strikes can happen."""
        return StrikingFile(name, flags, self.armed)


class StrikingFile(apsw.VFSFile):
    """One file that SQLite has open through a StrikingVfs.

    While one of SQLite's errors is being handled, operations pass: what SQLite does in undoing
    may be done by a call of apsw's that reports no error (``Backup.__exit__``), and a second one
    would come out of it as a SystemError, which no disk ever caused.
    """

    def __init__(self, name: Any, flags: list[int], armed: Armed) -> None:
        super().__init__("", name, flags)
        self._armed = armed

    def xWrite(self, data: Buffer, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write, or fail as the armed strike has it."""
        written = bytes(data)
        self._fail_if_due(len(written), written)
        super().xWrite(data, offset)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        """Read, or fail as the armed strike has it."""
        self._fail_if_due(amount, None)
        return super().xRead(amount, offset)

    def _fail_if_due(self, size_bytes: int, data: bytes | None) -> None:
        if isinstance(sys.exception(), apsw.Error):
            return
        strike = self._armed.due(size_bytes, read=data is None)
        if strike is None:
            return
        try:
            strike.fail(data)
        except OSError as error:
            raise _as_sqlite_says(error, read=data is None) from error


def _as_sqlite_says(error: OSError, *, read: bool) -> Exception:
    """The error that SQLite's own unix VFS makes of what the kernel said (os_unix.c)."""
    code = apsw.SQLITE_IOERR_READ if read else apsw.SQLITE_IOERR_WRITE
    raised = apsw.exception_for(apsw.SQLITE_FULL if error.errno == errno.ENOSPC else code)
    raised.args = (str(error),)
    return raised


class ClosingQuietly:
    """A connection through the striking VFS that closes as SQLite does: without an error.

    The last connection to close copies the -wal into the database. Where the disk refuses that,
    SQLite keeps the -wal and says nothing (https://www.sqlite.org/c3ref/close.html); apsw would
    raise what the VFS, being written in Python, has raised.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        """Pass on all else."""
        return getattr(self._connection, name)

    def close(self) -> None:
        """Close it; whatever the disk says, it is closed."""
        with suppress(apsw.FullError, apsw.IOError):
            self._connection.close()
