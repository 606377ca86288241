"""The SQLite file format, read without SQLite.

Source of every number here: https://www.sqlite.org/fileformat2.html. Pages are numbered from 1.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

MAGIC = b"SQLite format 3\x00"
LEAF_TABLE, LEAF_INDEX, INTERIOR_TABLE, INTERIOR_INDEX = 13, 10, 5, 2
KINDS = frozenset((LEAF_TABLE, LEAF_INDEX, INTERIOR_TABLE, INTERIOR_INDEX))
INTERIORS = frozenset((INTERIOR_TABLE, INTERIOR_INDEX))
LEAF_OF = {INTERIOR_TABLE: LEAF_TABLE, INTERIOR_INDEX: LEAF_INDEX}
TABLES = frozenset((LEAF_TABLE, INTERIOR_TABLE))
LOCK_BYTE = 0x40000000  # the page that holds this byte of the file is never used
_PAD = bytes(24)  # a cell's varints may run over the page's end: read zeros, then refuse it
_SHORT = 93  # a payload of so many bytes is kept whole in any page of any size
_DEEPEST = 64  # SQLite's own limit is 20


class Malformed(Exception):
    """The file breaks the format; the message says on which page and how."""


Entry = tuple[int, bytes]  # rowid (0 in index trees) and payload


class Header(NamedTuple):
    """The first 100 bytes of a database file (section 1.3)."""

    page_size: int  # bytes
    reserved: int  # bytes at the end of each page that SQLite does not use
    page_count: int
    first_trunk: int  # first page of the free list; 0: none
    free_count: int
    schema_format: int  # 1 to 4; SQLite reads older ones as well
    vacuum: tuple[int, int]  # largest root page where there are pointer maps; incremental or not
    settings: dict[str, str | int]  # what people set, by the pragma's name

    @property
    def usable(self) -> int:
        """Bytes of a page that SQLite uses."""
        return self.page_size - self.reserved

    @property
    def auto_vacuum(self) -> bool:
        """Whether the file has pointer-map pages."""
        return str(self.settings["auto_vacuum"]) != "none"

    @property
    def codec(self) -> str:
        """Python's name of the text encoding."""
        return {"UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}.get(
            str(self.settings["encoding"]), "utf-8"
        )


_HEADER = struct.Struct(">16sHBBBBBB6IiIIiIi20xII")


def read_header(data: bytes, size_bytes: int) -> Header:
    """Decode the first 100 bytes of a file of ``size_bytes``; raise Malformed."""
    if size_bytes < 512 or len(data) < 100:
        raise Malformed(f"not a database: {size_bytes} bytes")
    (magic, size, write, read, reserved, maximum, minimum, leaf, *words) = _HEADER.unpack(data)
    change, count, trunk, free, _, schema, cache, largest, encoding, user, incremental = words[:11]
    application, valid_for = words[11:13]
    page_size = 65536 if size == 1 else size
    if magic != MAGIC:
        raise Malformed("not a database: its first 16 bytes say so")
    if page_size < 512 or page_size & (page_size - 1) or page_size - reserved < 480:
        raise Malformed(f"header: page size {page_size} with {reserved} bytes reserved")
    if (maximum, minimum, leaf) != (64, 32, 32) or encoding > 3 or read > 2:
        raise Malformed("header: payload fractions, text encoding or file format version")
    if schema > 4:
        raise Malformed(f"header: schema format {schema}")
    there = size_bytes // page_size
    if not count or change != valid_for:  # written by a SQLite before 3.7.0
        count = there
    if count > there:
        raise Malformed(f"cut short: {size_bytes} bytes, {count} pages of {page_size} expected")
    settings: dict[str, str | int] = {
        "page_size": page_size,
        "reserved_bytes": reserved,
        "journal_mode": "wal" if (write, read) == (2, 2) else f"rollback {write}/{read}",
        "default_cache_size": cache,
        "encoding": ("UTF-8", "UTF-8", "UTF-16le", "UTF-16be")[encoding],
        "auto_vacuum": "none" if not largest else "incremental" if incremental else "full",
        "user_version": user,
        "application_id": application,
    }
    return Header(page_size, reserved, count, trunk, free, schema, (largest, incremental), settings)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the variable-length integer at ``at``, as 64 bits without sign, and where it ends."""
    value = data[at]
    if value < 0x80:
        return value, at + 1
    value &= 0x7F
    for after in range(at + 1, at + 8):
        byte = data[after]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, after + 1
    return value << 8 | data[at + 8], at + 9


def largest_local(table_leaf: bool, usable: int) -> int:
    """X: the largest payload, in bytes, that is kept whole in the page (section 1.6)."""
    return usable - 35 if table_leaf else (usable - 12) * 64 // 255 - 23


def local_bytes(payload: int, table_leaf: bool, usable: int) -> int:
    """How many of ``payload`` bytes the page itself keeps; the rest overflows (section 1.6)."""
    largest = largest_local(table_leaf, usable)
    if payload <= largest:
        return payload
    least = (usable - 12) * 32 // 255 - 23
    kept = least + (payload - least) % (usable - 4)
    return kept if kept <= largest else least


class Cell(NamedTuple):
    """One cell of a b-tree page."""

    at: int  # where in the page it starts
    size: int  # bytes it occupies there, at least 4
    rowid: int  # of table trees; 0 in index trees
    payload: int  # bytes of payload in all; 0 in the interior of table trees
    local_at: int  # where in the page the payload starts
    local: int  # bytes of it in the page
    overflow: int  # first page of the rest; 0: none
    child: int  # page of the left child; 0 in leaves


class Node(NamedTuple):
    """One b-tree page."""

    kind: int
    cells: list[Cell]
    right: int  # page of the rightmost child; 0 in leaves


class Content(NamedTuple):
    """One b-tree page with what its cells say."""

    page: bytes
    node: Node
    entries: list[Entry]  # in key order; empty for the interior of table trees
    chains: list[int]  # every overflow page of every cell


def shape(page: bytes, number: int, usable: int) -> tuple[int, int, int, tuple[int, ...]]:
    """Return a b-tree page's header offset, kind, end of the pointer array, and cell pointers."""
    top = 100 if number == 1 else 0
    kind = page[top]
    if kind not in KINDS:
        raise Malformed(f"page {number}: not a b-tree page (type {kind})")
    count = page[top + 3] << 8 | page[top + 4]
    array = top + (12 if kind in INTERIORS else 8)
    end = array + 2 * count
    if end > usable:
        raise Malformed(f"page {number}: {count} cells do not fit")
    return top, kind, end, struct.unpack_from(f">{count}H", page, array)


def parse(
    page: bytes, number: int, usable: int, known: Mapping[int, Cell] = MappingProxyType({})
) -> Node:
    """Read a b-tree page's cells in key order; raise Malformed where one leaves the page.

    ``known`` gives cells that need not be read again, by where they start in the page.
    """
    top, kind, end, pointers = shape(page, number, usable)
    if pointers and min(pointers) < end:
        raise Malformed(f"page {number}: a cell starts at byte {min(pointers)}, in the header")
    data = page + _PAD
    if kind == LEAF_INDEX and pointers and max(pointers) < usable:  # short cells are the rule
        cells = [
            known.get(at)
            or (
                Cell(at, size + 1, 0, size, at + 1, size, 0, 0)
                if 3 <= (size := data[at]) <= _SHORT and at + size < usable
                else _cell(data, at, kind, number, usable)
            )
            for at in pointers
        ]
    else:
        cells = [known.get(at) or _cell(data, at, kind, number, usable) for at in pointers]
    right = int.from_bytes(page[top + 8 : top + 12], "big") if kind in INTERIORS else 0
    return Node(kind, cells, right)


def _cell(data: bytes, at: int, kind: int, number: int, usable: int) -> Cell:
    """Read one cell; ``data`` is the page and padding."""
    if at >= usable:
        raise Malformed(f"page {number}: a cell starts at byte {at}, beyond its end")
    place, child, rowid, payload, local, overflow = at, 0, 0, 0, 0, 0
    if kind in INTERIORS:
        child = int.from_bytes(data[at : at + 4], "big")
        place += 4
    if kind != INTERIOR_TABLE:
        payload = data[place]
        place += 1
        if payload >= 0x80:
            payload, place = varint(data, place - 1)
        local = payload
        if payload > _SHORT:
            local = local_bytes(payload, kind == LEAF_TABLE, usable)
    if kind in TABLES:
        rowid, place = varint(data, place)
        rowid -= (rowid >> 63) << 64
    stop = place + local
    if local < payload:
        overflow = int.from_bytes(data[stop : stop + 4], "big")
        stop += 4
    size = max(4, stop - at)
    if at + size > usable:
        raise Malformed(f"page {number}: the cell at byte {at} leaves the page")
    return Cell(at, size, rowid, payload, place, local, overflow, child)


def short_cells(page: bytes, number: int, usable: int) -> list[tuple[int, int]] | None:
    """Return where each cell of a table's leaf starts and ends, in key order; the quick way.

    None where this does not suffice: another kind of page, a cell that overflows or is shorter
    than 4 bytes or leaves the page. ``parse`` has the last word then.
    """
    if number == 1 or page[0] != LEAF_TABLE:
        return None
    _, _, _, pointers = shape(page, number, usable)
    spans: list[tuple[int, int]] = []
    try:
        for at in pointers:
            payload, place = page[at], at + 1
            if payload >= 0x80:
                if page[place] >= 0x80:
                    return None
                payload = (payload & 0x7F) << 7 | page[place]
                place += 1
            last = place + 8
            while page[place] >= 0x80 and place < last:
                place += 1
            spans.append((at, place + 1 + payload))
    except IndexError:
        return None
    longest = usable - 35
    if any(end > usable or not 4 <= end - at <= longest for at, end in spans):
        return None
    return spans


def occupied(page: bytes, number: int, node: Node) -> bytes:
    """Mark the bytes of a b-tree page that are content: ff there, 00 in headers' and free space.

    Content is the page's type, its number of cells, its right child, the pointer array and the
    cells. Where the free blocks and the cell area start is none.
    """
    top = 100 if number == 1 else 0
    mask = bytearray(len(page))
    mask[top] = mask[top + 3] = mask[top + 4] = 0xFF
    array = top + 8
    end = array + 2 * len(node.cells) + (4 if node.right else 0)
    mask[array:end] = b"\xff" * (end - array)
    for cell in node.cells:
        mask[cell.at : cell.at + cell.size] = b"\xff" * cell.size
    return bytes(mask)


def space_adds_up(page: bytes, number: int, usable: int, mask: bytes, cell_bytes: int) -> bool:
    """Whether free blocks, fragments and cells fill the cell area exactly and without overlap."""
    top = 100 if number == 1 else 0
    kind, block, count, start, fragments = struct.unpack_from(">BHHHB", page, top)
    start = start or 65536
    end = top + (12 if kind in INTERIORS else 8) + 2 * count
    if start < end or start > usable or mask.find(0xFF, end, start) >= 0:
        return False
    if mask.count(0xFF, end) != cell_bytes:
        return False  # cells overlap
    free, last = 0, start
    while block:
        if block < last or block + 4 > usable:
            return False
        following, size = struct.unpack_from(">HH", page, block)
        last = block + size
        if size < 4 or last > usable or mask.find(0xFF, block, last) >= 0:
            return False
        free += size
        block = following
    return bool(cell_bytes + free + fragments == usable - start)


class Image:
    """A whole database file in memory; reading it never changes it."""

    def __init__(self, data: memoryview) -> None:
        """Take the file's bytes; raise Malformed when the header is no database's."""
        self.data = data
        self.header = read_header(bytes(data[:100]), len(data))
        self.page_size = self.header.page_size
        self.usable = self.header.usable
        self.page_count = self.header.page_count

    def page(self, number: int) -> bytes:
        """Return one page; raise Malformed when there is none of that number."""
        if not 1 <= number <= self.page_count:
            raise Malformed(f"page {number} does not exist: there are {self.page_count}")
        return bytes(self.data[(number - 1) * self.page_size : number * self.page_size])

    def kind(self, number: int) -> int:
        """Return a b-tree page's type; raise Malformed when it is none."""
        if not 1 <= number <= self.page_count:
            raise Malformed(f"page {number} does not exist: there are {self.page_count}")
        kind = self.data[(number - 1) * self.page_size + (100 if number == 1 else 0)]
        if kind not in KINDS:
            raise Malformed(f"page {number}: not a b-tree page (type {kind})")
        return kind

    def node(self, number: int) -> Node:
        """Read a b-tree page."""
        return parse(self.page(number), number, self.usable)

    def payload(self, page: bytes, cell: Cell) -> tuple[bytes, list[int]]:
        """Return a cell's whole payload and the overflow pages it continues on."""
        local = page[cell.local_at : cell.local_at + cell.local]
        rest = cell.payload - cell.local
        if not rest:
            return local, []
        if rest > self.page_count * self.usable:
            raise Malformed(f"a payload of {cell.payload} bytes is larger than the file")
        parts, chain, number = [local], [], cell.overflow
        while rest > 0:
            more = self.page(number)
            chain.append(number)
            parts.append(more[4 : 4 + min(rest, self.usable - 4)])
            rest -= self.usable - 4
            number = int.from_bytes(more[:4], "big")
        if number:
            raise Malformed(f"the overflow chain of page {cell.overflow} does not end")
        return b"".join(parts), chain

    def content(
        self,
        number: int,
        cells: Mapping[int, Cell] = MappingProxyType({}),
        entries: Mapping[int, Entry] = MappingProxyType({}),
    ) -> Content:
        """Read a b-tree page and the overflow pages that its cells continue on.

        ``cells`` and ``entries`` need not be read again, by where they start in the page.
        """
        page = self.page(number)
        node = parse(page, number, self.usable, cells)
        found: list[Entry] = []
        chains: list[int] = []
        if node.kind != INTERIOR_TABLE:
            for cell in node.cells:
                entry = entries.get(cell.at)
                if entry is None and cell.overflow:
                    payload, chain = self.payload(page, cell)
                    chains += chain
                    entry = cell.rowid, payload
                elif entry is None:  # most of them, and there are many
                    entry = cell.rowid, page[cell.local_at : cell.local_at + cell.local]
                found.append(entry)
        return Content(page, node, found, chains)

    def free_list(self) -> tuple[list[int], list[int]]:
        """Return the free list's trunk pages and its leaf pages (section 1.5)."""
        trunks: list[int] = []
        leaves: list[int] = []
        number = self.header.first_trunk
        while number:
            page = self.page(number)
            following, count = struct.unpack_from(">II", page)
            if len(trunks) >= self.page_count or count > self.usable // 4 - 2:
                raise Malformed(f"page {number}: the free list is broken")
            trunks.append(number)
            leaves += struct.unpack_from(f">{count}I", page, 8)
            number = following
        if len(trunks) + len(leaves) != self.header.free_count:
            raise Malformed(
                f"the free list has {len(trunks) + len(leaves)} pages, "
                f"the header says {self.header.free_count}"
            )
        return trunks, leaves

    def lock_page(self) -> int:
        """Return the number of the page that holds the lock byte, in this file or beyond it."""
        return LOCK_BYTE // self.page_size + 1

    def pointer_maps(self) -> Iterator[int]:
        """Give the numbers of the pointer-map pages (section 1.8)."""
        if not self.header.auto_vacuum:
            return
        for number in range(2, self.page_count + 1, self.usable // 5 + 1):
            yield number + (number == self.lock_page())


@dataclass(slots=True)
class Walk:
    """One b-tree from left to right."""

    items: list[int | bytes] = field(default_factory=list)  # leaf pages; interior index payloads
    leaves: dict[int, tuple[int | None, int | None]] = field(default_factory=dict)  # page -> bounds
    interiors: dict[int, list[int]] = field(default_factory=dict)  # page -> its overflow pages
    depths: set[int] = field(default_factory=set)  # of the leaves


def walk(image: Image, root: int, read: Callable[[int], Content]) -> Walk:
    """Walk a b-tree's interior, each page by ``read``; leaves are not read.

    In table trees each leaf comes with its bounds: rowids are greater than the first and at most
    the second; None where there is none. Raises Malformed when pages repeat, or mix kinds or
    depths.
    """
    tree = Walk()
    kind = image.kind(root)
    if kind in INTERIORS:
        _descend(image, root, tree, read, (None, None), 1)
    else:
        _add_leaves(image, [root], tree, [None, None], kind)
        tree.items.append(root)
    if len(tree.depths) > 1:
        raise Malformed(f"the tree of page {root}: leaves at different depths")
    return tree


def _descend(
    image: Image,
    number: int,
    tree: Walk,
    read: Callable[[int], Content],
    bounds: tuple[int | None, int | None],
    depth: int,
) -> None:
    """Add the part of a tree that is below an interior page."""
    if number in tree.interiors or depth > _DEEPEST:
        raise Malformed(f"page {number} is twice in its tree")
    _, node, entries, tree.interiors[number] = read(number)
    children = [*(cell.child for cell in node.cells), node.right]
    keys = [bounds[0], *(cell.rowid for cell in node.cells), bounds[1]]
    if node.kind == INTERIOR_INDEX:
        keys = [None] * len(keys)
    below = image.kind(children[0])
    if below not in INTERIORS:
        tree.depths.add(depth)
        _add_leaves(image, children, tree, keys, LEAF_OF[node.kind])
        tree.items += _woven(children, entries)
        return
    for at, child in enumerate(children):
        if image.kind(child) != node.kind:
            raise Malformed(f"page {child}: a stranger in its tree (type {image.kind(child)})")
        _descend(image, child, tree, read, (keys[at], keys[at + 1]), depth + 1)
        if at < len(entries):
            tree.items.append(entries[at][1])


def _add_leaves(
    image: Image, children: list[int], tree: Walk, keys: list[int | None], kind: int
) -> None:
    if min(children) < 1 or max(children) > image.page_count:
        raise Malformed(f"a page of {children} does not exist: there are {image.page_count}")
    known = len(tree.leaves)
    for child, low, high in zip(children, keys, keys[1:], strict=False):
        if image.kind(child) != kind:
            raise Malformed(f"page {child}: a stranger in its tree (type {image.kind(child)})")
        tree.leaves[child] = low, high
    if len(tree.leaves) != known + len(children):
        raise Malformed(f"a page of {children} is twice in its tree")


def _woven(children: list[int], entries: list[Entry]) -> list[int | bytes]:
    """Put the payloads of an interior index page between its children."""
    if not entries:
        return list(children)
    items: list[int | bytes] = []
    for child, (_, payload) in zip(children, entries, strict=False):
        items += (child, payload)
    return [*items, children[-1]]
