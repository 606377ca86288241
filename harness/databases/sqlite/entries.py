"""The entries of an index, or the rows of a table WITHOUT ROWID, in two states of a database.

An index holds what its table's rows say, so where these are the baseline's its entries must be the
baseline's too, and in the same order: then it matches its table as it did, whatever a collation or
a function of the application's says, which need not be known here.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from harness.databases.sqlite.cells import INDEX_INTERIOR, INDEX_LEAF
from harness.databases.sqlite.overflow import entries_of
from harness.databases.sqlite.pages import DEEPEST, Image, Unfollowable, kind_of
from harness.databases.sqlite.records import values_of
from harness.databases.sqlite.trees import children_of

# An entry; or a whole subtree that both states share, by the number of its first page.
Piece = bytes | int


class Roots(NamedTuple):
    """Where a tree of entries begins in both states."""

    before: int
    now: int


def ways_to(image: Image, root: int, changed: set[int]) -> set[int]:
    """Give the changed pages of a tree of entries, and all pages above them.

    No leaf is read but the leftmost, which tells that all at its depth are leaves.

    Raises:
        Unfollowable: what is read is no such tree.
    """
    above_leaves = _height(image, root) - 1
    found: set[int] = set()

    def leads(number: int, depth: int) -> bool:
        hit = number in changed
        if depth <= above_leaves:
            if kind_of(image, number) != INDEX_INTERIOR:
                raise Unfollowable(f"page {number} is not an interior page of this b-tree")
            below = children_of(image, number)
            if depth < above_leaves:
                for child in below:
                    hit |= leads(child, depth + 1)
            else:
                leaves = changed.intersection(below)
                found.update(leaves)
                hit |= bool(leaves)
        if hit:
            found.add(number)
        return hit

    leads(root, 0)
    return found


def _height(image: Image, root: int) -> int:
    """Count the levels of interior pages."""
    number = root
    for height in range(DEEPEST):
        kind = kind_of(image, number)
        if kind == INDEX_LEAF:
            return height
        if kind != INDEX_INTERIOR:
            break
        number = children_of(image, number)[0]
    raise Unfollowable(f"page {number} is none of a tree of entries")


def same_entries(
    before: Image, now: Image, changed: set[int], roots: Roots, *, rows: bool = False
) -> bool:
    """Whether a tree holds the very same entries in the very same order in both states.

    Args:
        before: the baseline.
        now: the live state.
        changed: the numbers of all pages whose content differs, of an overflow page that of the
            page whose cell it continues.
        roots: where it begins.
        rows: it is a table, of whose numbers the type counts; an index may write 1.0 for 1.

    Raises:
        Unfollowable: a tree cannot be read.
    """
    dirty = changed | ways_to(before, roots.before, changed)
    one, other = _Unfolding(before, roots.before), _Unfolding(now, roots.now)
    for side in (one, other):
        while side.pages & dirty:
            side.open(side.pages & dirty)
    while apart := one.pages ^ other.pages:
        one.open(one.pages & apart)
        other.open(other.pages & apart)
    if one.pieces == other.pieces:
        return True
    if len(one.pieces) != len(other.pieces):
        return False
    pairs = zip(one.pieces, other.pieces, strict=True)
    return all(_same(*pair, typed=rows) for pair in pairs)


class _Unfolding:
    """A tree in order, unfolded as far as asked."""

    def __init__(self, image: Image, root: int) -> None:
        self._image = image
        self._opened: set[int] = set()
        self.pieces: list[Piece] = [root]
        self.pages = {root}  # those among the pieces

    def open(self, numbers: set[int]) -> None:
        """Put what stands on these pages in their place."""
        if numbers & self._opened:
            raise Unfollowable(f"page {min(numbers & self._opened)} is met twice in one b-tree")
        self._opened |= numbers
        pieces: list[Piece] = []
        for piece in self.pieces:
            if isinstance(piece, bytes) or piece not in numbers:
                pieces.append(piece)
            else:
                pieces += self._content(piece)
        self.pieces = pieces
        self.pages = {piece for piece in pieces if isinstance(piece, int)}

    def _content(self, number: int) -> list[Piece]:
        node = self._image.node(number)
        if node.kind not in (INDEX_INTERIOR, INDEX_LEAF):
            raise Unfollowable(f"page {number} is none of a tree of entries")
        entries: list[Piece] = [*entries_of(self._image, number)]
        if not node.children:
            return entries
        pieces: list[Piece] = [node.children[0]]
        for entry, child in zip(entries, node.children[1:], strict=True):
            pieces += (entry, child)
        return pieces


def _typed(entry: bytes) -> list[tuple[int, str]]:
    # 1 is not 1.0, 0.0 is not -0.0, and a text is no blob of the same bytes
    return [(kind, repr(value)) for kind, value in values_of(entry)]


def _same(one: Piece, other: Piece, *, typed: bool) -> bool:
    """Whether two entries say the same: a number can be written in more ways than one."""
    if one == other:
        return True
    if isinstance(one, int) or isinstance(other, int):
        return False
    try:
        if typed:
            return _typed(one) == _typed(other)
        return values_of(one) == values_of(other)
    except (IndexError, struct.error):  # no record at all
        return False
