"""The space of a b-tree page: cells, free blocks and fragments must fill it exactly.

https://www.sqlite.org/fileformat2.html, section 1.6. A page whose space does not add up breaks when
something is next written to it, whatever can still be read.
"""

from __future__ import annotations

import struct
from operator import gt, sub

from harness.databases.sqlite.cells import INTERIORS, Node

_HEADER = struct.Struct(">BHHHB")  # kind, first free block, cells, where cells begin, fragments
_FREE_BLOCK = struct.Struct(">HH")  # the next one, size
_SMALLEST_BYTES = 4  # what a cell takes at least, so that it can become a free block


def same_space(before: bytes, now: bytes, top: int) -> bool:
    """Whether two pages with the same cells in the same places have the same book-keeping.

    False when in doubt: where a free block lies in front of the first cell.
    """
    if before[top : top + 8] != now[top : top + 8]:
        return False
    kind, block, count, _, _ = _HEADER.unpack_from(now, top)
    places = struct.unpack_from(f">{count}H", now, top + (12 if kind in INTERIORS else 8))
    return not block or block > min(places, default=len(now))


def adds_up(page: bytes, node: Node, top: int, usable: int) -> bool:
    """Whether everything on a page has its place and nothing overlaps.

    Args:
        page: its bytes.
        node: its cells.
        top: where its b-tree header begins: 100 on page 1, else 0.
        usable: how many of its bytes SQLite uses.
    """
    kind, block, count, start, fragments = _HEADER.unpack_from(page, top)
    start = start or 65536
    starts, ends = [*node.starts], [*node.ends]
    last = 0
    while block:
        if block < last or block + 4 > usable:
            return False
        following, size = _FREE_BLOCK.unpack_from(page, block)
        if size < _FREE_BLOCK.size:
            return False
        last = block + size
        starts.append(block)
        ends.append(last)
        block = following
    if min(map(sub, ends, starts), default=_SMALLEST_BYTES) < _SMALLEST_BYTES:
        ends = [max(end, at + _SMALLEST_BYTES) for at, end in zip(starts, ends, strict=True)]
    starts.append(usable)
    ends.append(start)
    # Each in order: of what does not overlap each end comes with the next start, or before.
    starts.sort()
    ends.sort()
    array_end = top + (12 if kind in INTERIORS else 8) + 2 * count
    gaps_bytes = sum(starts) - sum(ends)
    return array_end <= start and gaps_bytes == fragments and not any(map(gt, ends, starts))
