"""The cells of one b-tree page: where they lie and how large they are (section 1.6)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from harness.truth.sqlite_pages.file_format import Malformed

LEAF_TABLE, LEAF_INDEX, INTERIOR_TABLE, INTERIOR_INDEX = 13, 10, 5, 2
KINDS = frozenset((LEAF_TABLE, LEAF_INDEX, INTERIOR_TABLE, INTERIOR_INDEX))
INTERIORS = frozenset((INTERIOR_TABLE, INTERIOR_INDEX))
LEAF_OF = {INTERIOR_TABLE: LEAF_TABLE, INTERIOR_INDEX: LEAF_INDEX}
TABLES = frozenset((LEAF_TABLE, INTERIOR_TABLE))
_PAD = bytes(24)  # a cell's varints may run over the page's end: read zeros, then refuse it
_SHORT = 93  # a payload of so many bytes is kept whole in any page of any size


class Page(NamedTuple):
    """One page as it lies in the file."""

    number: int
    data: bytes
    usable: int  # bytes of it that SQLite uses

    @property
    def top(self) -> int:
        """Where its b-tree header starts: the file's own header is before it on page 1."""
        return 100 if self.number == 1 else 0


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


class Shape(NamedTuple):
    """What the header of a b-tree page says of its cells."""

    kind: int
    array_end: int  # the byte after the pointer array
    pointers: tuple[int, ...]  # where each cell starts, in key order


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
    """X: the largest payload, in bytes, that is kept whole in the page."""
    return usable - 35 if table_leaf else (usable - 12) * 64 // 255 - 23


def local_bytes(payload: int, table_leaf: bool, usable: int) -> int:
    """How many of ``payload`` bytes the page itself keeps; the rest overflows."""
    largest = largest_local(table_leaf, usable)
    if payload <= largest:
        return payload
    least = (usable - 12) * 32 // 255 - 23
    kept = least + (payload - least) % (usable - 4)
    return kept if kept <= largest else least


def shape(page: Page) -> Shape:
    """Read a b-tree page's header and pointer array; raise Malformed where it is none."""
    number, data, usable = page
    top = page.top
    kind = data[top]
    if kind not in KINDS:
        raise Malformed(f"page {number}: not a b-tree page (type {kind})")
    count = data[top + 3] << 8 | data[top + 4]
    array = top + (12 if kind in INTERIORS else 8)
    end = array + 2 * count
    if end > usable:
        raise Malformed(f"page {number}: {count} cells do not fit")
    return Shape(kind, end, struct.unpack_from(f">{count}H", data, array))


def parse(page: Page, known: Mapping[int, Cell] = MappingProxyType({})) -> Node:
    """Read a b-tree page's cells in key order; raise Malformed where one leaves the page.

    ``known`` gives cells that need not be read again, by where they start in the page.
    """
    kind, array_end, pointers = shape(page)
    if pointers and min(pointers) < array_end:
        raise Malformed(f"page {page.number}: a cell starts at byte {min(pointers)}, in the header")
    usable = page.usable
    data = page.data + _PAD
    padded = Page(page.number, data, usable)
    if kind == LEAF_INDEX and pointers and max(pointers) < usable:  # short cells are the rule
        cells = [
            known.get(at)
            or (
                Cell(at, size + 1, 0, size, at + 1, size, 0, 0)
                if 3 <= (size := data[at]) <= _SHORT and at + size < usable
                else _cell(padded, at, kind)
            )
            for at in pointers
        ]
    else:
        cells = [known.get(at) or _cell(padded, at, kind) for at in pointers]
    if kind not in INTERIORS:
        return Node(kind, cells, 0)
    return Node(kind, cells, int.from_bytes(data[page.top + 8 : page.top + 12], "big"))


def _cell(padded: Page, at: int, kind: int) -> Cell:
    """Read one cell of a page of this ``kind``; ``padded`` is the page and padding."""
    number, data, usable = padded
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


def short_cells(page: Page) -> list[tuple[int, int]] | None:
    """Return where each cell of a table's leaf starts and ends, in key order; the quick way.

    None where this does not suffice: another kind of page, a cell that overflows or is shorter
    than 4 bytes or leaves the page. ``parse`` has the last word then.
    """
    number, data, usable = page
    if number == 1 or data[0] != LEAF_TABLE:
        return None
    spans: list[tuple[int, int]] = []
    try:
        for at in shape(page).pointers:
            payload, place = data[at], at + 1
            if payload >= 0x80:
                if data[place] >= 0x80:
                    return None
                payload = (payload & 0x7F) << 7 | data[place]
                place += 1
            last = place + 8
            while data[place] >= 0x80 and place < last:
                place += 1
            spans.append((at, place + 1 + payload))
    except IndexError:
        return None
    longest = usable - 35
    if any(end > usable or not 4 <= end - at <= longest for at, end in spans):
        return None
    return spans


def spills(page: Page) -> bool:
    """Whether a cell of this leaf overflows; reads no more of a cell than its size."""
    kind, _, pointers = shape(page)
    largest = largest_local(kind == LEAF_TABLE, page.usable)
    data = page.data + _PAD
    for at in pointers:
        size = data[at]
        if size >= 0x80:
            size = varint(data, at)[0]
        if size > largest:
            return True
    return False
