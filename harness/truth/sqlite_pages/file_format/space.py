"""The space of one b-tree page: which of its bytes are content, and whether the rest adds up."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from harness.truth.sqlite_pages.file_format.cells import INTERIORS, Node, Page


class Occupied(NamedTuple):
    """The bytes of a b-tree page that are content."""

    mask: bytes  # as long as the page: ff where content is, 00 in free space
    cell_bytes: int  # that the cells occupy; the mask has fewer where cells overlap


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
    cell_bytes = 0
    for cell in node.cells:
        at, size = cell.at, cell.size
        mask[at : at + size] = b"\xff" * size
        cell_bytes += size
    return Occupied(bytes(mask), cell_bytes)


def occupied_by(spans: Iterable[tuple[int, int]], page_size: int) -> Occupied:
    """Mark cells alone, by first byte and the byte after: enough for ``space_adds_up``."""
    mask = bytearray(page_size)
    cell_bytes = 0
    for at, end in spans:
        mask[at:end] = b"\xff" * (end - at)
        cell_bytes += end - at
    return Occupied(bytes(mask), cell_bytes)


def space_adds_up(page: Page, content: Occupied) -> bool:
    """Whether free blocks, fragments and cells fill the cell area exactly and without overlap."""
    mask, cell_bytes = content
    _, data, usable = page
    top = page.top
    kind, block, count, start, fragments = struct.unpack_from(">BHHHB", data, top)
    start = start or 65536
    end = top + (12 if kind in INTERIORS else 8) + 2 * count
    if start < end or start > usable or mask.find(0xFF, end, start) >= 0:
        return False
    if mask.count(0xFF, end) != cell_bytes:
        return False  # cells overlap
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
