"""The account of a file's pages: each that changed belongs to somebody, and is what it must be.

Pages that did not change refer to what they referred to. So it is enough to look at those that
did, at the free list and at where trees begin: what they gave up must have been taken again, each
page once, by a tree, an overflow chain or the free list. Nothing else is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from operator import ge

from harness.databases.sqlite.cells import (
    HEADER_BYTES,
    INDEXES,
    KINDS,
    TABLE_INTERIOR,
    TABLE_LEAF,
    TABLES,
    Node,
)
from harness.databases.sqlite.pages import Unfollowable
from harness.databases.sqlite.pointer_maps import wrong_entries
from harness.databases.sqlite.rearranged import NOTHING_MOVED, Moved
from harness.databases.sqlite.space import adds_up, same_space
from harness.databases.sqlite.states import FREE_LIST, Reference, Role, State, hands

_Bounds = tuple[int, int | None, int | None]
_FITTING: dict[Role, frozenset[int]] = {
    "child of a table": TABLES,
    "child of an index": INDEXES,
    "root": KINDS,
}


class Account:
    """What the changed pages of two states refer to, and in what that does not fit.

    Args:
        before: the baseline.
        now: the live state.
        differing: numbers of the pages that differ.
        altered: those of them whose content does.
        moved: the cells that only moved.
    """

    def __init__(
        self,
        before: State,
        now: State,
        differing: set[int],
        altered: set[int],
        moved: Moved = NOTHING_MOVED,
    ) -> None:
        self._before, self._now, self._moved = before, now, moved
        self._differing, self._altered = differing, altered
        self.suspicions: dict[str, str] = {}  # page, map or list -> what seems to be wrong with it
        self._free_list_changed = self._may_free_list_have_changed()
        last, end = sorted((before.count, now.count))
        # The pages whose references may be others: changed ones, and those freed or taken.
        self._rewritten = {
            *altered,
            *(before.free_pages ^ now.free_pages),
            *range(last + 1, end + 1),
        }
        self._used = before.used(self._rewritten), now.used(self._rewritten)
        self._kept = self._used[0] & self._used[1]

    def _may_free_list_have_changed(self) -> bool:
        before, now, fields = self._before, self._now, slice(32, 40)
        return (
            before.image.page(1)[fields] != now.image.page(1)[fields]
            or before.count != now.count
            or any(not before.kind(n) for n in self._altered)
            or any(not now.kind(n) for n in self._altered)
        )

    def settle(self) -> None:
        """Look at everything that changed; raises Unfollowable where the baseline is unsound."""
        self._check_space()
        # the first entry of a map may look like the kind of a tree's page, and cells like no others
        maps = any(self._now.is_map(number) for number in self._differing)
        trees_moved = self._before.roots != self._now.roots
        if self._rewritten or maps or self._free_list_changed or trees_moved:
            self._check_free_list()
            self._check_hands()

    def _suspect(self, what: str, why: str) -> None:
        self.suspicions.setdefault(what, why)

    # The space of each page.

    def _check_space(self) -> None:
        before, now = self._before.image, self._now.image
        for number in sorted(self._now.used(self._differing)):
            top = HEADER_BYTES if number == 1 else 0
            page = now.page(number)
            if number not in self._altered and same_space(before.page(number), page, top):
                continue
            if not self._now.kind(number):
                continue
            try:
                node = now.node(number)
            except Unfollowable as error:
                self._suspect(f"page {number}", f"cannot be read ({error})")
                continue
            if not adds_up(page, node, top, now.usable):
                self._suspect(f"page {number}", "has cells and free space that do not add up")
            if any(map(ge, node.rowids, node.rowids[1:])):
                self._suspect(f"page {number}", "has rows that are not in order")

    # The free list.

    def _check_free_list(self) -> None:
        wrong = self._now.free.wrong
        if self._free_list_changed and wrong and not self._before.free.wrong:
            self._suspect(FREE_LIST, f"is damaged: {wrong}")

    # Pages that changed hands.

    @cached_property
    def hands(self) -> tuple[list[Reference], list[Reference]]:
        """The references that are gone and those that are new; raises Unfollowable."""
        return hands(self._before, self._now, self._used, self._moved)

    @cached_property
    def taken(self) -> set[int]:
        """The pages that are referred to in a new way."""
        return {reference.page for reference in self.hands[1]}

    def _check_hands(self) -> None:
        before, now = self._before, self._now
        try:
            gone, new = self.hands
        except Unfollowable as error:
            if not self.suspicions:  # else it was said of which page
                self._suspect("a page", f"cannot be read ({error})")
            return
        if gone or new or before.count != now.count:
            self._check_balance(*(Counter(r.page for r in hand) for hand in (gone, new)))
        for reference in new:
            self._check_role(reference)
        for number in sorted(self._kept - self.taken):
            self._check_stayed(number)
        self._check_order()
        for page in wrong_entries(before, now, self._differing, new):
            self._suspect(f"the pointer map's entry of page {page}", "is wrong")

    def _check_balance(self, given: Counter[int], taken: Counter[int]) -> None:
        """Whether each page that was given up or is new was taken once, and no other was."""
        before, last, end = self._before, self._before.count, self._now.count
        come_or_gone = range(min(last, end) + 1, max(last, end) + 1)
        for number in sorted({*given, *taken, *come_or_gone}):
            if not 1 < number <= end:
                # beyond the end: whoever referred to it must have given it up
                if taken[number] or (number > end and before.uses(number) and not given[number]):
                    self._suspect(f"page {number}", "is referred to and is none that can be")
                continue
            to_take = given[number]
            if number > last:
                to_take = int(number != self._now.lock_page and not self._now.is_map(number))
            if taken[number] > to_take:
                self._suspect(f"page {number}", "is used twice")
            elif taken[number] < to_take:
                self._suspect(f"page {number}", "belongs to nobody")

    def _check_role(self, reference: Reference) -> None:
        number, role = reference.page, reference.role
        if role == "free" or not 1 < number <= self._now.count:
            return
        if self._now.kind(number) not in _FITTING.get(role, (0,)):
            self._suspect(f"page {number}", f"is no {role}")

    def _check_stayed(self, number: int) -> None:
        """A page that is referred to as before must be of its kind; of a root the schema tells."""
        was, kind = self._before.kind(number), self._now.kind(number)
        if not kind if number in self._now.roots else was != kind:
            self._suspect(f"page {number}", "has become a page of another kind")

    def _check_order(self) -> None:
        """Rows below an interior page that changed must lie between its keys."""
        rewritten = self._rewritten
        for number in sorted(self._used[1]):
            if self._now.kind(number) != TABLE_INTERIOR:
                continue
            known: set[_Bounds] = set()
            if number in self._kept and self._before.kind(number) == TABLE_INTERIOR:
                known = set(_bounds(self._before.image.node(number)))
            for bounds in _bounds(self._now.image.node(number)):
                if bounds[0] in rewritten or bounds not in known:
                    self._check_between(*bounds)

    def _check_between(self, child: int, low: int | None, high: int | None) -> None:
        if self._now.kind(child) not in TABLES:
            return  # that was said already
        try:
            rowids = self._now.image.node(child).rowids
        except Unfollowable:
            return
        if rowids and (
            (low is not None and rowids[0] <= low) or (high is not None and rowids[-1] > high)
        ):
            self._suspect(f"page {child}", "has rows that belong on another page")

    def misplaced(self) -> dict[str, str]:
        """Where no row differs: the leaves that hold others than they did, and by no right.

        A leaf that is referred to as before covers the rowids that it did.
        """
        below = {
            child
            for number in self._used[1]
            if self._now.kind(number) == TABLE_INTERIOR
            for child in self._now.image.node(number).children
        }
        found = {}
        for number in sorted(self._altered - self.taken - below):
            if number not in self._kept:
                continue
            if self._now.kind(number) == TABLE_LEAF == self._before.kind(number):
                rowids = self._before.image.node(number).rowids
                if rowids != self._now.image.node(number).rowids:
                    found[f"page {number}"] = "has rows that belong on another page"
        return found

    def of_nobody(self, numbers: set[int]) -> dict[str, str]:
        """Give those of the pages, which are in no tree of the baseline's, that still are in none.

        Free pages and pages that have come to be a tree's are somebody's.
        """
        return {
            f"page {number}": "belongs to nobody and was written"
            for number in sorted(numbers)
            if self._before.uses(number) and self._now.uses(number) and number not in self.taken
        }


def _bounds(node: Node) -> Iterator[_Bounds]:
    """Give each child of a table's interior page with the rowid before its first and its last."""
    return zip(node.children, [None, *node.rowids], [*node.rowids, None], strict=True)
