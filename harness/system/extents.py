"""Where the bytes of a file lie on its disk, and so in what two files cannot differ (XFS).

Files that share blocks (reflinks, ioctl_ficlone(2)) hold the same bytes there, unread: whoever
writes one of them is given blocks of its own. The kernel lists them (FIEMAP,
https://docs.kernel.org/filesystems/fiemap.html), once what waits to be written has been. What it
may list and is not to be compared by its place (not written yet, packed, encrypted, in line) is
left to be read. Only XFS is asked, without a second device for its data: of other file systems
nobody has shown here that a place is one of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

_FIEMAP = 0xC020660B
_SYNC = 1  # FIEMAP_FLAG_SYNC: write first what waits to be written
_HEADER, _EXTENT = struct.Struct("=QQLLLL"), struct.Struct("=QQQQQLLLL")
_AT_ONCE = 512  # extents; a database that was written in one piece has a few
_LAST, _MERGED, _SHARED = 0x1, 0x1000, 0x2000  # flags that leave a place comparable
_GEOMETRY, _GEOMETRY_BYTES = 0x80705864, 112  # XFS_IOC_FSGEOMETRY_V1, xfs_fsop_geom_v1
_OF_SECOND_DEVICE = (40, "=Q")  # its realtime blocks
_O_PATH = getattr(os, "O_PATH", 0)


class Extent(NamedTuple):
    """Bytes that lie together."""

    start: int  # in the file
    place: int  # on the disk; -1: nobody can tell
    length: int


def extents_of(descriptor: int) -> list[Extent] | None:
    """List where the bytes of an open file lie, holes left out; None where that says nothing.

    Raises:
        OSError: what waited to be written could not be.
    """
    if not _is_plain_xfs(descriptor):
        return None
    listed: list[Extent] = []
    for start, place, length, flags in _asked(descriptor):
        known = not flags & ~(_LAST | _MERGED | _SHARED)
        last = listed[-1] if listed else Extent(0, -1, 0)
        here = Extent(start, place if known else -1, length)
        if known and last.place >= 0 and _end(last) == (start, place):
            # the kernel parts them by who shares them, which changes with others
            listed[-1] = last._replace(length=last.length + length)
        else:
            listed.append(here)
    return listed


def digest_of(descriptor: int) -> str | None:
    """Give one value for where all bytes of an open file lie; None where nobody can tell."""
    listed = extents_of(descriptor)
    if listed is None or any(extent.place < 0 for extent in listed):
        return None
    return hashlib.sha256(b"".join(struct.pack("=QQQ", *extent) for extent in listed)).hexdigest()


def apart(one: int, other: int) -> list[tuple[int, int]] | None:
    """Give where two open files of one file system may differ: (start, end) in bytes, in order.

    None where that cannot be told, and all of them has to be read. What lies outside the ranges is
    the same in both.

    Raises:
        OSError: what waited to be written could not be.
    """
    if os.fstat(one).st_dev != os.fstat(other).st_dev:
        return None
    first, second = extents_of(one), extents_of(other)
    if first is None or second is None:
        return None
    edges = sorted({edge for extent in (*first, *second) for edge in _edges(extent)})
    found: list[tuple[int, int]] = []
    places = zip(_places(first, edges), _places(second, edges), strict=True)
    for (start, end), (a, b) in zip(pairwise(edges), places, strict=False):
        if a == b and a != -1:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def own_descriptor(status: os.stat_result) -> int | None:
    """Find a descriptor by which this process has that very file open to read; None: it has not.

    For a live database, that SQLite has open: to close one of one's own would drop SQLite's locks.
    It stays whose it was, and must not be used longer than its owner is known to keep it.
    """
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):  # that of the listing itself is closed by now
                number = int(name)
                if os.path.samestat(os.fstat(number), status):
                    flags = fcntl.fcntl(number, fcntl.F_GETFL)
                    if not flags & _O_PATH and flags & os.O_ACCMODE != os.O_WRONLY:
                        return number
    return None


def _end(extent: Extent) -> tuple[int, int]:
    return extent.start + extent.length, extent.place + extent.length


def _edges(extent: Extent) -> tuple[int, int]:
    return extent.start, extent.start + extent.length


def _places(listed: list[Extent], edges: list[int]) -> Iterator[int | None]:
    """Give for each edge where the byte there lies; None in a hole, -1 where nobody can tell."""
    following = iter(listed)
    extent = next(following, None)
    for edge in edges:
        while extent is not None and extent.start + extent.length <= edge:
            extent = next(following, None)
        if extent is None or edge < extent.start:
            yield None
        else:
            yield -1 if extent.place < 0 else extent.place + edge - extent.start


def _asked(descriptor: int) -> Iterator[tuple[int, int, int, int]]:
    """Ask the kernel: start, place, length, flags of each, in order."""
    start, whole = 0, 2**64 - 1
    while True:
        buffer = bytearray(_HEADER.size + _AT_ONCE * _EXTENT.size)
        _HEADER.pack_into(buffer, 0, start, whole - start, _SYNC, 0, _AT_ONCE, 0)
        fcntl.ioctl(descriptor, _FIEMAP, buffer)
        count = _HEADER.unpack_from(buffer)[3]
        for number in range(count):
            fields = _EXTENT.unpack_from(buffer, _HEADER.size + number * _EXTENT.size)
            at, place, length, flags = fields[0], fields[1], fields[2], fields[5]
            yield at, place, length, flags
            start = at + length
            if flags & _LAST:
                return
        if not count:
            return


def _is_plain_xfs(descriptor: int) -> bool:
    """Whether an open file is on an XFS that keeps all data on one device."""
    if sys.platform != "linux":
        return False
    geometry = bytearray(_GEOMETRY_BYTES)
    try:
        fcntl.ioctl(descriptor, _GEOMETRY, geometry)
    except OSError:  # another file system
        return False
    offset, form = _OF_SECOND_DEVICE
    return not struct.unpack_from(form, geometry, offset)[0]
