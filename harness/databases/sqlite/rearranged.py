"""Cells that only moved: on their page, or from one to its neighbour.

That is what deleting leaves behind of what was added.
"""

from __future__ import annotations

from typing import NamedTuple

from harness.databases.sqlite.cells import (
    HEADER_BYTES,
    INTERIORS,
    KINDS,
    TABLE_INTERIOR,
    TABLE_LEAF,
)
from harness.databases.sqlite.pages import Image, Unfollowable, kind_of
from harness.databases.sqlite.trees import children_of


class Moved(NamedTuple):
    """What only moved."""

    unchanged: set[int]  # the changed pages on and below which every row is as it was
    before: set[int]  # pages of the baseline all of whose cells are there still
    now: set[int]  # the pages that they, and no others, are on now


NOTHING_MOVED = Moved(set(), set(), set())


def rearranged(before: Image, now: Image, changed: set[int]) -> Moved:
    """Find the changed pages below which the very same rows stand in another arrangement.

    Where an interior page of a table is changed, and the leaves below it that changed, came or
    went hold byte for byte the same cells in the same order, every row below it is as it was.
    """
    within = {number for number in changed if _moved_within(before, now, number)}
    found = Moved({*within}, {*within}, within)
    changed = changed - within
    for number in changed:
        if kind_of(before, number) == TABLE_INTERIOR == kind_of(now, number):
            children, children_now = (children_of(image, number) for image in (before, now))
            head, tail = _common_ends(children, children_now, changed)
            leaves = children[head : len(children) - tail]
            leaves_now = children_now[head : len(children_now) - tail]
            if not (_are_leaves(before, leaves) and _are_leaves(now, leaves_now)):
                continue
            if _same_order(before, now, leaves, leaves_now):
                found.unchanged.update({number} | (changed & {*leaves, *leaves_now}))
                found.before.update(leaves)
                found.now.update(leaves_now)
    return found


def _are_leaves(image: Image, numbers: list[int]) -> bool:
    return all(kind_of(image, number) == TABLE_LEAF and number != 1 for number in numbers)


def _common_ends(old: list[int], new: list[int], changed: set[int]) -> tuple[int, int]:
    """Count the unchanged children that both lists have in common at their heads and tails."""
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head] and old[head] not in changed:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail] not in changed:
        tail += 1
    return head, tail


def _moved_within(before: Image, now: Image, number: int) -> bool:
    """Whether a page holds the same cells in the same order, at other places."""
    kind, top = kind_of(before, number), HEADER_BYTES if number == 1 else 0
    if kind not in KINDS or kind != kind_of(now, number):
        return False
    one, other = before.page(number), now.page(number)
    counts, last_child = slice(top + 3, top + 5), slice(top + 8, top + 12)
    if one[counts] != other[counts]:
        return False
    if kind in INTERIORS and one[last_child] != other[last_child]:
        return False
    try:
        return _same_order(before, now, [number], [number])
    except Unfollowable:
        return False


def _same_order(before: Image, now: Image, numbers: list[int], numbers_now: list[int]) -> bool:
    """Whether b-tree pages hold the very same cells, one after the other.

    A cell's own bytes tell how long it is: what begins with the bytes of one is that one.

    Raises:
        Unfollowable: the cells of one lie outside of it.
    """
    usable = before.usable
    places = [before.places(number) for number in numbers]
    nodes = [now.node(number) for number in numbers_now]
    if usable != now.usable or sum(map(len, places)) != sum(len(node.starts) for node in nodes):
        return False
    cells: list[bytes] = []
    for number, node in zip(numbers_now, nodes, strict=True):
        page = now.page(number)
        cells += [page[at:end] for at, end in zip(node.starts, node.ends, strict=True)]
    met = 0
    for number, starts in zip(numbers, places, strict=True):
        page, expected = before.page(number)[:usable], cells[met : met + len(starts)]
        met += len(starts)
        for at, cell in zip(starts, expected, strict=True):
            if not page.startswith(cell, at):
                return False
    return True
