"""The two layers that are recorded: the guard's own file operations, and SQLite's."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from harness.system.files import Files
from tests.guard.power.disk import FOLDER
from tests.guard.power.recorder import SQLITE, Recorder

_NAMED_BY_A_SYNC = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
_COPIED_BYTES = 1 << 20


class RecordingFiles(Files):
    """The real file operations, each recorded when it is done."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def create(self, path: Path, mode: int) -> int:
        """Record a new name."""
        descriptor = super().create(path, mode)
        if self.recorder.covers(path):
            self.recorder.created(path)
        return descriptor

    def overwrite(self, path: Path) -> int:
        """Record a cut."""
        descriptor = super().overwrite(path)
        self._cut(descriptor, 0)
        return descriptor

    def write(self, descriptor: int, data: bytes) -> None:
        """Record a write."""
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        super().write(descriptor, data)
        self._wrote(descriptor, offset, data)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """Record a cut."""
        super().truncate(descriptor, size_bytes)
        self._cut(descriptor, size_bytes)

    def copy(self, source: Path, descriptor: int, *rest: Any, **named: Any) -> None:
        """Record what another process copies, and that it syncs."""
        super().copy(source, descriptor, *rest, **named)
        self._copied(descriptor)
        inode = self.recorder.inode_of(descriptor)
        if inode is not None:
            self.recorder.synced(inode, whole=True, site="copying.main: sync 1")

    def clone(self, source_descriptor: int, target_descriptor: int) -> None:
        """Record a clone as a write of everything."""
        super().clone(source_descriptor, target_descriptor)
        self._copied(target_descriptor)

    def sync(self, descriptor: int) -> None:
        """Record a sync."""
        super().sync(descriptor)
        inode = self.recorder.inode_of(descriptor)
        if inode is not None:
            self.recorder.synced(inode, whole=True)
        elif stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self._synced_folder(os.readlink(f"/proc/self/fd/{descriptor}"))

    def replace(self, source: Path, target: Path) -> None:
        """Record a rename."""
        super().replace(source, target)
        if self.recorder.covers(target):
            inode = self.recorder.inode_at(source)
            self.recorder.named([(target, inode), (source, None)])

    def link(self, source: Path, target: Path) -> None:
        """Record one more name."""
        super().link(source, target)
        if self.recorder.covers(target):
            self.recorder.linked_hard(target)

    def symlink(self, target: Path, path: Path) -> None:
        """Record a symbolic link."""
        super().symlink(target, path)
        if self.recorder.covers(path):
            self.recorder.linked(path)

    def make_folder(self, path: Path, mode: int) -> None:
        """Record a folder."""
        super().make_folder(path, mode)
        if self.recorder.covers(path):
            self.recorder.named([(path, FOLDER)])

    def unlink(self, path: Path) -> None:
        """Record a removal."""
        there = os.path.lexists(path)
        super().unlink(path)
        if there and self.recorder.covers(path):
            self.recorder.named([(path, None)])

    def sync_folder(self, folder: Path) -> None:
        """Record a folder's sync."""
        super().sync_folder(folder)
        self._synced_folder(folder)

    def _synced_folder(self, folder: str | Path) -> None:
        if self.recorder.covers(Path(folder) / "x"):
            self.recorder.synced_folder(folder)

    def _copied(self, descriptor: int) -> None:
        """Record the bytes that came another way than by ``write``."""
        reader = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)  # of a new file, no live one
        try:
            offset = 0
            while data := os.pread(reader, _COPIED_BYTES, offset):
                self._wrote(descriptor, offset, data)
                offset += len(data)
        finally:
            os.close(reader)

    def _wrote(self, descriptor: int, offset: int, data: bytes) -> None:
        inode = self.recorder.inode_of(descriptor)
        if inode is not None:
            self.recorder.wrote(inode, offset, data, os.fstat(descriptor).st_mtime_ns)

    def _cut(self, descriptor: int, size_bytes: int) -> None:
        inode = self.recorder.inode_of(descriptor)
        if inode is not None:
            self.recorder.cut(inode, size_bytes, os.fstat(descriptor).st_mtime_ns)


class RecordingVFS(apsw.VFS):
    """SQLite's operations in this process, as long as it is the default VFS."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(f"recording {id(self)}", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802 - SQLite's own name
        """Record a new file."""
        path = None
        if name is not None:
            path = name.filename() if isinstance(name, apsw.URIFilename) else name
            path = os.path.realpath(path)
        if path is None or not self.recorder.covers(path):
            return apsw.VFSFile("unix", name, flags)
        there = os.path.lexists(path)
        file = RecordingFile(self.recorder, path, name, flags)
        if not there:
            self.recorder.created(path)
        file.inode = self.recorder.inode_at(path)
        return file

    def xDelete(self, name: str, sync_dir: bool) -> None:  # noqa: N802 - SQLite's own name
        """Record a removal."""
        super().xDelete(name, sync_dir)
        if self.recorder.covers(name):
            self.recorder.named([(name, None)])
            if sync_dir:
                self.recorder.synced_folder(os.path.dirname(name), SQLITE)


class RecordingFile(apsw.VFSFile):
    """One open file of SQLite's."""

    inode: int | None = None

    def __init__(self, recorder: Recorder, path: str, name: Any, flags: list[int]) -> None:
        self.recorder, self.path = recorder, path
        # os_unix.c syncs the folder with the first sync of a journal or -wal that it may create
        self.syncs_folder = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _NAMED_BY_A_SYNC)
        super().__init__("unix", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's own name
        """Record a write."""
        super().xWrite(data, offset)
        self.recorder.wrote(self.inode, offset, data, self._mtime_ns())

    def xTruncate(self, size_bytes: int) -> None:  # noqa: N802 - SQLite's own name
        """Record a cut."""
        super().xTruncate(size_bytes)
        self.recorder.cut(self.inode, size_bytes, self._mtime_ns())

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's own name
        """Record a sync, of the folder too where SQLite does that."""
        super().xSync(flags)
        self.recorder.synced(self.inode, whole=False)
        if self.syncs_folder:
            self.syncs_folder = False
            self.recorder.synced_folder(os.path.dirname(self.path), SQLITE)

    def _mtime_ns(self) -> int:
        try:
            return os.stat(self.path).st_mtime_ns
        except FileNotFoundError:  # it has no name any more, so nobody will ask
            return 0


@contextmanager
def recorded(root: Path) -> Iterator[Recorder]:
    """Record what is done in this process to the files below ``root``."""
    recorder = Recorder(root)
    vfs = RecordingVFS(recorder)
    try:
        yield recorder
    finally:
        vfs.unregister()
