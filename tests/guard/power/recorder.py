"""A record of what happens to the files of a folder, and of who syncs."""

from __future__ import annotations

import inspect
import linecache
import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType

from tests.guard.power.disk import (
    FOLDER,
    Cut,
    Disk,
    Event,
    Mark,
    Names,
    Stored,
    Sync,
    SyncFolder,
    Write,
)

SQLITE = "SQLite"  # the site of a sync that SQLite does by itself
SHM = "-shm"
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
            if stat.S_ISLNK(status.st_mode):
                self._is_link(inode, path)
                continue
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
                if file is not None and file.is_link:
                    assert file.content == os.fsencode(os.readlink(real))
                elif file is not None:
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

    def linked(self, path: str | Path) -> None:
        """A new symbolic link has this name now."""
        self._is_link(self.created(path), Path(path))

    def linked_hard(self, target: str | Path) -> None:
        """A file has one more name."""
        self.named([(target, self._inodes[os.lstat(target).st_ino])])

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

    def _is_link(self, inode: int, path: Path) -> None:
        self.before.links.add(inode)
        self.before.stored[inode] = Stored(os.fsencode(os.readlink(path)), 0)

    def _inode(self, real: int) -> int:
        if real not in self._inodes:
            self._inodes[real] = len(self.real_inodes) + 1
            self.real_inodes[self._inodes[real]] = real
        return self._inodes[real]

    def _relative(self, path: str | Path) -> str:
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        return os.path.relpath(path, self.root)


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """Copy a folder in another process: whoever closes a file drops this one's locks on it."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        subprocess.run(["cp", "-a", folder, f"{aside}/copy"], check=True)
        yield Path(aside) / "copy"


def _site() -> str:
    """Say which sync of which function of the harness this is: "journal.Journal.begin: sync 1".

    Where the line that is being run calls none, SQLite does it by itself.
    """
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("harness.") and module != "harness.system.files":
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
