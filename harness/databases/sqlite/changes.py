"""Which pages of a SQLite file may have changed, and so which rowid ranges to compare.

The file formats are SQLite's own: https://www.sqlite.org/fileformat2.html (pages, b-trees, free
list, pointer maps) and https://www.sqlite.org/walformat.html (frames). Nothing here decides that
two rows are equal or differ; it only says where rows need not be looked at, because every page
that holds them is byte for byte the baseline's.

All reads go through SQLite's own open files (``Connection.read``): closing a file of one's own on
a live database would drop the locks that this process holds on it (fcntl(2)).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.databases.sqlite import entries
from harness.databases.sqlite.cells import TABLE_PAGES
from harness.databases.sqlite.entries import same_entries, ways_to
from harness.databases.sqlite.pages import EVERY_ROWID, MANY_PAGES, Image, Range, Unfollowable
from harness.databases.sqlite.states import State
from harness.databases.sqlite.trees import walk


class Roots(NamedTuple):
    """Where the tables of one state begin: name -> number of the root page."""

    rowid: dict[str, int]
    without_rowid: dict[str, int]


@dataclass(slots=True)
class Changes:
    """Where rows may differ; whatever is not named here is the baseline's."""

    ranges: dict[str, list[Range]] = field(default_factory=dict)  # rowid tables; merged, in order
    whole: set[str] = field(default_factory=set)  # WITHOUT ROWID tables
    unfound: set[int] = field(default_factory=set)  # changed pages of tables, in none of these


def table_ranges(
    before: Image, now: Image, changed: set[int], roots: tuple[int | None, int | None]
) -> tuple[list[Range], set[int]]:
    """Give the rowid ranges of one rowid table in which rows may differ between two states.

    A row can differ only if its leaf's bytes differ, or if its leaf belongs to the table in one
    state only, or covers other rowids; and then an interior page or the root differs too.

    Args:
        before: the baseline.
        now: the live state.
        changed: numbers of all pages whose bytes differ.
        roots: the table's root page before and now; None where there is no such table.

    Returns:
        The ranges, merged and in order, and the numbers of the baseline's changed pages in them.

    Raises:
        Unfollowable: a b-tree cannot be read.
    """
    root_before, root_now = roots
    if root_before is None:
        return [EVERY_ROWID], set()
    tree_before = walk(before, root_before, changed)
    pages = (tree_before.interior & changed) | tree_before.leaves.keys()
    if root_now is None:
        return [EVERY_ROWID], pages
    ranges = set(tree_before.leaves.values())
    if root_before != root_now or tree_before.interior & changed:
        all_old, all_new = walk(before, root_before, None), walk(now, root_now, None)
        ranges.update(covered for _, covered in all_old.leaves.items() ^ all_new.leaves.items())
    return _merged(ranges), pages


def entries_differ(
    before: Image, now: Image, changed: set[int], roots: tuple[int | None, int | None]
) -> bool:
    """Whether a WITHOUT ROWID table may have other rows, or in another order; arguments as above.

    Raises:
        Unfollowable: the baseline's tree cannot be read.
    """
    root_before, root_now = roots
    if root_before is None or root_now is None:
        return True
    if root_before == root_now and not ways_to(before, root_before, changed) & changed:
        return False
    try:
        begins = entries.Roots(root_before, root_now)
        return not same_entries(before, now, changed, begins, rows=True)
    except Unfollowable:
        return True


def changes(before: Image, now: Image, changed: set[int], roots: tuple[Roots, Roots]) -> Changes:
    """Say in which tables, and where in them, rows may differ; ``roots`` are before and now.

    Of a page that holds the rest of a long row, and changed in place, the page where that row
    begins must be among ``changed``.

    Raises:
        Unfollowable: something cannot be read.
    """
    roots_before, roots_now = roots
    followed = Changes()
    owned = {number for number in changed if before.page(number)[:1] in TABLE_PAGES}
    for name in dict.fromkeys((*roots_before.rowid, *roots_now.rowid)):
        table_roots = (roots_before.rowid.get(name), roots_now.rowid.get(name))
        if table_roots[0] == table_roots[1] and not owned:
            continue  # every page that can be this table's has been found to be another's
        ranges, pages = table_ranges(before, now, changed, table_roots)
        owned -= pages
        if ranges:
            followed.ranges[name] = ranges
    for name in dict.fromkeys((*roots_before.without_rowid, *roots_now.without_rowid)):
        table_roots = (roots_before.without_rowid.get(name), roots_now.without_rowid.get(name))
        if entries_differ(before, now, changed, table_roots):
            followed.whole.add(name)
    followed.unfound = owned
    return followed


def _merged(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def overflow_changed(before: State, now: State, changed: set[int]) -> set[int]:
    """Give the changed pages that are overflow pages in both states.

    A chain that begins elsewhere or goes another way shows in its leaf or in an earlier page of
    the chain, so a page that is an overflow page in one state only needs no attention.

    Raises:
        Unfollowable: there are so many pages that one cannot be told from one of a b-tree.
    """
    if max(before.count, now.count) >= MANY_PAGES:
        raise Unfollowable("an overflow page can begin as one of a b-tree does")
    return {
        number
        for number in changed
        if not before.is_tree_page(number)
        and not now.is_tree_page(number)
        and before.uses(number)
        and now.uses(number)
    }
