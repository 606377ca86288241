"""What happens to the files of a folder, recorded: the guard's own operations, and SQLite's."""

from __future__ import annotations

import inspect
import linecache
import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import apsw

from harness.files import Files
from tests.guard.power.disk import (
    FOLDER,
    Cut,
    Disk,
    Event,
    File,
    Image,
    Mark,
    Names,
    Stored,
    Sync,
    SyncFolder,
    Write,
)

SQLITE = "SQLite"  # the site of a sync that SQLite does by itself
SHM = "-shm"
_NAMED_BY_A_SYNC = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
_COPIED_BYTES = 1 << 20
_SYNCS = re.compile(r"\b(x|f|)[sS]ync(_folder)?\(")


class Recorder:
    """Records what is done below ``root``; everything there is on the disk for good before."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.before = Disk()
        self.events: list[Event] = []
        self._inodes: dict[int, int] = {}  # by the real number, as long as it is somebody's
        self.real_inodes: dict[int, int] = {}  # the real number of every inode of the record
        self._names: dict[str, int] = {}
        for path in sorted(self.root.rglob("*")):
            if path.name.endswith(SHM):
                continue
            name, status = self._relative(path), os.lstat(path)
            if stat.S_ISDIR(status.st_mode):
                self.before.names[name] = FOLDER
                continue
            inode = self._inode(status.st_ino)
            self.before.names[name] = inode
            self.before.modes[inode] = stat.S_IMODE(status.st_mode)
            self.before.stored[inode] = Stored(path.read_bytes(), status.st_mtime_ns)
        self._names = dict(self.before.names)

    def covers(self, path: str | Path) -> bool:
        """Whether it is a file whose changes count."""
        path = os.path.abspath(path)
        return path.startswith(f"{self.root}/") and not path.endswith(SHM)

    def mark(self, text: str) -> None:
        """Note that something is known from here on, and that nothing passed unseen before."""
        self.check()
        self.events.append(Mark(text))

    def check(self) -> None:
        """See that the record and the real folder agree: nobody has reached around it."""
        disk = self.before.copy()
        for event in self.events:
            disk.follow(event)
        image = disk.image(disk.pending, "everything")
        with copied(self.root) as copy:
            for path, file in image.files.items():
                real = copy / path
                assert os.path.lexists(real), f"{path} was removed past the record"
                if file is not None:
                    assert file.content == real.read_bytes(), f"{path} was written past the record"
            for real in copy.rglob("*"):
                name = str(real.relative_to(copy))
                assert name in image.files or name.endswith(SHM), f"{name} came past the record"

    # What the two layers say.

    def created(self, path: str | Path) -> int:
        """A new file has this name now; its inode."""
        status = os.lstat(path)
        self._inodes.pop(status.st_ino, None)  # whoever had the number before is gone
        inode = self._inode(status.st_ino)
        self.before.modes[inode] = stat.S_IMODE(status.st_mode)
        self.named([(path, inode)])
        return inode

    def named(self, changes: list[tuple[str | Path, int | None]]) -> None:
        """Names were given and taken by one call."""
        relative = tuple((self._relative(path), inode) for path, inode in changes)
        change = Names(relative)
        change.on(self._names)
        self.events.append(change)

    def wrote(self, inode: int, offset: int, data: bytes, mtime_ns: int) -> None:
        """A file was written."""
        self.events.append(Write(inode, offset, bytes(data), mtime_ns))

    def cut(self, inode: int, size_bytes: int, mtime_ns: int) -> None:
        """A file was given a size."""
        self.events.append(Cut(inode, size_bytes, mtime_ns))

    def synced(self, inode: int, *, whole: bool, site: str | None = None) -> None:
        """A file was synced."""
        self.events.append(Sync(inode, site or _site(), whole))

    def synced_folder(self, folder: str | Path, site: str | None = None) -> None:
        """A folder was synced."""
        self.events.append(SyncFolder(self._relative(folder), site or _site()))

    def inode_at(self, path: str | Path) -> int | None:
        """The inode that has this name."""
        return self._names.get(self._relative(path))

    def inode_of(self, descriptor: int) -> int | None:
        """The inode behind a descriptor; None for a file elsewhere."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        found = self._inodes.get(status.st_ino)
        if found is None:
            name = os.readlink(f"/proc/self/fd/{descriptor}")
            assert not self.covers(name), f"{name} came past the record"
        return found

    def _inode(self, real: int) -> int:
        if real not in self._inodes:
            self._inodes[real] = len(self.real_inodes) + 1
            self.real_inodes[self._inodes[real]] = real
        return self._inodes[real]

    def _relative(self, path: str | Path) -> str:
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        return os.path.relpath(path, self.root)


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
        super().truncate(descriptor, size_bytes)  # type: ignore[misc]
        self._cut(descriptor, size_bytes)

    def copy(
        self,
        source: Path,
        descriptor: int,
        size_bytes: int,
        copied: Callable[[int], None],
        *,
        identity: tuple[int, int],
    ) -> None:
        """Record what another process copies, and that it syncs."""
        super().copy(source, descriptor, size_bytes, copied, identity=identity)
        self._copied(descriptor)
        inode = self.recorder.inode_of(descriptor)
        if inode is not None:
            self.recorder.synced(inode, whole=True, site="copying.main: sync 1")

    def clone(self, source_descriptor: int, target_descriptor: int) -> None:
        """Record a clone as a write of everything."""
        super().clone(source_descriptor, target_descriptor)  # type: ignore[misc]
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
        super().link(source, target)  # type: ignore[misc]
        if self.recorder.covers(target):
            real = os.lstat(target).st_ino
            self.recorder.named([(target, self.recorder._inodes[real])])

    def make_folder(self, path: Path, mode: int) -> None:
        """Record a folder."""
        super().make_folder(path, mode)  # type: ignore[misc]
        if self.recorder.covers(path):
            self.recorder.named([(path, FOLDER)])

    def remove_folder(self, path: Path) -> None:
        """Record that a folder is gone."""
        there = os.path.lexists(path)
        super().remove_folder(path)  # type: ignore[misc]
        if there and self.recorder.covers(path):
            self.recorder.named([(path, None)])

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
def copied(folder: Path) -> Iterator[Path]:
    """Copy a folder in another process: whoever closes a file drops this one's locks on it."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        subprocess.run(["cp", "-a", folder, f"{aside}/copy"], check=True)
        yield Path(aside) / "copy"


@contextmanager
def recorded(root: Path) -> Iterator[Recorder]:
    """Record what is done in this process to the files below ``root``."""
    recorder = Recorder(root)
    vfs = RecordingVFS(recorder)
    try:
        yield recorder
    finally:
        vfs.unregister()


def _site() -> str:
    """Say which sync of which function of the harness this is: "journal.Journal.begin: sync 1".

    Where the line that is being run calls none, SQLite does it by itself.
    """
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("harness.") and module != "harness.files":
            if not _SYNCS.search(linecache.getline(frame.f_code.co_filename, frame.f_lineno)):
                return SQLITE
            name = f"{module.rpartition('.')[2]}.{frame.f_code.co_qualname}"
            return f"{name}: sync {_ordinal(frame.f_code, frame.f_lineno)}"
        frame = frame.f_back  # type: ignore[assignment]
    return SQLITE


@cache
def _ordinal(code: CodeType, line: int) -> int:
    """Which of a function's syncs stands in this line."""
    lines, first = inspect.getsourcelines(code)
    return sum(_SYNCS.search(text) is not None for text in lines[1 : line - first + 1])


def put(image: Image, root: Path, real_inodes: dict[int, int]) -> None:
    """Put an image on the real disk, in the place where it was recorded.

    An inode's number cannot be given, and the journal names it; so the journal is told the new one.
    """
    clear(root)
    new: dict[int, int] = {}
    made: dict[int, Path] = {}
    later: list[tuple[Path, File]] = []
    for path, file in sorted(image.files.items()):
        real = root / path
        if file is None:
            real.mkdir()
        elif file.inode in made:
            os.link(made[file.inode], real)
        else:
            made[file.inode] = real
            real.touch()
            real.chmod(file.mode)
            new[real_inodes[file.inode]] = real.stat().st_ino
            later.append((real, file))
    for real, file in later:
        real.write_bytes(_renumbered(file.content, new))
        os.utime(real, ns=(file.mtime_ns, file.mtime_ns))


def clear(root: Path) -> None:
    """Remove everything below ``root``."""
    for entry in os.scandir(root):
        if entry.is_dir(follow_symlinks=False):
            clear(Path(entry.path))
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def _renumbered(content: bytes, new: dict[int, int]) -> bytes:
    if not content.startswith(b"{"):
        return content
    for old, number in new.items():
        content = content.replace(b'"inode": %d,' % old, b'"inode": %d,' % number)
    return content
