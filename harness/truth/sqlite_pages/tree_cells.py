"""The cells of a b-tree before and now, where they can differ.

Leaves that both trees have and that are untouched hold the same cells. What lies between two of
them is one segment: its cells in key order, before and now, are what is to be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from harness.truth.sqlite_pages.file_format.btree import Item, Walk, check_bounds, walk
from harness.truth.sqlite_pages.file_format.image import Content, Entry
from harness.truth.sqlite_pages.file_format.records import SchemaObject
from harness.truth.sqlite_pages.live_file import LiveFile
from harness.truth.sqlite_pages.owners import LEAF
from harness.truth.sqlite_pages.page_account import PageAccount


class Segment(NamedTuple):
    """A stretch of one tree in key order."""

    before: list[Entry]
    now: list[Entry]


class TreeCells:
    """Reads trees before and now, and accounts for the pages they gave up and took."""

    def __init__(self, live: LiveFile, account: PageAccount) -> None:
        """Enter the pages of every tree that is read in ``account``."""
        self.rebuilt: list[SchemaObject] = []  # trees whose interior or root is another one
        self._live = live
        self._changes = live.changes
        self._account = account

    def unequal(self, relation: SchemaObject, root: int) -> list[Segment]:
        """Return what differs between a tree of the baseline and the tree at ``root`` now."""
        touched = self._changes.touched.get(relation.root, set())
        if root == relation.root and self._in_place(touched):
            segments = [self._of_leaf(number) for number in sorted(touched)]
        else:
            self.rebuilt.append(relation)
            segments = self._of_rebuilt(relation, root, touched)
        return [segment for segment in segments if segment.before != segment.now]

    def vanished(self, root: int) -> None:
        """Account for the pages of a tree that is not there any more."""
        self._give(self._changes.baseline.walk(root), set())

    def appeared(self, root: int) -> None:
        """Account for the pages of a tree that was not there before."""
        self._take(walk(self._changes.image, root, self._live.content), set())

    def _in_place(self, touched: set[int]) -> bool:
        """Whether only leaves are touched, and all of them are leaves still."""
        old, new = self._changes.baseline.image, self._changes.image
        role = self._changes.baseline.owners.role
        if not self._changes.alike:
            return False
        if any(role[number] != LEAF or number > new.page_count for number in touched):
            return False
        return all(new.type_byte(number) == old.kind(number) for number in touched)

    def _of_leaf(self, number: int) -> Segment:
        old, new = self._changes.baseline.content(number), self._live.content(number)
        self._account.given += old.chains
        self._account.taken += new.chains
        return Segment(old.entries, new.entries)

    def _of_rebuilt(self, relation: SchemaObject, root: int, touched: set[int]) -> list[Segment]:
        """Walk a tree before and now; what lies between leaves that both have must be equal.

        A tree whose cells are the baseline's, in this order, is sound when its pages also add up,
        have one owner each and hold the rowids that the interior sends there: all checked here.
        """
        old = self._changes.baseline.walk(relation.root)
        new = walk(self._changes.image, root, self._live.content)
        kept = old.leaves.keys() & new.leaves.keys() - touched if self._changes.alike else set()
        if [i for i in old.items if i in kept] != [i for i in new.items if i in kept]:
            kept = set()
        before, now = self._give(old, kept), self._take(new, kept)
        for number, bounds in new.leaves.items() - old.leaves.items():
            entries = now[number] if number in now else self._live.content(number).entries
            check_bounds(number, entries, bounds)
        runs = zip(_between(old.items, kept), _between(new.items, kept), strict=True)
        return [
            Segment(_entries(old_run, before), _entries(new_run, now))
            for old_run, new_run in runs
            if old_run or new_run
        ]

    def _give(self, tree: Walk, kept: set[int]) -> dict[int, list[Entry]]:
        """Account for the pages of a tree before; return the entries of leaves not ``kept``."""
        return _enter(self._account.given, tree, kept, self._changes.baseline.content)

    def _take(self, tree: Walk, kept: set[int]) -> dict[int, list[Entry]]:
        """Account for the pages of a tree now; return the entries of leaves not ``kept``."""
        return _enter(self._account.taken, tree, kept, self._live.content)


def _enter(
    side: list[int], tree: Walk, kept: set[int], read: Callable[[int], Content]
) -> dict[int, list[Entry]]:
    """Enter a tree's pages, but leaves ``kept``, on a side of an account; return their entries."""
    side += tree.interiors
    for chain in tree.interiors.values():
        side += chain
    entries = {}
    for number in tree.leaves.keys() - kept:
        content = read(number)
        side += (number, *content.chains)
        entries[number] = content.entries
    return entries


def _between(items: list[Item], kept: set[int]) -> list[list[Item]]:
    """Cut a walk at the leaves that both trees have."""
    runs: list[list[Item]] = [[]]
    for item in items:
        if item in kept:
            runs.append([])
        else:
            runs[-1].append(item)
    return runs


def _entries(run: list[Item], leaves: dict[int, list[Entry]]) -> list[Entry]:
    """List the cells of a run of leaves and interior payloads."""
    entries: list[Entry] = []
    for item in run:
        if isinstance(item, bytes):
            entries.append((0, item))
        else:
            entries += leaves[item]
    return entries
