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
import numpy.typing as npt

from harness.truth.sqlite_pages.baseline import (
    INTERIOR,
    LEAF,
    OVERFLOW,
    POINTER_MAP,
    Baseline,
    as_rows,
)
from harness.truth.sqlite_pages.pages import (
    Image,
    Malformed,
    Node,
    occupied,
    short_cells,
    space_adds_up,
)

MOST_PER_PAGE = 16
MOST_FILES = 1024

Found = TypeVar("Found")
Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Key = tuple[object, ...]
Said = tuple[int, int, tuple[bytes, ...]]  # type, right child, cells in key order


class Arrangement(NamedTuple):
    """One content of one page."""

    serial: int
    content: Words  # the page's words, with 0 for what is no content
    mask: Words
    mask_bytes: bytes
    cell_bytes: int  # that the cells of a b-tree page occupy; -1 for another page


class Remembered(Generic[Found]):
    """Findings about files met before, as changes of one baseline. Not for several threads."""

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        self._pages: dict[int, list[Arrangement]] = {}
        self._contents: dict[int, dict[Said, int]] = {}
        self._files: dict[Key, Found] = {}
        self._serial = 0

    def find(self, image: Image, changed: Numbers) -> Found | None:
        """Return what was found when these very contents were met, or None."""
        pages = self._differing(image, changed)
        if pages is None:
            return None
        rows = as_rows(np.frombuffer(image.data, np.uint8), image.page_size)
        met: list[tuple[int, int]] = []
        for number in pages:
            serial = self._met(image, number, rows[number - 1])
            if serial is None:
                return None
            met.append((number, serial))
        return self._files.get(self._key(image, met))

    def keep(self, image: Image, changed: Numbers, nodes: Mapping[int, Node], found: Found) -> None:
        """Remember what was found; ``nodes`` are the b-tree pages among those that differ."""
        pages = self._differing(image, changed)
        if pages is None or len(self._files) >= MOST_FILES:
            return
        rows = as_rows(np.frombuffer(image.data, np.uint8), image.page_size)
        met: list[tuple[int, int]] = []
        for number in pages:
            serial = self._met(image, number, rows[number - 1])
            if serial is None:
                serial = self._learn(image, number, nodes.get(number))
            met.append((number, serial))
        self._files[self._key(image, met)] = found

    def _key(self, image: Image, met: list[tuple[int, int]]) -> Key:
        header = image.header
        free = image.free_list() if header.first_trunk else ()
        settings = tuple(sorted(header.settings.items()))
        formats = (header.schema_format, header.vacuum)
        return image.page_count, settings, formats, str(free), tuple(met)

    def _differing(self, image: Image, changed: Numbers) -> list[int] | None:
        """Give the pages whose content is not the baseline's; None where pages do not suffice."""
        baseline = self._baseline
        last, now = baseline.image.page_count, image.page_count
        if image.page_size != baseline.image.page_size or image.usable != baseline.image.usable:
            return None
        try:
            trunks, leaves = image.free_list()
        except Malformed:
            return None
        free = {*trunks, *leaves}
        here = changed[changed <= min(last, now)]
        roles = baseline.owners.role[here]
        if (roles == POINTER_MAP).any():
            return None
        fresh = as_rows(np.frombuffer(image.data, np.uint8), image.page_size)[here - 1]
        differ = ((baseline.rows[here - 1] ^ fresh) & baseline.masks(here)).any(axis=1)
        tree = (roles == LEAF) | (roles == INTERIOR)
        for number in here[~differ & tree]:
            mask, cell_bytes = baseline.space(int(number))
            page = image.page(int(number))
            if not space_adds_up(page, int(number), image.usable, mask, cell_bytes):
                return None
        # what was free may hold content now, and then all of it counts
        differ |= ~tree & (roles != OVERFLOW)
        pages = [*here[differ].tolist(), *range(last + 1, now + 1)]
        return [number for number in pages if number not in free]

    def _met(self, image: Image, number: int, row: Words) -> int | None:
        """Give the serial number of a page's content, None where it is new or not sound."""
        for known in self._pages.get(number, ()):
            if not ((row ^ known.content) & known.mask).any():
                sound = known.cell_bytes < 0 or space_adds_up(
                    image.page(number), number, image.usable, known.mask_bytes, known.cell_bytes
                )
                return known.serial if sound else None
        return self._met_elsewhere(image, number)

    def _met_elsewhere(self, image: Image, number: int) -> int | None:
        """Look for the same cells in other places of the page."""
        contents = self._contents.get(number)
        if not contents:
            return None
        page = image.page(number)
        try:
            spans = short_cells(page, number, image.usable)
            if spans is None:
                node = image.node(number)
                spans = [(cell.at, cell.at + cell.size) for cell in node.cells]
                said = _said(page, node)
            else:
                said = page[0], 0, tuple([page[at:end] for at, end in spans])
        except Malformed:
            return None
        serial = contents.get(said)
        if serial is None:
            return None
        mask = bytearray(len(page))
        for at, end in spans:
            mask[at:end] = b"\xff" * (end - at)
        cell_bytes = sum([end - at for at, end in spans])
        sound = space_adds_up(page, number, image.usable, bytes(mask), cell_bytes)
        return serial if sound else None

    def _learn(self, image: Image, number: int, node: Node | None) -> int:
        self._serial += 1
        page = image.page(number)
        kinds = self._pages.setdefault(number, [])
        kinds.insert(0, _arranged(self._serial, page, number, node))
        del kinds[MOST_PER_PAGE:]
        if node is not None:
            contents = self._contents.setdefault(number, {})
            if len(contents) >= MOST_PER_PAGE:
                contents.clear()
            contents[_said(page, node)] = self._serial
        return self._serial


def _said(page: bytes, node: Node) -> Said:
    """Give what a b-tree page says, wherever in the page it says it."""
    return node.kind, node.right, tuple([page[c.at : c.at + c.size] for c in node.cells])


def _arranged(serial: int, page: bytes, number: int, node: Node | None) -> Arrangement:
    if node is None:
        mask_bytes, cell_bytes = b"\xff" * len(page), -1
    else:
        mask_bytes = occupied(page, number, node)
        cell_bytes = sum([cell.size for cell in node.cells])
    mask = np.frombuffer(mask_bytes, np.uint64)
    content = np.frombuffer(page, np.uint64) & mask
    return Arrangement(serial, content, mask, mask_bytes, cell_bytes)
