"""Pages that change hands: each must have exactly one owner afterwards."""

from __future__ import annotations

from harness.truth.sqlite_pages.changes import Changes
from harness.truth.sqlite_pages.owners import LOCK, ORPHAN, POINTER_MAP


class PageAccount:
    """Which pages were given up by trees and the free list, and which were taken by them."""

    def __init__(self, changes: Changes) -> None:
        """Begin with nothing given and nothing taken."""
        self.given: list[int] = []
        self.taken: list[int] = []
        self._changes = changes

    def free_list(self) -> None:
        """Enter the free list, where it can have changed; raise Malformed when it is broken."""
        changes = self._changes
        old, new = changes.baseline.image.header, changes.image.header
        moved = (old.first_trunk, old.free_count) != (new.first_trunk, new.free_count)
        if moved or changes.trunks_differ:
            trunks, leaves = changes.free_list
            self.given += changes.baseline.owners.free
            self.taken += trunks + leaves

    def balances(self) -> bool:
        """Whether every page that was given up or is new was taken once, and no other was."""
        image, baseline = self._changes.image, self._changes.baseline
        last, now = baseline.image.page_count, image.page_count
        if not self.given and not self.taken and last == now:
            return True
        given, taken = set(self.given), set(self.taken)
        nobodys = {image.lock_page(), *image.pointer_maps()}
        to_take = {number for number in given if number <= now}
        to_take |= set(range(last + 1, now + 1)) - nobodys
        role = baseline.owners.role
        cut_off = {
            number
            for number in range(now + 1, last + 1)
            if role[number] not in (POINTER_MAP, LOCK, ORPHAN)
        }
        once = len(taken) == len(self.taken)
        # with auto-vacuum a page that changes hands is in the pointer map too
        same_hands = taken == given or not image.header.auto_vacuum
        return once and taken == to_take and cut_off <= given and same_hands
