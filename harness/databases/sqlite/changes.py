"""Which pages of a SQLite file may have changed, and so which rowid ranges to compare.

The file formats are SQLite's own: https://www.sqlite.org/fileformat2.html (pages, b-trees, free
list, pointer maps) and https://www.sqlite.org/walformat.html (frames). Nothing here decides that
two rows are equal or differ; it only says where rows need not be looked at, because every page
that holds them is byte for byte the baseline's.

All reads go through SQLite's own open files (``Connection.read``): closing a file of one's own on
a live database would drop the locks that this process holds on it (fcntl(2)).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.databases.sqlite import entries
from harness.databases.sqlite.cells import KINDS, TABLE_PAGES
from harness.databases.sqlite.entries import same_entries, ways_to
from harness.databases.sqlite.pages import EVERY_ROWID, MANY_PAGES, Image, Range, Unfollowable
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
    if root_before != root_now or not pages.isdisjoint({root_now} | tree_before.interior):
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
        return not same_entries(before, now, changed, entries.Roots(root_before, root_now))
    except Unfollowable:
        return True


def changes(before: Image, now: Image, changed: set[int], roots: tuple[Roots, Roots]) -> Changes:
    """Say in which tables, and where in them, rows may differ; ``roots`` are before and now.

    Raises:
        Unfollowable: something cannot be read, or a page changed in place that may hold the rest
            of a long row (an overflow page), and only reading all rows tells whose.
    """
    roots_before, roots_now = roots
    if _overflow_changed(before, now, changed):
        raise Unfollowable("an overflow page changed in place")
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


def _overflow_changed(before: Image, now: Image, changed: set[int]) -> bool:
    """Whether a page differs that may be an overflow page in both states.

    A chain that begins elsewhere or goes another way shows in its leaf or in an earlier page of
    the chain, so a page that is an overflow page in one state only needs no attention. A b-tree
    page is told by its first byte: that of an overflow page is the top byte of a page number.
    """
    if max(image.header_field(28) for image in (before, now)) >= MANY_PAGES:
        return True
    doubtful = {
        number
        for number in changed - {1}
        if (page_before := before.page(number))
        and (page_now := now.page(number))
        and page_before[0] not in KINDS
        and page_now[0] not in KINDS
    }
    if doubtful and before.header_field(52):  # auto_vacuum keeps pointer maps
        doubtful = {number for number in doubtful if not _is_pointer_map(before, number)}
    for image in (before, now):
        if doubtful:
            doubtful -= free_pages(image)
    return bool(doubtful)


def _is_pointer_map(image: Image, number: int) -> bool:
    usable = image.page_size - image.page(1)[20]
    step = usable // 5 + 1
    map_page = (number - 2) // step * step + 2
    locked = (1 << 30) // image.page_size + 1  # the page that carries the locks holds nothing
    return number == map_page + (map_page == locked)


def free_pages(image: Image) -> set[int]:
    """Give the numbers of all pages on the free list, its trunk pages among them."""
    free: set[int] = set()
    trunk = image.header_field(32)
    while trunk:
        page = image.page(trunk)
        if trunk in free or not page:
            raise Unfollowable("the free list cannot be followed")
        following, count = struct.unpack_from(">II", page)
        if count > image.page_size // 4 - 2:
            raise Unfollowable("the free list cannot be followed")
        free.add(trunk)
        free.update(struct.unpack_from(f">{count}I", page, 8))
        trunk = following
    return free
