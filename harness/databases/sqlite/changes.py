"""Which pages of a SQLite file may have changed, and so which rowid ranges to compare.

The file formats are SQLite's own: https://www.sqlite.org/fileformat2.html (pages, b-trees, free
list, pointer maps) and https://www.sqlite.org/walformat.html (frames). Nothing here decides that
two rows are equal or differ; it only says where rows need not be looked at, because every page
that holds them is byte for byte the baseline's.

All reads go through SQLite's own open files (``Connection.read``): closing a file of one's own on
a live database would drop the locks that this process holds on it (fcntl(2)).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import apsw

Range = tuple[int, int]  # first and last rowid, both included

LOWEST, HIGHEST = -(2**63), 2**63 - 1
EVERY_ROWID: Range = (LOWEST, HIGHEST)

_INDEX_INTERIOR, _TABLE_INTERIOR, _INDEX_LEAF, _TABLE_LEAF = 2, 5, 10, 13
_KINDS = frozenset({_INDEX_INTERIOR, _TABLE_INTERIOR, _INDEX_LEAF, _TABLE_LEAF})
_TABLE_PAGES = frozenset({bytes([_TABLE_INTERIOR]), bytes([_TABLE_LEAF])})
_HEADER_BYTES = 100  # the file's header, at the start of page 1
_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
_DEEPEST = 20  # SQLite's own limit (BTCURSOR_MAX_DEPTH)
_CHUNK_BYTES = 1 << 16  # memory that the allocator hands out again without a page fault
_KEPT_PAGES = 4096
_MANY_PAGES = 2 << 24  # from here an overflow page can begin with the byte of a b-tree page


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


def frame_offsets(connection: apsw.Connection, state: WalState, page_size: int) -> dict[int, int]:
    """Give for each page in the WAL the offset of its newest committed content, in bytes.

    Raises:
        Unfollowable: the log is not one of this page size.
    """
    if state.frames <= 0:
        return {}
    if struct.unpack_from(">I", state.header, 8)[0] != page_size:
        raise Unfollowable("the WAL has another page size")
    step = page_size + _FRAME_HEADER_BYTES
    at_once = max(1, _CHUNK_BYTES // step)
    offsets: dict[int, int] = {}
    for first in range(0, state.frames, at_once):
        start = _WAL_HEADER_BYTES + first * step
        count = min(at_once, state.frames - first)
        whole, data = connection.read("main", 1, start, count * step)
        if not whole:
            raise Unfollowable("the WAL is shorter than its index says")
        for i in range(count):
            (number,) = struct.unpack_from(">I", data, i * step)
            offsets[number] = start + i * step + _FRAME_HEADER_BYTES
    return offsets


class Image:
    """The pages of a database in one state, read when asked for, the first of them then kept."""

    def __init__(
        self, connection: apsw.Connection, page_size: int, frames: Mapping[int, int]
    ) -> None:
        """Read from the main file, and from the WAL the pages whose offsets ``frames`` gives."""
        self.connection = connection
        self.page_size = page_size
        self._frames = frames
        self._pages: dict[int, bytes] = {}

    def page(self, number: int) -> bytes:
        """Give a page's bytes; none where the file has no such page."""
        known = self._pages.get(number)
        if known is not None:
            return known
        offset = self._frames.get(number)
        if offset is None:
            offset, which = (number - 1) * self.page_size, 0
        else:
            which = 1
        whole, data = self.connection.read("main", which, offset, self.page_size)
        data = data if whole else b""
        if len(self._pages) < _KEPT_PAGES:
            self._pages[number] = data
        return data

    def is_leaf(self, number: int) -> bool:
        """Whether a page is a leaf of a table."""
        return _kind(self, number) == _TABLE_LEAF

    def header_field(self, offset: int) -> int:
        """Give a big-endian 32-bit number of the file's header."""
        value: int = struct.unpack_from(">I", self.page(1), offset)[0]
        return value


def page_size_of(connection: apsw.Connection) -> int:
    """Read the page size in bytes from a main file's header; 0 for a file without one."""
    whole, header = connection.read("main", 0, 0, _HEADER_BYTES)
    size: int = struct.unpack_from(">H", header, 16)[0]
    return 0 if not whole else 65536 if size == 1 else size


def encoding_of(connection: apsw.Connection) -> str:
    """Read the encoding of a database's text from a main file's header, as Python calls it."""
    encodings = {2: "utf-16-le", 3: "utf-16-be"}
    return encodings.get(connection.read("main", 0, 59, 1)[1][0], "utf-8")


def apart(before: Image, now: Image, doubtful: Iterable[int]) -> set[int]:
    """Give those of the ``doubtful`` pages whose content differs; free space is no content."""
    changed = {
        number
        for number in doubtful
        if (was := before.page(number)) != (live := now.page(number))
        and not same_cells(was, live, _HEADER_BYTES if number == 1 else 0)
    }
    return changed - rearranged(before, now, changed)


def pages_apart(
    one: apsw.Connection, other: apsw.Connection, page_size: int, sizes_bytes: tuple[int, int]
) -> set[int]:
    """Give the numbers of the pages that differ between two main files of the given sizes."""
    shorter, longer = sorted(-(-size // page_size) for size in sizes_bytes)
    apart = set(range(shorter + 1, longer + 1))
    for offset in range(0, shorter * page_size, _CHUNK_BYTES):
        amount = min(_CHUNK_BYTES, shorter * page_size - offset)
        a, b = one.read("main", 0, offset, amount)[1], other.read("main", 0, offset, amount)[1]
        if a != b:
            apart.update(
                1 + (offset + at) // page_size
                for at in range(0, amount, page_size)
                if a[at : at + page_size] != b[at : at + page_size]
            )
    return apart


@dataclass(slots=True)
class Tree:
    """The pages of one b-tree that a walk came upon, with the rowids each leaf covers."""

    interior: set[int]
    leaves: dict[int, Range]


def walk(image: Image, root: int, wanted: set[int] | None, *, rowids: bool = True) -> Tree:
    """Walk the interior pages of a b-tree; of its leaves keep the ``wanted`` ones (None: all).

    No leaf is read but the leftmost, which tells that its siblings, all at one depth, are leaves.

    Args:
        image: the state to read.
        root: number of the root page.
        wanted: numbers of the pages that matter.
        rowids: whether this is a table's tree, keyed by rowid; otherwise ranges mean nothing.

    Raises:
        Unfollowable: what is read is no such b-tree.
    """
    interior, leaf = (_TABLE_INTERIOR, _TABLE_LEAF) if rowids else (_INDEX_INTERIOR, _INDEX_LEAF)
    level: list[tuple[int, Range]] = [(root, EVERY_ROWID)]
    if _kind(image, root) == leaf:
        return Tree(set(), {} if wanted is not None and root not in wanted else dict(level))
    passed: set[int] = set()
    for _ in range(_DEEPEST):
        below: list[tuple[int, Range]] = []
        leaves_below: bool | None = None
        for number, covered in level:
            if _kind(image, number) != interior:
                raise Unfollowable(f"page {number} is not an interior page of this b-tree")
            passed.add(number)
            children = _Children(image, number)
            if leaves_below is None:
                leaves_below = _kind(image, children.numbers[0]) == leaf
            below += children.covering(covered, wanted if leaves_below else None, rowids=rowids)
        if leaves_below:
            return Tree(passed, dict(below))
        level = below
    raise Unfollowable(f"the b-tree at page {root} is too deep")


def _kind(image: Image, number: int) -> int:
    page = image.page(number)
    return page[_HEADER_BYTES if number == 1 else 0] if page else 0


_NUMBER = struct.Struct(">I")


class _Children:
    """The children of an interior page, in order."""

    def __init__(self, image: Image, number: int) -> None:
        self._page, start = image.page(number), _HEADER_BYTES if number == 1 else 0
        count, right = struct.unpack_from(">3xH3xI", self._page, start)
        try:
            self._cells = struct.unpack_from(f">{count}H", self._page, start + 12)
            numbers = [_NUMBER.unpack_from(self._page, cell)[0] for cell in self._cells]
        except struct.error as error:
            raise Unfollowable(f"page {number} has a cell outside the page") from error
        self.numbers: list[int] = [*numbers, right]

    def covering(
        self, covered: Range, wanted: set[int] | None, *, rowids: bool
    ) -> list[tuple[int, Range]]:
        """Give the wanted children (None: all), each with the rowids of ``covered`` it covers."""
        chosen: Iterable[int] = range(len(self.numbers))
        if wanted is not None:
            if wanted.isdisjoint(self.numbers):
                return []
            chosen = [i for i in chosen if self.numbers[i] in wanted]
        if not rowids:
            return [(self.numbers[i], covered) for i in chosen]
        return [(self.numbers[i], self._rowids(i, covered)) for i in chosen]

    def _rowids(self, i: int, covered: Range) -> Range:
        low, high = covered
        if i > 0:
            low = _varint(self._page, self._cells[i - 1] + 4) + 1
        if i < len(self._cells):
            high = _varint(self._page, self._cells[i] + 4)
        return low, high


def _varint(page: bytes, offset: int) -> int:
    """Read a variable-length integer: 7 bits a byte, big-endian, 8 in the ninth, signed."""
    value = 0
    for i in range(8):
        byte = page[offset + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value
    value = value << 8 | page[offset + 8]
    return value - (1 << 64) if value >> 63 else value


def same_cells(before: bytes, now: bytes, header: int) -> bool:
    """Whether a b-tree page holds the very same cells in the same places; False when in doubt.

    What was added and removed again leaves its mark in free space and in the page's own
    book-keeping only: its kind, the cells' places and every byte from the first cell on are as
    they were, and a row that is not stored elsewhere cannot differ.

    Args:
        before: the page in one state.
        now: the page in the other.
        header: where the b-tree header begins: 100 on page 1, else 0.
    """
    if len(before) != len(now) or not before or before[header] not in _KINDS:
        return False
    interior = before[header] in (_INDEX_INTERIOR, _TABLE_INTERIOR)
    places = header + (12 if interior else 8)
    (count,) = struct.unpack_from(">H", before, header + 3)
    end = places + 2 * count
    if (
        before[header] != now[header]
        or before[header + 3 : header + 5] != now[header + 3 : header + 5]
    ):
        return False
    if before[header + 8 : end] != now[header + 8 : end]:  # an interior page's last child as well
        return False
    first = min(struct.unpack_from(f">{count}H", before, places), default=len(before))
    return first >= end and before[first:] == now[first:]


def rearranged(before: Image, now: Image, changed: set[int]) -> set[int]:
    """Give the changed pages below which the very same rows stand in another arrangement.

    Deleting what was added leaves rows behind that have moved between neighbouring leaves. Where
    an interior page of a table is changed, and the leaves below it that changed, came or went
    hold byte for byte the same cells in the same order, every row below it is as it was.
    """
    same: set[int] = set()
    for number in changed:
        if _kind(before, number) == _TABLE_INTERIOR == _kind(now, number):
            old, new = (_Children(image, number).numbers for image in (before, now))
            head, tail = _common_ends(old, new, changed)
            moved = old[head : len(old) - tail], new[head : len(new) - tail]
            was, live = (
                _cells(image, leaves) for image, leaves in zip((before, now), moved, strict=True)
            )
            if was is not None and was == live:
                same |= {number} | (changed & {*moved[0], *moved[1]})
    return same


def _common_ends(old: list[int], new: list[int], changed: set[int]) -> tuple[int, int]:
    """Count the unchanged children that both lists have in common at their heads and tails."""
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head] and old[head] not in changed:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail] not in changed:
        tail += 1
    return head, tail


def _cells(image: Image, leaves: list[int]) -> list[bytes] | None:
    """Give the cells of table leaves, in order; None where a page is no such leaf.

    A cell is its payload's size, its rowid, and as much of the payload as is stored here, with
    the number of the page where the rest is (fileformat2.html, section 1.6).
    """
    usable = image.page_size - image.page(1)[20]
    largest = usable - 35
    cells: list[bytes] = []
    for number in leaves:
        if _kind(image, number) != _TABLE_LEAF or number == 1:
            return None
        page = image.page(number)
        (count,) = struct.unpack_from(">H", page, 3)
        for start in struct.unpack_from(f">{count}H", page, 8):
            at, size = start + 1, page[start]
            if size >= 0x80:
                size &= 0x7F
                while page[at] >= 0x80:
                    size = size << 7 | page[at] & 0x7F
                    at += 1
                size = size << 7 | page[at]
                at += 1
            last = at + 8  # a rowid takes nine bytes at most
            while page[at] >= 0x80 and at < last:
                at += 1
            cells.append(
                page[start : at + 1 + (size if size <= largest else _stored(size, usable))]
            )
    return cells


def _stored(size: int, usable: int) -> int:
    """Count the bytes of a long payload that stand in a table's leaf, and the pointer's."""
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    return 4 + (local if local <= usable - 35 else least)


class Roots(NamedTuple):
    """Where the tables of one state begin: name -> number of the root page."""

    rowid: dict[str, int]
    without_rowid: dict[str, int]


@dataclass(slots=True)
class Changes:
    """Where rows may differ; whatever is not named here is the baseline's."""

    ranges: dict[str, list[Range]] = field(default_factory=dict)  # rowid tables; merged, in order
    whole: set[str] = field(default_factory=set)  # WITHOUT ROWID tables


def table_ranges(
    before: Image, now: Image, changed: set[int], roots: tuple[int | None, int | None]
) -> tuple[list[Range], set[int]]:
    """Give the rowid ranges of one rowid table in which rows may differ between two states.

    A row can differ only if its leaf's bytes differ, or if its leaf belongs to the table in one
    state only, or covers other rowids; and then an interior page or the root differs too.

    Args:
        before: the baseline.
        now: the live state.
        changed: numbers of all pages whose bytes differ.
        roots: the table's root page before and now; None where there is no such table.

    Returns:
        The ranges, merged and in order, and the numbers of the baseline's changed pages in them.

    Raises:
        Unfollowable: a b-tree cannot be read.
    """
    root_before, root_now = roots
    if root_before is None or root_now is None:
        return [EVERY_ROWID], set()
    old = walk(before, root_before, changed)
    pages = (old.interior & changed) | old.leaves.keys()
    ranges = set(old.leaves.values())
    if root_before != root_now or not pages.isdisjoint({root_now} | old.interior):
        all_old, all_new = walk(before, root_before, None), walk(now, root_now, None)
        ranges.update(covered for _, covered in all_old.leaves.items() ^ all_new.leaves.items())
    return _merged(ranges), pages


def tree_touched(
    before: Image, now: Image, changed: set[int], roots: tuple[int | None, int | None]
) -> bool:
    """Whether a WITHOUT ROWID table has a changed page in either state; arguments as above."""
    root_before, root_now = roots
    if root_before is None or root_before != root_now:
        return True
    for image in (before, now):
        tree = walk(image, root_before, changed, rowids=False)
        if tree.leaves or not tree.interior.isdisjoint(changed):
            return True
    return False


def changes(before: Image, now: Image, changed: set[int], roots: tuple[Roots, Roots]) -> Changes:
    """Say in which tables, and where in them, rows may differ; ``roots`` are before and now.

    Raises:
        Unfollowable: something cannot be read, or a page changed in place that may hold the rest
            of a long row (an overflow page), and only reading all rows tells whose.
    """
    old, new = roots
    if _overflow_changed(before, now, changed):
        raise Unfollowable("an overflow page changed in place")
    found = Changes()
    owned = {number for number in changed if before.page(number)[:1] in _TABLE_PAGES}
    for name in dict.fromkeys((*old.rowid, *new.rowid)):
        both = (old.rowid.get(name), new.rowid.get(name))
        if both[0] == both[1] and not owned:
            continue  # every page that can be this table's has been found to be another's
        ranges, pages = table_ranges(before, now, changed, both)
        owned -= pages
        if ranges:
            found.ranges[name] = ranges
    for name in dict.fromkeys((*old.without_rowid, *new.without_rowid)):
        both = (old.without_rowid.get(name), new.without_rowid.get(name))
        if tree_touched(before, now, changed, both):
            found.whole.add(name)
    return found


def _merged(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _overflow_changed(before: Image, now: Image, changed: set[int]) -> bool:
    """Whether a page differs that may be an overflow page in both states.

    A chain that begins elsewhere or goes another way shows in its leaf or in an earlier page of
    the chain, so a page that is an overflow page in one state only needs no attention. A b-tree
    page is told by its first byte: that of an overflow page is the top byte of a page number.
    """
    if max(image.header_field(28) for image in (before, now)) >= _MANY_PAGES:
        return True
    doubtful = {
        number
        for number in changed - {1}
        if (a := before.page(number))
        and (b := now.page(number))
        and a[0] not in _KINDS
        and b[0] not in _KINDS
    }
    if doubtful and before.header_field(52):  # auto_vacuum keeps pointer maps
        doubtful = {number for number in doubtful if not _is_pointer_map(before, number)}
    for image in (before, now):
        if doubtful:
            doubtful -= free_pages(image)
    return bool(doubtful)


def _is_pointer_map(image: Image, number: int) -> bool:
    usable = image.page_size - image.page(1)[20]
    step = usable // 5 + 1
    at = (number - 2) // step * step + 2
    locked = (1 << 30) // image.page_size + 1  # the page that carries the locks holds nothing
    return number == at + (at == locked)


def free_pages(image: Image) -> set[int]:
    """Give the numbers of all pages on the free list, its trunk pages among them."""
    free: set[int] = set()
    trunk = image.header_field(32)
    while trunk:
        page = image.page(trunk)
        if trunk in free or not page:
            raise Unfollowable("the free list cannot be followed")
        following, count = struct.unpack_from(">II", page)
        if count > image.page_size // 4 - 2:
            raise Unfollowable("the free list cannot be followed")
        free.add(trunk)
        free.update(struct.unpack_from(f">{count}I", page, 8))
        trunk = following
    return free
