"""The space of one b-tree page: which of its bytes are content, and whether the rest adds up."""

from __future__ import annotations

import struct
from typing import NamedTuple

from harness.truth.sqlite_pages.file_format.cells import INTERIORS, Node, Page


class Occupied(NamedTuple):
    """The bytes of a b-tree page that are content."""

    mask: bytes  # as long as the page: ff where content is, 00 in free space
    cell_bytes: int  # that the cells occupy
    overlap: bool  # whether cells lie on each other or on the pointers


def occupied(page: Page, node: Node) -> Occupied:
    """Mark the content of a b-tree page.

    Content is the page's type, its number of cells, its right child, the pointer array and the
    cells. Where the free blocks and the cell area start is none.
    """
    top = page.top
    mask = bytearray(len(page.data))
    mask[top] = mask[top + 3] = mask[top + 4] = 0xFF
    array = top + 8
    end = array + 2 * len(node.cells) + (4 if node.right else 0)
    mask[array:end] = b"\xff" * (end - array)
    return _marked(page, mask, [(cell.at, cell.at + cell.size) for cell in node.cells])


def occupied_by(page: Page, spans: list[tuple[int, int]]) -> Occupied:
    """Mark a page's cells alone, by first byte and the byte after: enough for ``space_adds_up``."""
    return _marked(page, bytearray(len(page.data)), spans)


def _marked(page: Page, mask: bytearray, spans: list[tuple[int, int]]) -> Occupied:
    """Mark all cells of a page, by first byte and the byte after."""
    cell_bytes = 0
    for at, end in spans:
        mask[at:end] = b"\xff" * (end - at)
        cell_bytes += end - at
    array_end = _array_end(page.top, page.data[page.top], len(spans))
    return Occupied(bytes(mask), cell_bytes, mask.count(0xFF, array_end) != cell_bytes)


def _array_end(top: int, kind: int, count: int) -> int:
    """Return the byte after the pointers to ``count`` cells."""
    return top + (12 if kind in INTERIORS else 8) + 2 * count


def space_adds_up(page: Page, content: Occupied) -> bool:
    """Whether free blocks, fragments and cells fill the cell area exactly and without overlap.

    ``content`` is this page's, or another one's of the same content.
    """
    mask, cell_bytes, overlap = content
    number, data, usable = page
    top = 100 if number == 1 else 0  # as ``page.top``: every page that differs comes by here
    kind, block, count, start, fragments = struct.unpack_from(">BHHHB", data, top)
    start = start or 65536
    end = _array_end(top, kind, count)
    if overlap or start < end or start > usable or mask.find(0xFF, end, start) >= 0:
        return False
    free_bytes, last = 0, start
    while block:
        if block < last or block + 4 > usable:
            return False
        following, size = struct.unpack_from(">HH", data, block)
        last = block + size
        if size < 4 or last > usable or mask.find(0xFF, block, last) >= 0:
            return False
        free_bytes += size
        block = following
    return bool(cell_bytes + free_bytes + fragments == usable - start)
