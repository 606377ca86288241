"""The b-trees of a SQLite file: which pages they are made of, and whether cells only moved.

https://www.sqlite.org/fileformat2.html, section 1.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from harness.databases.sqlite.cells import (
    HEADER_BYTES,
    INDEX_INTERIOR,
    INDEX_LEAF,
    KINDS,
    NUMBER,
    TABLE_INTERIOR,
    TABLE_LEAF,
    varint,
)
from harness.databases.sqlite.pages import DEEPEST, EVERY_ROWID, Image, Range, Unfollowable, kind_of


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
    interior, leaf = (TABLE_INTERIOR, TABLE_LEAF) if rowids else (INDEX_INTERIOR, INDEX_LEAF)
    level: list[tuple[int, Range]] = [(root, EVERY_ROWID)]
    if kind_of(image, root) == leaf:
        return Tree(set(), {} if wanted is not None and root not in wanted else dict(level))
    passed: set[int] = set()
    for _ in range(DEEPEST):
        below: list[tuple[int, Range]] = []
        leaves_below: bool | None = None
        for number, covered in level:
            if kind_of(image, number) != interior:
                raise Unfollowable(f"page {number} is not an interior page of this b-tree")
            passed.add(number)
            children = Children(image, number)
            if leaves_below is None:
                leaves_below = kind_of(image, children.numbers[0]) == leaf
            below += children.covering(covered, wanted if leaves_below else None, rowids=rowids)
        if leaves_below:
            return Tree(passed, dict(below))
        level = below
    raise Unfollowable(f"the b-tree at page {root} is too deep")


class Children:
    """The children of an interior page, in order."""

    def __init__(self, image: Image, number: int) -> None:
        self._page, start = image.page(number), HEADER_BYTES if number == 1 else 0
        count, rightmost = struct.unpack_from(">3xH3xI", self._page, start)
        try:
            self._cells = struct.unpack_from(f">{count}H", self._page, start + 12)
            numbers = [NUMBER.unpack_from(self._page, cell)[0] for cell in self._cells]
        except struct.error as error:
            raise Unfollowable(f"page {number} has a cell outside the page") from error
        self.numbers: list[int] = [*numbers, rightmost]

    def covering(
        self, covered: Range, wanted: set[int] | None, *, rowids: bool
    ) -> list[tuple[int, Range]]:
        """Give the wanted children (None: all), each with the rowids of ``covered`` it covers."""
        chosen: Iterable[int] = range(len(self.numbers))
        if wanted is not None:
            if wanted.isdisjoint(self.numbers):
                return []
            chosen = [index for index in chosen if self.numbers[index] in wanted]
        if not rowids:
            return [(self.numbers[index], covered) for index in chosen]
        try:
            return [(self.numbers[index], self._rowids(index, covered)) for index in chosen]
        except IndexError as error:
            raise Unfollowable("a key does not end on its page") from error

    def _rowids(self, index: int, covered: Range) -> Range:
        low, high = covered
        if index > 0:
            low = varint(self._page, self._cells[index - 1] + 4)[0] + 1
        if index < len(self._cells):
            high = varint(self._page, self._cells[index] + 4)[0]
        return low, high


def children_of(image: Image, number: int) -> list[int]:
    """Give the children of an interior page, in order; raises Unfollowable."""
    return Children(image, number).numbers


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
    if len(before) != len(now) or not before or before[header] not in KINDS:
        return False
    interior = before[header] in (INDEX_INTERIOR, TABLE_INTERIOR)
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
    first_cell = min(struct.unpack_from(f">{count}H", before, places), default=len(before))
    return first_cell >= end and before[first_cell:] == now[first_cell:]


def altered(before: Image, now: Image, doubtful: Iterable[int]) -> tuple[set[int], set[int]]:
    """Give those of the ``doubtful`` pages that differ, and of them those with other content.

    Free space is no content, nor are the file's header and where a page's cells stand on it.
    """
    differing = {number for number in doubtful if before.page(number) != now.page(number)}
    return differing, {
        number
        for number in differing
        if not same_cells(before.page(number), now.page(number), HEADER_BYTES if number == 1 else 0)
    }
