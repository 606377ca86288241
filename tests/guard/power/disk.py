"""A disk that may lose its power: what was done to it, and what may be on it afterwards.

What is assumed is what POSIX promises and no more; ext4 and XFS are kinder. fsync of a file makes
its data and size last, not its name; fsync of a folder makes the names in it last, not the data
behind them. Whatever was not synced may have arrived or not, each write, cut and name for itself
and in any order, a write also in part; only a rename is atomic. SQLite syncs by fdatasync, which
does not make the time of modification last. The -shm is memory: it is never there afterwards.
Not modelled: owner and mode (they arrive with the name), and blocks that held another file before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

FOLDER = 0  # stands for an inode in a name's place: a folder has nothing but its names


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that were written to a file."""

    inode: int
    offset: int
    data: bytes
    mtime_ns: int

    def on(self, content: bytearray) -> None:
        """Let it arrive."""
        _reach(content, self.offset)
        content[self.offset : self.offset + len(self.data)] = self.data

    def size_on(self, content: bytearray) -> None:
        """Let the size alone arrive, with zeros for data."""
        _reach(content, self.offset + len(self.data))


@dataclass(frozen=True, slots=True)
class Cut:
    """A size that a file was given."""

    inode: int
    size_bytes: int
    mtime_ns: int

    def on(self, content: bytearray) -> None:
        """Let it arrive."""
        del content[self.size_bytes :]
        _reach(content, self.size_bytes)

    size_on = on


@dataclass(frozen=True, slots=True)
class Names:
    """Names that one call gave or took (None), all at once; a rename does both."""

    changes: tuple[tuple[str, int | None], ...]

    def on(self, names: dict[str, int]) -> None:
        """Let it arrive."""
        for path, inode in self.changes:
            if inode is None:
                names.pop(path, None)
            else:
                names[path] = inode

    def lasts_by(self, folder: str) -> bool:
        """Whether the sync of a folder makes it last; a rename's is the one of its target."""
        return str(PurePath(self.changes[0][0]).parent) == folder


@dataclass(frozen=True, slots=True)
class Sync:
    """A file's sync; ``whole`` with its time of modification (fsync, not fdatasync)."""

    inode: int
    site: str
    whole: bool


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """A folder's sync."""

    folder: str
    site: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that whoever runs the thing knows from here on."""

    text: str


Change = Write | Cut | Names
Event = Change | Sync | SyncFolder | Mark


@dataclass(slots=True)
class Stored:
    """One file as it is on the disk for good."""

    content: bytes
    mtime_ns: int
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class File:
    """One file of an image."""

    inode: int
    content: bytes
    mtime_ns: int
    mode: int
    is_link: bool  # a symbolic one; its content is where it leads


@dataclass(frozen=True)
class Image:
    """What is on the disk when the power comes back: paths, and None for a folder."""

    files: dict[str, File | None]
    told: str  # how it came to be, for people

    def key(self, identified: str | None = None) -> bytes:
        """By what equal images are known; of ``identified`` inode and time count as well."""
        digest = hashlib.blake2b(digest_size=16)
        for path, file in sorted(self.files.items()):
            digest.update(f"\0{path}\0".encode())
            if file is not None:
                if path == identified:
                    digest.update(f"{file.inode} {file.mtime_ns}\0".encode())
                digest.update(f"{len(file.content)}\0".encode())
                digest.update(file.content)
        return digest.digest()


@dataclass(slots=True)
class Disk:
    """What is on the disk for good, and what may be."""

    stored: dict[int, Stored] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)  # in the order of the calls
    modes: dict[int, int] = field(default_factory=dict)
    links: set[int] = field(default_factory=set)  # symbolic ones, which arrive with their names
    mtimes: dict[int, int] = field(default_factory=dict)  # that only a whole sync makes last

    def copy(self) -> Disk:
        """Give one that goes its own way."""
        return Disk(
            {inode: Stored(s.content, s.mtime_ns, s.mode) for inode, s in self.stored.items()},
            dict(self.names),
            list(self.pending),
            dict(self.modes),
            set(self.links),
            dict(self.mtimes),
        )

    def follow(self, event: Event) -> None:
        """Take one event in."""
        if isinstance(event, Sync):
            self._sync(event)
        elif isinstance(event, SyncFolder):
            lasting = [c for c in self.pending if isinstance(c, Names) and c.lasts_by(event.folder)]
            for change in lasting:
                change.on(self.names)
            self.pending = [c for c in self.pending if c not in lasting]
        elif not isinstance(event, Mark):
            self.pending.append(event)

    def _sync(self, event: Sync) -> None:
        mine = [c for c in self.pending if not isinstance(c, Names) and c.inode == event.inode]
        self.pending = [c for c in self.pending if isinstance(c, Names) or c.inode != event.inode]
        stored = self.stored.setdefault(event.inode, Stored(b"", 0))
        if mine:
            stored.content = _after(stored.content, mine)
            self.mtimes[event.inode] = mine[-1].mtime_ns
        if event.whole and event.inode in self.mtimes:
            stored.mtime_ns = self.mtimes.pop(event.inode)

    def image(
        self,
        kept: Iterable[Change],
        told: str,
        *,
        sizes: Iterable[Change] = (),
        old_times: bool = True,
    ) -> Image:
        """Cut the power: of what is pending ``kept`` has arrived, of ``sizes`` the size alone."""
        arrived, sizes_only = list(kept), list(sizes)
        names = dict(self.names)
        data: dict[int, list[Change]] = {}
        for change in arrived:
            if isinstance(change, Names):
                change.on(names)
            else:
                data.setdefault(change.inode, []).append(change)
        files: dict[str, File | None] = {}
        for path, inode in names.items():
            if any(names.get(str(parent), FOLDER) != FOLDER for parent in PurePath(path).parents):
                continue
            if not _has_folders(path, names):
                continue
            files[path] = (
                None
                if inode == FOLDER
                else self._file(inode, data.get(inode, []), sizes_only, old_times=old_times)
            )
        return Image(files, told)

    def _file(
        self, inode: int, arrived: list[Change], sizes: list[Change], *, old_times: bool
    ) -> File:
        stored = self.stored.get(inode, Stored(b"", 0))
        content = bytearray(_after(stored.content, arrived))
        for change in sizes:
            if not isinstance(change, Names) and change.inode == inode:
                change.size_on(content)
        mtime_ns = stored.mtime_ns
        if arrived:
            mtime_ns = arrived[-1].mtime_ns  # type: ignore[union-attr]
        elif not old_times:
            mtime_ns = self.mtimes.get(inode, mtime_ns)
        return File(
            inode, bytes(content), mtime_ns, self.modes.get(inode, 0o644), inode in self.links
        )


def _has_folders(path: str, names: dict[str, int]) -> bool:
    """Whether every folder that it is in has its name."""
    return all(str(p) == "." or names.get(str(p)) == FOLDER for p in PurePath(path).parents)


def _after(content: bytes, changes: list[Change]) -> bytes:
    changed = bytearray(content)
    for change in changes:
        change.on(changed)  # type: ignore[arg-type]
    return bytes(changed)


def _reach(content: bytearray, size_bytes: int) -> None:
    if len(content) < size_bytes:
        content.extend(bytes(size_bytes - len(content)))
