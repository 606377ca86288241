"""The pristine file in memory: what owns each page, and which of its bytes are content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import MeasurementError
from harness.truth.sqlite_pages.pages import (
    LEAF_TABLE,
    Cell,
    Content,
    Entry,
    Image,
    Malformed,
    Node,
    Walk,
    largest_local,
    occupied,
    shape,
    varint,
    walk,
)
from harness.truth.sqlite_pages.records import SchemaObject, read_schema

ORPHAN, LEAF, INTERIOR, OVERFLOW, TRUNK, FREE, POINTER_MAP, LOCK = range(8)
Words = npt.NDArray[np.uint64]


class Owners:
    """Who owns each page of a database: a b-tree, an overflow chain, the free list, or nobody.

    ``role``, ``tree`` and ``holder`` are indexed by page number: what the page is, the root of
    the tree it belongs to, and for an overflow page the b-tree page whose cell continues there.
    Raises Malformed when a page has two owners.
    """

    def __init__(self, image: Image, roots: Iterable[int]) -> None:
        """Walk the free list and every tree of ``roots``, 1 among them."""
        size = image.page_count + 1
        self.image = image
        self.role = np.zeros(size, np.uint8)
        self.tree = np.zeros(size, np.int64)
        self.holder = np.zeros(size, np.int64)
        if image.lock_page() < size:
            self._claim(image.lock_page(), LOCK)
        for number in image.pointer_maps():
            self._claim(number, POINTER_MAP)
        trunks, leaves = image.free_list()
        self.free = trunks + leaves
        for number in trunks:
            self._claim(number, TRUNK)
        for number in leaves:
            self._claim(number, FREE)
        for root in roots:
            self._claim_tree(root)

    def orphans(self) -> int:
        """Count the pages that nobody owns."""
        return int(np.count_nonzero(self.role[1:] == ORPHAN))

    def _claim(self, number: int, role: int, tree: int = 0, holder: int = 0) -> None:
        if not 1 <= number < len(self.role):
            raise Malformed(f"page {number} is used and does not exist")
        if self.role[number] != ORPHAN:
            raise Malformed(f"page {number} is used twice")
        self.role[number], self.tree[number], self.holder[number] = role, tree, holder

    def _claim_tree(self, root: int) -> None:
        tree = walk(self.image, root, self.image.content)
        for number, chain in tree.interiors.items():
            self._claim(number, INTERIOR, root)
            for page in chain:
                self._claim(page, OVERFLOW, root, number)
        for number in tree.leaves:
            self._claim(number, LEAF, root)
            if _spills(self.image, number):
                for page in self.image.content(number).chains:
                    self._claim(page, OVERFLOW, root, number)


def _spills(image: Image, number: int) -> bool:
    """Whether a cell of this leaf overflows; reads no more of a cell than its size."""
    page = image.page(number)
    _, kind, _, pointers = shape(page, number, image.usable)
    largest = largest_local(kind == LEAF_TABLE, image.usable)
    page += bytes(24)
    for at in pointers:
        size = page[at]
        if size >= 0x80:
            size = varint(page, at)[0]
        if size > largest:
            return True
    return False


class Places(NamedTuple):
    """Where a b-tree page's cells lie."""

    starts: npt.NDArray[np.int64]  # first byte of each cell, ascending
    ends: npt.NDArray[np.int64]  # byte after it
    cells: dict[int, Cell]  # by first byte, those that do not overflow
    entries: dict[int, Entry]  # the same, with what they say

    @classmethod
    def of(cls, node: Node, entries: list[Entry]) -> Places:
        """List the places of a page that is not empty or is: its arrays end with a sentinel."""
        spans = sorted((cell.at, cell.at + cell.size) for cell in node.cells)
        starts, ends = np.array([*spans, (1 << 20, 1 << 20)], np.int64).T
        whole = [cell for cell in node.cells if not cell.overflow]
        said = zip(node.cells, entries, strict=False)
        return cls(
            starts,
            ends,
            {cell.at: cell for cell in whole},
            {cell.at: entry for cell, entry in said if not cell.overflow},
        )


class Baseline:
    """The pristine database, read once and kept in memory."""

    def __init__(self, path: Path) -> None:
        """Read ``path``; MeasurementError when it is no sound file with everything folded in."""
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            raise MeasurementError(f"{path}: fold its -wal in before it can be the baseline")
        self.bytes = np.fromfile(path, np.uint8)
        status = path.stat()
        self.mode = status.st_mode & 0o7777
        self.owner = status.st_uid, status.st_gid
        self.linked = path.is_symlink()
        try:
            self.image = Image(self.bytes.data)
            if len(self.bytes) % self.image.page_size:
                raise Malformed(f"{len(self.bytes)} bytes are no whole number of pages")
            self.schema = read_schema(self.image)
            roots = [1, *(thing.root for thing in self.schema.values() if thing.root)]
            self.owners = Owners(self.image, roots)
        except Malformed as error:
            raise MeasurementError(f"{path} cannot be the baseline: {error}") from error
        self.rows = as_rows(self.bytes, self.image.page_size)
        self._masks = np.zeros_like(self.rows)
        self._masked = np.zeros(len(self.rows), np.bool_)
        self._occupied: dict[int, tuple[bytes, int]] = {}
        self._walks: dict[int, Walk] = {}
        self._contents: dict[int, Content] = {}
        self._places: dict[int, Places] = {}

    def masks(self, numbers: npt.NDArray[np.int64]) -> Words:
        """Return which bits of these pages are content, a row of 64-bit words a page."""
        at = numbers - 1
        for number in numbers[~self._masked[at]]:
            self._mask(int(number))
        masks: Words = self._masks[at]
        return masks

    def _mask(self, number: int) -> None:
        role = self.owners.role[number]
        if role in (LEAF, INTERIOR):
            mask = self.space(number)[0]
            self._masks[number - 1] = np.frombuffer(mask, np.uint64)
        elif role == OVERFLOW:  # also what the chain's end leaves unused: its cell settles it
            mask = b"\xff" * self.image.usable + bytes(self.image.header.reserved)
            self._masks[number - 1] = np.frombuffer(mask, np.uint64)
        self._masked[number - 1] = True

    def space(self, number: int) -> tuple[bytes, int]:
        """Return which bytes of a b-tree page are content, and how many its cells occupy."""
        if number not in self._occupied:
            page, node, _, _ = self.content(number)
            mask = occupied(page, number, node)
            self._occupied[number] = mask, sum(cell.size for cell in node.cells)
        return self._occupied[number]

    def walk(self, root: int) -> Walk:
        """Walk one of the baseline's trees."""
        if root not in self._walks:
            self._walks[root] = walk(self.image, root, self.content)
        return self._walks[root]

    def content(self, number: int) -> Content:
        """Read one of the baseline's b-tree pages, once."""
        if number not in self._contents:
            self._contents[number] = self.image.content(number)
        return self._contents[number]

    def unchanged(self, number: int, page: bytes) -> tuple[Mapping[int, Cell], Mapping[int, Entry]]:
        """Return the baseline's cells and entries that are the same bytes in ``page`` now.

        Both by where they start; cells that continue on overflow pages are left out.
        """
        old, node, entries, _ = self.content(number)
        if shape(page, number, self.image.usable)[1] != node.kind:
            return {}, {}
        if number not in self._places:
            self._places[number] = Places.of(node, entries)
        places = self._places[number]
        differing = np.flatnonzero(np.frombuffer(old, np.uint8) != np.frombuffer(page, np.uint8))
        if 2 * len(differing) > len(page):
            return {}, {}
        which = np.searchsorted(places.starts, differing, "right") - 1
        inside = (which >= 0) & (differing < places.ends[which])
        cells, entries_now = dict(places.cells), dict(places.entries)
        for start in set(places.starts[which[inside]].tolist()):
            cells.pop(start, None)
            entries_now.pop(start, None)
        return cells, entries_now

    @cached_property
    def names(self) -> dict[int, SchemaObject]:
        """The table or index of each root page."""
        return {thing.root: thing for thing in self.schema.values() if thing.root}


def as_rows(data: npt.NDArray[np.uint8], page_size: int) -> Words:
    """View a file's whole pages as rows of 64-bit words."""
    whole = len(data) // page_size * page_size
    rows: Words = data[:whole].view(np.uint64).reshape(-1, page_size // 8)
    return rows
