"""The cells of one b-tree page: https://www.sqlite.org/fileformat2.html, section 1.6."""

from __future__ import annotations

import struct
from typing import NamedTuple

INDEX_INTERIOR, TABLE_INTERIOR, INDEX_LEAF, TABLE_LEAF = 2, 5, 10, 13
TABLES, INDEXES = frozenset({TABLE_INTERIOR, TABLE_LEAF}), frozenset({INDEX_INTERIOR, INDEX_LEAF})
INTERIORS = frozenset({INDEX_INTERIOR, TABLE_INTERIOR})
LEAVES = frozenset({INDEX_LEAF, TABLE_LEAF})
KINDS = TABLES | INDEXES
TABLE_PAGES = frozenset({bytes([TABLE_INTERIOR]), bytes([TABLE_LEAF])})
INDEX_PAGES = frozenset({bytes([INDEX_INTERIOR]), bytes([INDEX_LEAF])})
HEADER_BYTES = 100  # the file's header, at the start of page 1
NUMBER = struct.Struct(">I")
_COUNT = struct.Struct(">H")
_LONG = 0x80  # from here a number takes more than one byte


class Chain(NamedTuple):
    """Where the rest of a long payload is."""

    cell: int  # which cell of its page it belongs to
    first: int  # number of its first overflow page
    size_bytes: int  # that are not on the b-tree page


class Node(NamedTuple):
    """One b-tree page, its cells in order."""

    kind: int
    starts: tuple[int, ...]  # first byte of each cell
    ends: list[int]  # the byte after
    rowids: list[int]  # of a table's pages
    children: list[int]  # of an interior page, the rightmost last
    chains: list[Chain]

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Give the first byte and the byte after, of each cell."""
        return list(zip(self.starts, self.ends, strict=True))

    def references(self) -> list[int]:
        """Give the numbers of all pages that this one refers to."""
        return self.children + [chain.first for chain in self.chains]


def places_of(page: bytes, top: int) -> tuple[int, ...]:
    """Give where the cells of a b-tree page begin, in order; raises struct.error."""
    (count,) = _COUNT.unpack_from(page, top + 3)
    return struct.unpack_from(f">{count}H", page, top + (12 if page[top] in INTERIORS else 8))


def refers_to_none(page: bytes, top: int, usable: int) -> bool:
    """Whether a leaf refers to no other page; False when in doubt, where its cells are long.

    Raises:
        IndexError, struct.error: a cell lies outside the page.
    """
    sizes = [page[start] for start in places_of(page, top)]
    return max(sizes, default=0) <= min(_largest(page[top], usable), _LONG - 1)


def _largest(kind: int, usable: int) -> int:
    """Give how many bytes a payload may have that stands on its page whole."""
    return usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23


def node_of(page: bytes, top: int, usable: int) -> Node:
    """Read the cells of a b-tree page.

    Args:
        page: its bytes.
        top: where its b-tree header begins: 100 on page 1, else 0.
        usable: how many of its bytes SQLite uses.

    Raises:
        IndexError, struct.error: a cell lies outside the page.
    """
    node = Node(page[top], places_of(page, top), [], [], [], [])
    if node.kind in INTERIORS:
        node.children.extend([NUMBER.unpack_from(page, place)[0] for place in node.starts])
        node.children.append(NUMBER.unpack_from(page, top + 8)[0])
    if node.kind == TABLE_INTERIOR:
        for start in node.starts:
            rowid, end = varint(page, start + 4)
            node.rowids.append(rowid)
            node.ends.append(end)
    elif node.kind == TABLE_LEAF:
        _add_rows(node, page, usable)
    else:
        _add_entries(node, page, usable)
    if max(node.ends, default=0) > usable:
        raise IndexError(usable)
    return node


def _add_rows(node: Node, page: bytes, usable: int) -> None:
    """Read the cells of a table's leaf: size, rowid, payload."""
    largest = _largest(TABLE_LEAF, usable)
    add_rowid, add_end = node.rowids.append, node.ends.append  # most of what this costs
    for start in node.starts:
        size, at = page[start], start + 1
        if size >= _LONG:
            size, at = varint(page, start)
        rowid = page[at]
        if rowid < _LONG:
            at += 1
        else:
            rowid, at = varint(page, at)
        add_rowid(rowid)
        add_end(at + size if 0 <= size <= largest else _spilled(node, page, (at, size), usable))


def _add_entries(node: Node, page: bytes, usable: int) -> None:
    """Read the cells of an index's page: on an interior one the child, then size, payload."""
    skipped, largest = 4 if node.children else 0, _largest(node.kind, usable)
    sizes = [page[start + skipped] for start in node.starts]
    if max(sizes, default=0) <= min(largest, _LONG - 1):  # nearly always
        ahead = skipped + 1
        node.ends.extend([at + ahead + size for at, size in zip(node.starts, sizes, strict=True)])
        return
    for start in node.starts:
        size, at = varint(page, start + skipped)
        end = at + size if 0 <= size <= largest else _spilled(node, page, (at, size), usable)
        node.ends.append(end)


def _spilled(node: Node, page: bytes, payload: tuple[int, int], usable: int) -> int:
    """Note where the rest of a long payload is; the byte after what of it stands on this page."""
    at, size = payload
    if size < 0:
        raise IndexError(size)
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    if local > _largest(node.kind, usable):
        local = least
    first = NUMBER.unpack_from(page, at + local)[0]
    node.chains.append(Chain(len(node.ends), first, size - local))
    return at + local + 4


def varint(page: bytes, offset: int) -> tuple[int, int]:
    """Read a variable-length integer and the offset behind it.

    It has 7 bits a byte, big-endian, 8 in the ninth, and is signed.
    """
    byte = page[offset]
    if byte < 0x80:
        return byte, offset + 1
    value, byte = byte & 0x7F, page[offset + 1]
    if byte < 0x80:  # nearly always
        return value << 7 | byte, offset + 2
    for at in range(offset + 1, offset + 8):
        byte = page[at]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + 1
    value = value << 8 | page[offset + 8]
    return value - (1 << 64) if value >> 63 else value, offset + 9
