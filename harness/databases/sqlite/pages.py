"""The pages of a SQLite file and its -wal, read through SQLite's own open files.

The file formats are SQLite's own: https://www.sqlite.org/fileformat2.html (pages) and
https://www.sqlite.org/walformat.html (frames). Closing a file of one's own on a live database would
drop the locks that this process holds on it (fcntl(2)), so all reads are ``Connection.read``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple, cast

import apsw

from harness.databases.sqlite.cells import (
    HEADER_BYTES,
    KINDS,
    NUMBER,
    TABLE_LEAF,
    Node,
    node_of,
    places_of,
    refers_to_none,
)
from harness.system import extents
from harness.system.extents import own_descriptor

Range = tuple[int, int]  # first and last rowid, both included

LOWEST, HIGHEST = -(2**63), 2**63 - 1
EVERY_ROWID: Range = (LOWEST, HIGHEST)

_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
DEEPEST = 20  # SQLite's own limit (BTCURSOR_MAX_DEPTH)
_CHUNK_BYTES = 1 << 16  # memory that the allocator hands out again without a page fault
_KEPT_PAGES = 4096
WORTH_ASKING_BYTES = 1 << 22  # a smaller file is read as soon as the file system is asked
MANY_PAGES = 2 << 24  # from here an overflow page can begin with the byte of a b-tree page


class Unfollowable(Exception):
    """A structure that this reading does not understand: compare everything instead."""


class WalState(NamedTuple):
    """What a database's write-ahead log holds, as its connections see it."""

    header: bytes  # changes whenever the log begins anew
    frames: int  # committed frames; -1 where the database is not in WAL mode


def wal_state(connection: apsw.Connection) -> WalState | None:
    """Ask SQLite how many frames of the WAL count; None when it cannot say.

    Frames beyond that number can look committed and not be (a commit whose sync failed), so the
    file alone does not tell. The connection must have read before and be in no transaction.
    """
    mode = getattr(apsw, "SQLITE_CHECKPOINT_NOOP", None)  # SQLite 3.51: checkpoints nothing
    if mode is None:
        return None
    try:
        frames, _ = connection.wal_checkpoint("main", mode=mode)
        if frames <= 0:
            return WalState(b"", frames)
        return WalState(connection.read("main", 1, 0, _WAL_HEADER_BYTES)[1], frames)
    except apsw.ReadOnlyError:  # a wal-index that this connection may not write
        return None


class Frames(NamedTuple):
    """The newest committed content of each page in a WAL."""

    offsets: dict[int, int]  # number of a page -> where its content begins, in bytes
    pages: dict[int, bytes]  # of the first of them the content, which was read on the way


def newest_frames(connection: apsw.Connection, state: WalState, page_size: int) -> Frames:
    """Read which pages a WAL holds.

    Raises:
        Unfollowable: the log is not one of this page size.
    """
    frames = Frames({}, {})
    if state.frames <= 0:
        return frames
    if NUMBER.unpack_from(state.header, 8)[0] != page_size:
        raise Unfollowable("the WAL has another page size")
    step = page_size + _FRAME_HEADER_BYTES
    at_once = max(1, _CHUNK_BYTES // step)
    for first_frame in range(0, state.frames, at_once):
        start = _WAL_HEADER_BYTES + first_frame * step
        count = min(at_once, state.frames - first_frame)
        whole, data = connection.read("main", 1, start, count * step)
        if not whole:
            raise Unfollowable("the WAL is shorter than its index says")
        for at in range(0, count * step, step):
            number = NUMBER.unpack_from(data, at)[0]
            frames.offsets[number] = start + at + _FRAME_HEADER_BYTES
            if len(frames.pages) < _KEPT_PAGES or number in frames.pages:
                frames.pages[number] = data[at + _FRAME_HEADER_BYTES : at + step]
    return frames


NO_FRAMES = Frames({}, {})


class Image:
    """The pages of a database in one state, read when asked for, the first of them then kept."""

    def __init__(
        self, connection: apsw.Connection, page_size: int, frames: Frames = NO_FRAMES
    ) -> None:
        """Read from the main file, and from the WAL the pages that ``frames`` has."""
        self._connection = connection
        self.page_size = page_size
        self.frames: Mapping[int, int] = frames.offsets
        self._pages = frames.pages.copy()
        self._nodes: dict[int, Node] = {}
        self._usable: int | None = None

    def page(self, number: int) -> bytes:
        """Give a page's bytes; none where the file has no such page."""
        cached = self._pages.get(number)
        if cached is not None:
            return cached
        if number < 1:
            return b""
        offset = self.frames.get(number)
        if offset is None:
            offset, file_number = (number - 1) * self.page_size, 0
        else:
            file_number = 1
        whole, data = self._connection.read("main", file_number, offset, self.page_size)
        data = data if whole else b""
        if len(self._pages) < _KEPT_PAGES:
            self._pages[number] = data
        return data

    def node(self, number: int) -> Node:
        """Read the cells of a b-tree page.

        Raises:
            Unfollowable: it is no such page, or one of its cells lies outside of it.
        """
        known = self._nodes.get(number)
        if known is not None:
            return known
        page, top = self.page(number), HEADER_BYTES if number == 1 else 0
        if not page or page[top] not in KINDS:
            raise Unfollowable(f"page {number} is not one of a b-tree")
        try:
            node = node_of(page, top, self.usable)
        except (struct.error, IndexError) as error:
            raise Unfollowable(f"page {number} has a cell outside the page") from error
        if len(self._nodes) < _KEPT_PAGES:
            self._nodes[number] = node
        return node

    def places(self, number: int) -> tuple[int, ...]:
        """Give where the cells of a b-tree page begin, in order.

        Raises:
            Unfollowable: the page has no room for as many.
        """
        try:
            return places_of(self.page(number), HEADER_BYTES if number == 1 else 0)
        except struct.error as error:
            raise Unfollowable(f"page {number} has cells outside the page") from error

    def refers_to_none(self, number: int) -> bool:
        """Whether a leaf refers to no other page; False when in doubt."""
        known = self._nodes.get(number)
        if known is not None:
            return not known.chains
        try:
            top = HEADER_BYTES if number == 1 else 0
            return refers_to_none(self.page(number), top, self.usable)
        except (struct.error, IndexError):
            return False

    @property
    def usable(self) -> int:
        """The bytes of each page that SQLite itself uses."""
        if self._usable is None:
            self._usable = self.page_size - self.page(1)[20]
        return self._usable

    def is_leaf(self, number: int) -> bool:
        """Whether a page is a leaf of a table."""
        return kind_of(self, number) == TABLE_LEAF

    def header_field(self, offset: int) -> int:
        """Give a big-endian 32-bit number of the file's header."""
        value: int = NUMBER.unpack_from(self.page(1), offset)[0]
        return value


def page_size_of(connection: apsw.Connection) -> int:
    """Read the page size in bytes from a main file's header; 0 for a file without one."""
    whole, header = connection.read("main", 0, 0, HEADER_BYTES)
    size: int = struct.unpack_from(">H", header, 16)[0]
    return 0 if not whole else 65536 if size == 1 else size


def encoding_of(connection: apsw.Connection) -> str:
    """Read the encoding of a database's text from a main file's header, as Python calls it."""
    encodings = {2: "utf-16-le", 3: "utf-16-be"}
    return encodings.get(connection.read("main", 0, 59, 1)[1][0], "utf-8")


def pages_apart(
    one: apsw.Connection, other: apsw.Connection, page_size: int, sizes_bytes: tuple[int, int]
) -> set[int]:
    """Give the numbers of the pages that differ between two main files of the given sizes.

    Where the files share blocks on their disk they are not read.
    """
    shorter, longer = sorted(-(-size // page_size) for size in sizes_bytes)
    apart = set(range(shorter + 1, longer + 1))
    for offset, amount in _pieces_apart(one, other, page_size, shorter * page_size):
        a, b = one.read("main", 0, offset, amount)[1], other.read("main", 0, offset, amount)[1]
        if a != b:
            apart.update(
                1 + (offset + at) // page_size
                for at in range(0, amount, page_size)
                if a[at : at + page_size] != b[at : at + page_size]
            )
    return apart


def _pieces_apart(
    one: apsw.Connection, other: apsw.Connection, page_size: int, size_bytes: int
) -> Iterator[tuple[int, int]]:
    """Give the offset and size of each piece that must be read, of whole pages."""
    done, ranges = 0, None
    if size_bytes >= WORTH_ASKING_BYTES:
        ranges = _ranges_apart(one, other)
    for start, end in [(0, size_bytes)] if ranges is None else ranges:
        offset = max(done, start // page_size * page_size)
        done = min(size_bytes, -(-end // page_size) * page_size)
        for at in range(offset, done, _CHUNK_BYTES):
            yield at, min(_CHUNK_BYTES, done - at)


def _ranges_apart(one: apsw.Connection, other: apsw.Connection) -> list[tuple[int, int]] | None:
    """Ask the file system where the files may differ; None where it cannot tell."""
    with suppress(OSError):
        descriptors = [own_descriptor(os.stat(each.db_filename("main"))) for each in (one, other)]
        if None not in descriptors:
            return extents.apart(*cast(list[int], descriptors))
    return None


def kind_of(image: Image, number: int) -> int:
    """Give the first byte of a b-tree page; 0 where there is no such page."""
    page = image.page(number)
    return page[HEADER_BYTES if number == 1 else 0] if page else 0
