"""One b-tree from left to right: its interior pages, its leaves and their bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.cells import INTERIOR_INDEX, INTERIORS, LEAF_OF
from harness.truth.sqlite_pages.file_format.image import Content, Entry, Image

_DEEPEST = 64  # SQLite's own limit is 20

Bounds = tuple[int | None, int | None]  # rowids: greater than the first, at most the second
Item = int | bytes  # a leaf page, or the payload of an interior cell of an index tree


@dataclass(slots=True)
class Walk:
    """One b-tree from left to right."""

    items: list[Item] = field(default_factory=list)
    leaves: dict[int, Bounds] = field(default_factory=dict)  # by page
    interiors: dict[int, list[int]] = field(default_factory=dict)  # page -> its overflow pages
    depths: set[int] = field(default_factory=set)  # of the leaves


def walk(image: Image, root: int, read: Callable[[int], Content]) -> Walk:
    """Walk a b-tree's interior, each page by ``read``; leaves are not read.

    In table trees each leaf comes with its bounds; None where there is none. Raises Malformed when
    pages repeat, or mix kinds or depths.
    """
    walker = _Walker(image, read)
    tree = walker.tree
    kind = image.kind(root)
    if kind in INTERIORS:
        walker.descend(root, (None, None), 1)
    else:
        walker.add_leaves([root], [None, None], kind)
        tree.items.append(root)
    if len(tree.depths) > 1:
        raise Malformed(f"the tree of page {root}: leaves at different depths")
    return tree


class _Walker:
    """A walk under way."""

    def __init__(self, image: Image, read: Callable[[int], Content]) -> None:
        self.tree = Walk()
        self._image = image
        self._read = read

    def descend(self, number: int, bounds: Bounds, depth: int) -> None:
        """Add the part of the tree that is below an interior page."""
        image, tree = self._image, self.tree
        if number in tree.interiors or depth > _DEEPEST:
            raise Malformed(f"page {number} is twice in its tree")
        _, node, entries, tree.interiors[number] = self._read(number)
        children = [*(cell.child for cell in node.cells), node.right]
        keys = [bounds[0], *(cell.rowid for cell in node.cells), bounds[1]]
        if node.kind == INTERIOR_INDEX:
            keys = [None] * len(keys)
        if image.kind(children[0]) not in INTERIORS:
            tree.depths.add(depth)
            self.add_leaves(children, keys, LEAF_OF[node.kind])
            tree.items += _woven(children, entries)
            return
        for at, child in enumerate(children):
            if image.kind(child) != node.kind:
                raise Malformed(f"page {child}: a stranger in its tree (type {image.kind(child)})")
            self.descend(child, (keys[at], keys[at + 1]), depth + 1)
            if at < len(entries):
                tree.items.append(entries[at][1])

    def add_leaves(self, children: list[int], keys: list[int | None], kind: int) -> None:
        """Add sibling leaves of one ``kind``; ``keys`` are the bounds before, between and after."""
        image, leaves = self._image, self.tree.leaves
        if min(children) < 1 or max(children) > image.page_count:
            raise Malformed(f"a page of {children} does not exist: there are {image.page_count}")
        count_before = len(leaves)
        for child, low, high in zip(children, keys, keys[1:], strict=False):
            if image.kind(child) != kind:
                raise Malformed(f"page {child}: a stranger in its tree (type {image.kind(child)})")
            leaves[child] = low, high
        if len(leaves) != count_before + len(children):
            raise Malformed(f"a page of {children} is twice in its tree")


def _woven(children: list[int], entries: list[Entry]) -> list[Item]:
    """Put the payloads of an interior index page between its children."""
    if not entries:
        return list(children)
    items: list[Item] = []
    for child, (_, payload) in zip(children, entries, strict=False):
        items += (child, payload)
    return [*items, children[-1]]


def check_bounds(number: int, entries: list[Entry], bounds: Bounds) -> None:
    """Raise Malformed when a leaf of a table tree holds rowids that its parents place elsewhere.

    Leaves of index trees have no bounds.
    """
    low, high = bounds
    rowids = [rowid for rowid, _ in entries]
    if rowids and (
        (low is not None and min(rowids) <= low) or (high is not None and max(rowids) > high)
    ):
        raise Malformed(f"page {number}: rowids {min(rowids)} to {max(rowids)} are out of place")
