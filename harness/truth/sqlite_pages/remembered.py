"""What was judged before need not be judged again: page contents that the judge has met.

Cycle after cycle ends in the same few arrangements of the same cells, with other bytes in free
space. A page is met again when every byte that is content is the same as before (its type, the
number, places and bytes of its cells) and its free space adds up; a file is, when its settings,
its number of pages, its free list and all its changed pages are. The findings follow from these
alone. Only sound files that hold the baseline's rows are remembered, so the memory stays small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from harness.truth.sqlite_pages.changes import Changes
from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.cells import Node, Page, parse, short_cells
from harness.truth.sqlite_pages.file_format.image import Words
from harness.truth.sqlite_pages.file_format.space import (
    Occupied,
    occupied,
    occupied_by,
    space_adds_up,
)

MOST_PER_PAGE = 16
MOST_FILES = 1024

Verdict = TypeVar("Verdict")
FileKey = tuple[object, ...]
CellsKey = tuple[int, int, tuple[bytes, ...]]  # type, right child, cells in key order


class Arrangement(NamedTuple):
    """One content of one page."""

    serial: int
    content: Words  # the page's words, with 0 for what is no content
    mask: Words
    occupied: Occupied | None  # None for a page of no b-tree: all of it is content


class Remembered(Generic[Verdict]):
    """Verdicts on files met before, as changes of one baseline. Not for several threads."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._arrangements: dict[int, list[Arrangement]] = {}  # by page, the last learnt first
        self._serials: dict[int, dict[CellsKey, int]] = {}  # by page
        self._verdicts: dict[FileKey, Verdict] = {}
        self._last_serial = 0

    def find(self, changes: Changes) -> Verdict | None:
        """Return the verdict when these very contents were met, or None."""
        numbers = _telling_pages(changes)
        if numbers is None:
            return None
        contents: list[tuple[int, int]] = []
        for number in numbers:
            serial = self._serial_of(changes, number)
            if serial is None:
                return None
            contents.append((number, serial))
        return self._verdicts.get(_key(changes, contents))

    def keep(self, changes: Changes, nodes: Mapping[int, Node], verdict: Verdict) -> None:
        """Remember a verdict; ``nodes`` are the b-tree pages among those that differ."""
        numbers = _telling_pages(changes)
        if numbers is None or len(self._verdicts) >= MOST_FILES:
            return
        contents: list[tuple[int, int]] = []
        for number in numbers:
            serial = self._serial_of(changes, number)
            if serial is None:
                serial = self._learn(changes.image.page(number), nodes.get(number))
            contents.append((number, serial))
        self._verdicts[_key(changes, contents)] = verdict

    def _serial_of(self, changes: Changes, number: int) -> int | None:
        """Give the serial number of a page's content, None where it is new or not sound."""
        words = changes.words[number - 1]
        for known in self._arrangements.get(number, ()):
            if not ((words ^ known.content) & known.mask).any():
                sound = known.occupied is None or space_adds_up(
                    changes.image.page(number), known.occupied
                )
                return known.serial if sound else None
        if number not in self._serials:
            return None
        return self._serial_of_cells(changes.image.page(number))

    def _serial_of_cells(self, page: Page) -> int | None:
        """Look for the same cells in other places of the page."""
        try:
            spans = short_cells(page)
            if spans is None:
                node = parse(page)
                spans = [(cell.at, cell.at + cell.size) for cell in node.cells]
                cells_key = _cells_key(page, node)
            else:
                data = page.data
                cells_key = data[0], 0, tuple([data[at:end] for at, end in spans])
        except Malformed:
            return None
        serial = self._serials[page.number].get(cells_key)
        if serial is None:
            return None
        return serial if space_adds_up(page, occupied_by(page, spans)) else None

    def _learn(self, page: Page, node: Node | None) -> int:
        """Give a content met for the first time its serial number."""
        self._last_serial += 1
        serial = self._last_serial
        arrangements = self._arrangements.setdefault(page.number, [])
        arrangements.insert(0, _arranged(serial, page, node))
        del arrangements[MOST_PER_PAGE:]
        if node is not None:
            serials = self._serials.setdefault(page.number, {})
            if len(serials) >= MOST_PER_PAGE:
                serials.clear()
            serials[_cells_key(page, node)] = serial
        return serial


def _telling_pages(changes: Changes) -> list[int] | None:
    """Give the pages that tell this file from the baseline; None where pages do not suffice."""
    if not changes.alike:
        return None
    try:
        trunks, leaves = changes.free_list
    except Malformed:
        return None
    if changes.pointer_maps_differ or changes.crooked:
        return None
    free = {*trunks, *leaves}
    return [number for number in changes.with_other_content if number not in free]


def _key(changes: Changes, contents: list[tuple[int, int]]) -> FileKey:
    """Name a file by all that a verdict follows from; ``contents`` are pages and serials."""
    header = changes.image.header
    trunks, leaves = changes.free_list
    settings = tuple(header.settings.items())
    formats = (header.schema_format, header.vacuum)
    return header.page_count, settings, formats, tuple(trunks), tuple(leaves), tuple(contents)


def _cells_key(page: Page, node: Node) -> CellsKey:
    """Give what a b-tree page says, wherever in the page it says it."""
    data = page.data
    return node.kind, node.right, tuple([data[c.at : c.at + c.size] for c in node.cells])


def _arranged(serial: int, page: Page, node: Node | None) -> Arrangement:
    content_bytes = None if node is None else occupied(page, node)
    mask_bytes = b"\xff" * len(page.data) if content_bytes is None else content_bytes.mask
    mask = np.frombuffer(mask_bytes, np.uint64)
    content = np.frombuffer(page.data, np.uint64) & mask
    return Arrangement(serial, content, mask, content_bytes)
