"""A whole database file in memory: its pages, overflow chains and free list."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.cells import (
    INTERIOR_TABLE,
    KINDS,
    Cell,
    Node,
    Page,
    parse,
)
from harness.truth.sqlite_pages.file_format.header import read_header

LOCK_BYTE = 0x40000000  # the page that holds this byte of the file is never used

Entry = tuple[int, bytes]  # rowid (0 in index trees) and payload
Words = npt.NDArray[np.uint64]


class Content(NamedTuple):
    """One b-tree page with what its cells say."""

    page: Page
    node: Node
    entries: list[Entry]  # in key order; empty for the interior of table trees
    chains: list[int]  # every overflow page of every cell


class KnownCells(NamedTuple):
    """Cells of a page that need not be read again, by where they start in it."""

    cells: Mapping[int, Cell] = MappingProxyType({})
    entries: Mapping[int, Entry] = MappingProxyType({})


NO_CELLS = KnownCells()


class Image:
    """A whole database file in memory; reading it never changes it."""

    def __init__(self, data: memoryview) -> None:
        """Take the file's bytes; raise Malformed when the header is no database's."""
        self.data = data
        self.header = read_header(bytes(data[:100]), len(data))
        self.page_size = self.header.page_size
        self.usable = self.header.usable
        self.page_count = self.header.page_count

    def page(self, number: int) -> Page:
        """Return one page; raise Malformed when there is none of that number."""
        if not 1 <= number <= self.page_count:
            raise Malformed(f"page {number} does not exist: there are {self.page_count}")
        data = bytes(self.data[(number - 1) * self.page_size : number * self.page_size])
        return Page(number, data, self.usable)

    def page_bytes(self, number: int) -> bytes:
        """Return one page's bytes; raise Malformed when there is none of that number."""
        return self.page(number).data

    def kind(self, number: int) -> int:
        """Return a b-tree page's type; raise Malformed when it is none."""
        if not 1 <= number <= self.page_count:
            raise Malformed(f"page {number} does not exist: there are {self.page_count}")
        kind = self.type_byte(number)
        if kind not in KINDS:
            raise Malformed(f"page {number}: not a b-tree page (type {kind})")
        return kind

    def type_byte(self, number: int) -> int:
        """Return the byte that would be a page's type, whatever the page is."""
        return self.data[(number - 1) * self.page_size + (100 if number == 1 else 0)]

    def node(self, number: int) -> Node:
        """Read a b-tree page."""
        return parse(self.page(number))

    def payload(self, page: Page, cell: Cell) -> tuple[bytes, list[int]]:
        """Return a cell's whole payload and the overflow pages it continues on."""
        local = page.data[cell.local_at : cell.local_at + cell.local]
        rest = cell.payload - cell.local
        if not rest:
            return local, []
        if rest > self.page_count * self.usable:
            raise Malformed(f"a payload of {cell.payload} bytes is larger than the file")
        parts, chain, number = [local], [], cell.overflow
        while rest > 0:
            overflow = self.page_bytes(number)
            chain.append(number)
            parts.append(overflow[4 : 4 + min(rest, self.usable - 4)])
            rest -= self.usable - 4
            number = int.from_bytes(overflow[:4], "big")
        if number:
            raise Malformed(f"the overflow chain of page {cell.overflow} does not end")
        return b"".join(parts), chain

    def content(self, number: int) -> Content:
        """Read a b-tree page and the overflow pages that its cells continue on."""
        return self.content_of(self.page(number))

    def content_of(self, page: Page, known: KnownCells = NO_CELLS) -> Content:
        """Read what a b-tree page of this file says, but cells that are ``known``."""
        node = parse(page, known.cells)
        entries: list[Entry] = []
        chains: list[int] = []
        if node.kind != INTERIOR_TABLE:
            data, known_entries = page.data, known.entries
            for cell in node.cells:
                entry = known_entries.get(cell.at)
                if entry is None and cell.overflow:
                    payload, chain = self.payload(page, cell)
                    chains += chain
                    entry = cell.rowid, payload
                elif entry is None:  # most of them, and there are many
                    entry = cell.rowid, data[cell.local_at : cell.local_at + cell.local]
                entries.append(entry)
        return Content(page, node, entries, chains)

    def free_list(self) -> tuple[list[int], list[int]]:
        """Return the free list's trunk pages and its leaf pages (section 1.5)."""
        trunks: list[int] = []
        leaves: list[int] = []
        number = self.header.first_trunk
        while number:
            trunk = self.page_bytes(number)
            following, count = struct.unpack_from(">II", trunk)
            if len(trunks) >= self.page_count or count > self.usable // 4 - 2:
                raise Malformed(f"page {number}: the free list is broken")
            trunks.append(number)
            leaves += struct.unpack_from(f">{count}I", trunk, 8)
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


def as_words(data: npt.NDArray[np.uint8], page_size: int) -> Words:
    """View a file's whole pages as 64-bit words, a row a page."""
    whole_bytes = len(data) // page_size * page_size
    words: Words = data[:whole_bytes].view(np.uint64).reshape(-1, page_size // 8)
    return words
