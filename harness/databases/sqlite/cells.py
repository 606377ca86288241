"""The cells of one b-tree page: https://www.sqlite.org/fileformat2.html, section 1.6."""

from __future__ import annotations

import struct
from operator import itemgetter
from typing import NamedTuple

INDEX_INTERIOR, TABLE_INTERIOR, INDEX_LEAF, TABLE_LEAF = 2, 5, 10, 13
TABLES, INDEXES = frozenset({TABLE_INTERIOR, TABLE_LEAF}), frozenset({INDEX_INTERIOR, INDEX_LEAF})
INTERIORS = frozenset({INDEX_INTERIOR, TABLE_INTERIOR})
KINDS = TABLES | INDEXES
TABLE_PAGES = frozenset({bytes([TABLE_INTERIOR]), bytes([TABLE_LEAF])})
INDEX_PAGES = frozenset({bytes([INDEX_INTERIOR]), bytes([INDEX_LEAF])})
HEADER_BYTES = 100  # the file's header, at the start of page 1
_LAST = itemgetter(1)
NUMBER = struct.Struct(">I")


class Chain(NamedTuple):
    """Where the rest of a long payload is."""

    cell: int  # which cell of its page it belongs to
    first: int  # number of its first overflow page
    size_bytes: int  # that are not on the b-tree page


class Node(NamedTuple):
    """One b-tree page, its cells in order."""

    kind: int
    spans: list[tuple[int, int]]  # first byte and the byte after, of each cell
    rowids: list[int]  # of a table's pages
    children: list[int]  # of an interior page, the rightmost last
    chains: list[Chain]

    def references(self) -> list[int]:
        """Give the numbers of all pages that this one refers to."""
        return self.children + [chain.first for chain in self.chains]


def node_of(page: bytes, top: int, usable: int) -> Node:
    """Read the cells of a b-tree page.

    Args:
        page: its bytes.
        top: where its b-tree header begins: 100 on page 1, else 0.
        usable: how many of its bytes SQLite uses.

    Raises:
        IndexError, struct.error: a cell lies outside the page.
    """
    kind = page[top]
    (count,) = struct.unpack_from(">H", page, top + 3)
    interior = kind in INTERIORS
    places = struct.unpack_from(f">{count}H", page, top + (12 if interior else 8))
    node = Node(kind, [], [], [], [])
    if interior:
        node.children.extend(NUMBER.unpack_from(page, place)[0] for place in places)
        node.children.append(NUMBER.unpack_from(page, top + 8)[0])
    if kind == TABLE_INTERIOR:
        for start in places:
            rowid, end = varint(page, start + 4)
            node.rowids.append(rowid)
            node.spans.append((start, end))
    elif kind == TABLE_LEAF:
        _add_rows(node, page, places, usable)
    else:
        _add_entries(node, page, places, usable)
    if node.spans and max(map(_LAST, node.spans)) > usable:
        raise IndexError(usable)
    return node


def _add_rows(node: Node, page: bytes, places: tuple[int, ...], usable: int) -> None:
    """Read the cells of a table's leaf: size, rowid, payload."""
    largest = usable - 35
    add_rowid, add_span = node.rowids.append, node.spans.append  # most of what this costs
    for start in places:
        size, rowid = page[start], page[start + 1]
        if size < 0x80 and rowid < 0x80:
            at = start + 2
        else:
            size, at = (size, start + 1) if size < 0x80 else varint(page, start)
            rowid, at = varint(page, at)
        add_rowid(rowid)
        if 0 <= size <= largest:
            add_span((start, at + size))
        else:
            add_span((start, _spilled(node, page, (at, size), usable)))


def _add_entries(node: Node, page: bytes, places: tuple[int, ...], usable: int) -> None:
    """Read the cells of an index's page: on an interior one the child, then size, payload."""
    skipped, largest = 4 if node.children else 0, (usable - 12) * 64 // 255 - 23
    sizes = [page[start + skipped] for start in places]
    if max(sizes, default=0) <= min(largest, 0x7F):  # nearly always
        ahead = skipped + 1
        node.spans.extend(
            [(start, start + ahead + size) for start, size in zip(places, sizes, strict=True)]
        )
        return
    for start in places:
        size, at = varint(page, start + skipped)
        end = at + size if 0 <= size <= largest else _spilled(node, page, (at, size), usable)
        node.spans.append((start, end))


def _spilled(node: Node, page: bytes, payload: tuple[int, int], usable: int) -> int:
    """Note where the rest of a long payload is; the byte after what of it stands on this page."""
    at, size = payload
    if size < 0:
        raise IndexError(size)
    largest = usable - 35 if node.kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    if local > largest:
        local = least
    first = NUMBER.unpack_from(page, at + local)[0]
    node.chains.append(Chain(len(node.spans), first, size - local))
    return at + local + 4


def varint(page: bytes, offset: int) -> tuple[int, int]:
    """Read a variable-length integer and the offset behind it.

    It has 7 bits a byte, big-endian, 8 in the ninth, and is signed.
    """
    byte = page[offset]
    if byte < 0x80:
        return byte, offset + 1
    value = byte & 0x7F
    for at in range(offset + 1, offset + 8):
        byte = page[at]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + 1
    value = value << 8 | page[offset + 8]
    return value - (1 << 64) if value >> 63 else value, offset + 9
