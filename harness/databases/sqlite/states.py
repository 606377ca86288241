"""One state of a SQLite file: what each of its pages is, and to which others it refers.

https://www.sqlite.org/fileformat2.html: free list 1.5, b-trees 1.6, overflow 1.7, pointer maps 1.8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from harness.databases.sqlite.cells import KINDS, LEAVES, NUMBER, TABLES
from harness.databases.sqlite.pages import Image, kind_of
from harness.databases.sqlite.rearranged import NOTHING_MOVED, Moved

Role = Literal["root", "child of a table", "child of an index", "overflow", "free"]
FREE_LIST = "the free list"


class Reference(NamedTuple):
    """That a page is referred to, and how."""

    page: int
    role: Role
    by: int  # number of the page that does; 0 for a root or a free page
    first: bool = False  # whether an overflow page is the first of its chain


@dataclass(slots=True)
class FreeList:
    """The pages on a free list; ``wrong`` says in what it is none."""

    pages: list[int] = field(default_factory=list)
    wrong: str = ""


def free_list(image: Image, count: int) -> FreeList:
    """Read the free list of a file of ``count`` pages as far as it can be followed."""
    found, trunk = FreeList(), image.header_field(32)
    seen: set[int] = set()
    while trunk:
        page = image.page(trunk)
        if trunk in seen or not 1 < trunk <= count or not page:
            return _wrong(found, f"it cannot be followed beyond page {trunk}")
        following, leaves = struct.unpack_from(">II", page)
        if leaves > image.usable // 4 - 2:
            return _wrong(found, f"page {trunk} of it cannot name {leaves} pages")
        named = [trunk, *struct.unpack_from(f">{leaves}I", page, 8)]
        for number in named:
            if number in seen or not 1 < number <= count:
                return _wrong(found, f"page {number} cannot be on it")
            seen.add(number)
        found.pages += named
        trunk = following
    counted = image.header_field(36)
    if counted != len(found.pages):
        return _wrong(found, f"it has {len(found.pages)} pages where the header counts {counted}")
    return found


def _wrong(found: FreeList, why: str) -> FreeList:
    found.wrong = why
    return found


class State:
    """The pages of one state, and what they refer to."""

    def __init__(self, image: Image, count: int, roots: Iterable[int]) -> None:
        """Take the number of pages, and where trees begin (the schema's own at 1)."""
        self.image, self.count = image, count
        self.roots = {1, *roots}
        self.free = free_list(image, count)
        self.free_pages = frozenset(self.free.pages)
        # How many pages a pointer map and the pages that it tells of are; 0 without any.
        self.map_step = image.usable // 5 + 1 if image.header_field(52) else 0
        self.lock_page = (1 << 30) // image.page_size + 1  # carries the locks and holds nothing
        self._kinds: dict[int, int] = {}

    def map_of(self, number: int) -> int:
        """Give the pointer-map page that tells of a page, or would."""
        found = (number - 2) // self.map_step * self.map_step + 2
        return found + (found == self.lock_page)

    def is_map(self, number: int) -> bool:
        """Whether a page is one of the pointer map."""
        return bool(self.map_step) and number > 1 and self.map_of(number) == number

    def uses(self, number: int) -> bool:
        """Whether a page is to hold something."""
        return (
            1 <= number <= self.count
            and number not in self.free_pages
            and number != self.lock_page
            and not (self.map_step and self.is_map(number))
        )

    def used(self, numbers: set[int]) -> set[int]:
        """Give those of the pages that are to hold something."""
        if self.map_step:
            return {number for number in numbers if self.uses(number)}
        beyond = {number for number in numbers if not 1 <= number <= self.count}
        return numbers - beyond - self.free_pages - {self.lock_page}

    def is_tree_page(self, number: int) -> bool:
        """Whether a page looks like one of a b-tree: an overflow page begins with a page number."""
        return self.kind(number) != 0

    def kind(self, number: int) -> int:
        """Give the kind of a b-tree page; 0 for any other."""
        known = self._kinds.get(number)
        if known is None:
            kind = kind_of(self.image, number)
            known = self._kinds[number] = kind if kind in KINDS else 0
        return known

    def references(self, number: int) -> list[tuple[int, Role, int, bool]]:
        """Give to what a page in use refers, each as plain as a Reference; raises Unfollowable."""
        kind = self.kind(number)
        if not kind:
            page = self.image.page(number)
            following = NUMBER.unpack_from(page)[0] if page else 0
            return [(following, "overflow", number, False)] if following else []
        if kind in LEAVES and self.image.refers_to_none(number):
            return []
        node = self.image.node(number)
        role: Role = "child of a table" if kind in TABLES else "child of an index"
        return [(child, role, number, False) for child in node.children] + [
            (chain.first, "overflow", number, True) for chain in node.chains
        ]


def hands(
    before: State,
    now: State,
    rewritten: tuple[set[int], set[int]],
    moved: Moved = NOTHING_MOVED,
) -> tuple[list[Reference], list[Reference]]:
    """Give the references that are gone and those that are new.

    Args:
        before: the baseline.
        now: the live state.
        rewritten: the pages in use whose references may be others, of each state.
        moved: the cells that only moved, and so refer to what they referred to.

    Raises:
        Unfollowable: one of them cannot be read.
    """
    gone = [Reference(page, "free", 0) for page in before.free_pages - now.free_pages]
    new = [Reference(page, "free", 0) for page in now.free_pages - before.free_pages]
    gone += [Reference(page, "root", 0) for page in before.roots - now.roots]
    new += [Reference(page, "root", 0) for page in now.roots - before.roots]
    used_before, used_now = rewritten
    if not now.map_step:  # which says from where a page is referred to
        used_before, used_now = used_before - moved.before, used_now - moved.now
    for number in sorted(used_before | used_now):
        one = before.references(number) if number in used_before else []
        other = now.references(number) if number in used_now else []
        if one != other:
            gone += _without(one, other)
            new += _without(other, one)
    return gone, new


def _without(
    some: list[tuple[int, Role, int, bool]], others: list[tuple[int, Role, int, bool]]
) -> list[Reference]:
    """Leave out what both have; a reference that is there twice is never left out."""
    common = set(others)
    if len(common) != len(others) or len(set(some)) != len(some):
        common = set()
    return [Reference(*reference) for reference in some if reference not in common]
