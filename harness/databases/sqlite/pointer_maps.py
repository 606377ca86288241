"""The pointer maps of a file with auto_vacuum: https://www.sqlite.org/fileformat2.html, 1.8."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from harness.databases.sqlite.states import Reference, State

_ROOT, _FREE, _FIRST, _LATER, _CHILD = 1, 2, 3, 4, 5
_ENTRY = struct.Struct(">BI")  # what the page is, and which one refers to it
_Entry = tuple[int, int]


def wrong_entries(
    before: State,
    now: State,
    differing: set[int],
    new: Sequence[Reference],
) -> list[int]:
    """Give the pages of which the map does not say what is so.

    Args:
        before: the baseline.
        now: the live state.
        differing: numbers of the pages that differ.
        new: the references that are new; what is said of all other pages must be what it was.
    """
    if not now.map_step:
        return []
    right = _right_entries(now, new)
    wrong = [n for n, entry in right.items() if 1 < n <= now.count and _entry(now, n) != entry]
    last = min(before.count, now.count)
    for number in differing:
        if number > 1 and now.is_map(number) and before.is_map(number):
            told_of = range(number + 1, min(last, number + now.map_step - 1) + 1)
            others = (page for page in told_of if page not in right and page != now.lock_page)
            wrong += [page for page in others if _entry(before, page) != _entry(now, page)]
    return sorted(wrong)


def _right_entries(now: State, new: Sequence[Reference]) -> dict[int, _Entry]:
    right: dict[int, _Entry] = {}
    for page, role, by, first in new:
        if role == "overflow":
            right[page] = (_FIRST if first else _LATER, by)
        else:
            right[page] = (_CHILD if by else _FREE if role == "free" else _ROOT, by)
    return right


def _entry(state: State, number: int) -> _Entry:
    """Read what the map says of a page."""
    page = state.map_of(number)
    entry: _Entry = _ENTRY.unpack_from(state.image.page(page), _ENTRY.size * (number - page - 1))
    return entry
