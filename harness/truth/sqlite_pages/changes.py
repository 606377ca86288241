"""Which pages of a file differ from the baseline's, and which of these differ in content.

Equal pages are equal content. Of a page that differs only the bytes that are content count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.truth.sqlite_pages.baseline import Baseline
from harness.truth.sqlite_pages.file_format.image import Image, Words, as_words
from harness.truth.sqlite_pages.file_format.space import space_adds_up
from harness.truth.sqlite_pages.owners import INTERIOR, LEAF, OVERFLOW, POINTER_MAP, TRUNK

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class SharedPages(NamedTuple):
    """The pages that differ, of those that both headers count; arrays of one length."""

    numbers: Numbers
    roles: npt.NDArray[np.uint8]  # what the page was in the baseline
    in_trees: Flags  # whether it was a b-tree page there
    content_differs: Flags  # whether bytes differ that were content of a tree there


@dataclass(frozen=True)
class Changes:
    """The file's pages against the baseline's; each question is worked out once.

    Pages can be compared one to one only where the files are ``alike``: the roles and content of
    pages that differ are for these; where they are not every page is ``touched``.
    """

    baseline: Baseline
    image: Image
    numbers: Numbers  # pages whose bytes differ, of those that both files have, ascending

    @cached_property
    def alike(self) -> bool:
        """Whether pages can be compared one to one."""
        old, new = self.baseline.image.header, self.image.header
        same_maps = old.auto_vacuum == new.auto_vacuum
        return same_maps and (old.page_size, old.reserved) == (new.page_size, new.reserved)

    @property
    def most(self) -> bool:
        """Whether more than half of the baseline's pages differ."""
        return 2 * len(self.numbers) > self.baseline.image.page_count

    @cached_property
    def words(self) -> Words:
        """The file's pages as 64-bit words, a row a page."""
        return as_words(np.frombuffer(self.image.data, np.uint8), self.image.page_size)

    @cached_property
    def free_list(self) -> tuple[list[int], list[int]]:
        """The trunk pages and leaf pages of the file's free list; raises Malformed."""
        return self.image.free_list()

    @cached_property
    def shared(self) -> SharedPages:
        """The pages that differ and that both files count."""
        baseline = self.baseline
        last = min(baseline.image.page_count, self.image.page_count)
        numbers = self.numbers[self.numbers <= last]
        roles = baseline.owners.role[numbers]
        at = numbers - 1
        # one expression: what is worked out on the way is freed while it is still in the cache
        differs = ((baseline.words[at] ^ self.words[at]) & baseline.masks(numbers)).any(axis=1)
        in_trees = (roles == LEAF) | (roles == INTERIOR)
        return SharedPages(numbers, roles, in_trees, np.asarray(differs))

    @property
    def pointer_maps_differ(self) -> bool:
        """Whether a page of the pointer map differs."""
        return bool((self.shared.roles == POINTER_MAP).any())

    @property
    def trunks_differ(self) -> bool:
        """Whether the free list's own pages differ."""
        known = self.numbers[self.numbers <= self.baseline.image.page_count]
        return bool((self.baseline.owners.role[known] == TRUNK).any())

    @cached_property
    def crooked(self) -> list[int]:
        """B-tree pages whose cells are the baseline's and whose free space does not add up."""
        page, occupied = self.image.page, self.baseline.occupied
        same_cells = ~self.shared.content_differs & self.shared.in_trees
        numbers = self.shared.numbers[same_cells].tolist()
        return [n for n in numbers if not space_adds_up(page(n), occupied(n))]

    @cached_property
    def with_other_content(self) -> list[int]:
        """Pages that differ in content, and those that may hold content since the baseline.

        What was free may hold content now, and then all of it counts.
        """
        numbers, roles, in_trees, content_differs = self.shared
        differ = content_differs | (~in_trees & (roles != OVERFLOW))
        last, now = self.baseline.image.page_count, self.image.page_count
        return [*numbers[differ].tolist(), *range(last + 1, now + 1)]

    @cached_property
    def touched(self) -> dict[int, set[int]]:
        """The b-tree pages whose cells may differ, by the root of their tree."""
        if not self.alike:
            return {root: set(self.baseline.walk(root).leaves) for root in self.baseline.roots}
        owners = self.baseline.owners
        touched: dict[int, set[int]] = {}
        for number in self.shared.numbers[self.shared.content_differs].tolist():
            page = int(owners.holder[number]) if owners.role[number] == OVERFLOW else number
            touched.setdefault(int(owners.tree[number]), set()).add(page)
        return touched
