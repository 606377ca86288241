"""Whose row a page belongs to that holds the rest of one: nothing on it tells.

So the baseline's b-trees are read, page by page, until each is found. That costs less than to
compare all rows, and is only done where such a page changed in place.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.databases.sqlite.cells import NUMBER, Chain
from harness.databases.sqlite.pages import Image
from harness.databases.sqlite.states import State


def holders_of(state: State, numbers: set[int]) -> tuple[set[int], set[int]]:
    """Find the b-tree pages whose cells continue on overflow pages; and those that nobody has.

    Raises:
        Unfollowable: a page of a b-tree cannot be read.
    """
    left, found = set(numbers), set[int]()
    for number in range(1, state.count + 1):
        if not left:
            break
        if not state.uses(number) or not state.is_tree_page(number):
            continue
        for chain in state.image.node(number).chains:
            held = left.intersection(_pages_of(state.image, chain))
            if held:
                found.add(number)
                left -= held
    return found, left


def _pages_of(image: Image, chain: Chain) -> Iterator[int]:
    """Give the numbers of a chain's pages."""
    number = chain.first
    for _ in range(-(-chain.size_bytes // (image.usable - 4))):
        page = image.page(number)
        if not page:
            return
        yield number
        (number,) = NUMBER.unpack_from(page)
