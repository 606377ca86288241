"""What owns each page of a database: a b-tree, an overflow chain, the free list, or nobody."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.file_format.cells import spills
from harness.truth.sqlite_pages.file_format.image import Image

ORPHAN, LEAF, INTERIOR, OVERFLOW, TRUNK, FREE, POINTER_MAP, LOCK = range(8)


class Owners:
    """The owner of every page of a database.

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
            for overflow in chain:
                self._claim(overflow, OVERFLOW, root, number)
        for number in tree.leaves:
            self._claim(number, LEAF, root)
            if spills(self.image.page(number)):
                for overflow in self.image.content(number).chains:
                    self._claim(overflow, OVERFLOW, root, number)
