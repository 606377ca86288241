"""The reach of faults into a SQLite file."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import apsw

from harness.databases.sqlite.session import connect
from harness.faults.reach.reach import LockedOut, Reach
from harness.faults.reach.sqlite.closed_files import ClosedFiles
from harness.faults.reach.sqlite.denials import Denial, Denials
from harness.faults.reach.sqlite.vfs import ClosingQuietly, StrikingVfs
from harness.faults.reach.storage import Armed, StrikingFiles
from harness.recovery import CopiesBy

_TURN_MS = 500  # for whoever has the write lock to be done
_FILES = {"database": "", "wal": "-wal", "journal": "-journal"}


class SqliteReach(Reach):
    """One file: its connections, its locks, and what stands beside it."""

    def __init__(self, database: Path) -> None:
        super().__init__(database)
        self.denials = Denials(self.connections)
        self._holder: apsw.Connection | None = None  # of the write lock

    def start(self) -> None:
        """Forget connections and denials."""
        self.connections.clear()
        self.denials.held.clear()

    def connect(self, database: Path, *, busy_timeout_ms: int) -> Any:
        """Connect through the striking VFS, where the cleanup may be struck there."""
        vfs = self.vfs.vfs_name if self.storage_in_cleanup else None
        connection = connect(database, busy_timeout_ms=busy_timeout_ms, vfs=vfs)
        self.connections.append(connection)
        self.denials.watch(connection)
        return ClosingQuietly(connection) if self.storage_in_cleanup else connection

    def other(self, *, busy_timeout_ms: int = 0) -> apsw.Connection:
        """Open a connection as another program would."""
        return connect(self.database, busy_timeout_ms=busy_timeout_ms)

    @contextmanager
    def transaction(
        self, *, busy_timeout_ms: int, writes: bool = True
    ) -> Iterator[apsw.Connection]:
        """Begin IMMEDIATE, so that whoever is locked out knows it at once."""
        try:
            connection = self.other(busy_timeout_ms=busy_timeout_ms)
            try:
                if writes:
                    connection.execute("BEGIN IMMEDIATE")
                yield connection
                if writes:
                    connection.execute("COMMIT")
            finally:
                connection.close()  # without COMMIT it rolls back
        except apsw.BusyError as error:
            raise LockedOut(str(error)) from error

    def lock(self) -> str:
        """Begin an IMMEDIATE transaction and leave it open."""
        holder = self.other(busy_timeout_ms=_TURN_MS)
        try:
            holder.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            holder.close()
            if isinstance(error, apsw.BusyError):
                return ""
            raise
        self._holder = holder
        return "BEGIN IMMEDIATE held by another connection"

    def unlock(self) -> None:
        """Close that connection, which rolls back."""
        if self._holder is not None:
            holder, self._holder = self._holder, None
            holder.close()

    def deny(self, table: str, told: Callable[[str], None]) -> Denial:
        """Have the authorizer of each of the cleanup's connections deny it."""
        return Denial(self.denials, table, told)

    def read_only(self) -> ClosedFiles:
        """Close the files to writers."""
        return ClosedFiles(self.database)

    def growing_bytes(self) -> int:
        """Size of the -wal."""
        return self._size_bytes("-wal")

    def file_of(self, size_bytes: int) -> str:
        """Look at the database, its -wal and its journal."""
        for name, suffix in _FILES.items():
            if self._size_bytes(suffix) == size_bytes:
                return name
        return ""

    def _size_bytes(self, suffix: str) -> int:
        with suppress(FileNotFoundError):
            return os.stat(f"{self.database}{suffix}").st_size
        return 0

    def lose(self, backup: Path) -> str:
        """Remove the file."""
        if not backup.exists():
            return ""
        backup.unlink()
        return f"{backup.name} removed"

    def cut(self, backup: Path, share: float) -> str:
        """Truncate the file."""
        if not backup.exists():
            return ""
        size_bytes = int(share * backup.stat().st_size)
        os.truncate(backup, size_bytes)
        return f"{backup.name} cut to {size_bytes} bytes"

    def storage(self, by: CopiesBy) -> Armed:
        """Strike in the guard's file operations, or in the VFS of its connections."""
        return self.files.armed if by == "files" else self.vfs.armed

    def seams(self, by: Collection[CopiesBy]) -> dict[str, Any]:
        """Return those file operations, and the name of that VFS."""
        seams: dict[str, Any] = {}
        if "files" in by:
            seams["files"] = self.files
        if "engine" in by:
            seams["vfs"] = self.vfs.vfs_name
        return seams

    @cached_property
    def files(self) -> StrikingFiles:
        """The file operations in which storage faults strike."""
        return StrikingFiles()

    @cached_property
    def vfs(self) -> StrikingVfs:
        """The SQLite VFS in which storage faults strike."""
        return StrikingVfs()


__all__ = ["SqliteReach"]
