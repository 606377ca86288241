"""Where a page's cells lie, so that of a changed page only changed cells are read again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.truth.sqlite_pages.file_format.cells import Cell, Page, shape
from harness.truth.sqlite_pages.file_format.image import NO_CELLS, Content, Entry, KnownCells

_BEYOND = 1 << 20  # a byte after any page's end, so that the arrays are never empty


class CellPlaces(NamedTuple):
    """Where a b-tree page's cells lie, and what those say that do not overflow."""

    content: Content
    starts: npt.NDArray[np.int64]  # first byte of each cell, ascending
    ends: npt.NDArray[np.int64]  # byte after it
    cells: dict[int, Cell]  # by first byte, those that do not overflow
    entries: dict[int, Entry]  # of the same, unless the page is the interior of a table tree

    @classmethod
    def of(cls, content: Content) -> CellPlaces:
        """List the places of a page."""
        cells = content.node.cells
        spans = sorted((cell.at, cell.at + cell.size) for cell in cells)
        starts, ends = np.array([*spans, (_BEYOND, _BEYOND)], np.int64).T
        whole = {cell.at: cell for cell in cells if not cell.overflow}
        with_entries = zip(cells, content.entries, strict=False)
        entries = {cell.at: entry for cell, entry in with_entries if not cell.overflow}
        return cls(content, starts, ends, whole, entries)

    def unchanged(self, now: Page) -> KnownCells:
        """Return the cells that are the same bytes in the page ``now``.

        Cells that continue on overflow pages are left out.
        """
        if shape(now).kind != self.content.node.kind:
            return NO_CELLS
        before = np.frombuffer(self.content.page.data, np.uint8)
        differing = np.flatnonzero(before != np.frombuffer(now.data, np.uint8))
        if 2 * len(differing) > len(before):
            return NO_CELLS
        which = np.searchsorted(self.starts, differing, "right") - 1
        inside = (which >= 0) & (differing < self.ends[which])
        cells, entries = dict(self.cells), dict(self.entries)
        for start in set(self.starts[which[inside]].tolist()):
            cells.pop(start, None)
            entries.pop(start, None)
        return KnownCells(cells, entries)
