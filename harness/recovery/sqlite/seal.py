"""What a backup file must be when it is put back: its size, and its hash or its blocks.

A reflink is not read to be sealed. It shares its blocks on the disk with another file, and whoever
writes there is given blocks of their own, so where its bytes lie tells whether it was written. In
place they can be written only once no other file has them; then the file's own times tell, which
move with every write and which nobody can set back (ctime). Where its second name is another
reflink, the two vouch for each other: one that was renamed, or whose owner or mode was set anew, is
still known by its blocks.

What takes it for altered though it is not: a defragmenter that meanwhile puts its bytes elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from harness.system.extents import digest_of


class Times(NamedTuple):
    """Which file it was, and when anything of it was last changed."""

    inode: int
    changed_at_ns: int


class Seal(NamedTuple):
    """What a backup file must be when it is put back."""

    size_bytes: int
    sha256: str = ""  # "": it is a reflink, which the others tell of
    extents: str = ""
    times: tuple[Times, ...] = ()  # of each of its files

    def described(self) -> dict[str, Any]:
        """Say it for a journal; JSON can hold it."""
        if self.sha256:
            return {"size_bytes": self.size_bytes, "sha256": self.sha256}
        return {
            "size_bytes": self.size_bytes,
            "extents": self.extents,
            "times": [list(times) for times in self.times],
        }


def seal_in(description: Mapping[str, Any]) -> Seal | None:
    """Take back what ``described`` said; None for anything else."""
    size_bytes, sha256 = description.get("size_bytes"), description.get("sha256")
    if type(size_bytes) is not int:
        return None
    if isinstance(sha256, str) and sha256:
        return Seal(size_bytes, sha256)
    extents, times = description.get("extents"), description.get("times")
    if not isinstance(extents, str) or not extents or not isinstance(times, list):
        return None
    for one in times:
        if not isinstance(one, list) or [type(number) for number in one] != [int, int]:
            return None
    return Seal(size_bytes, "", extents, tuple(Times(*one) for one in times))


def seal_of_clones(size_bytes: int, *descriptors: int) -> Seal | None:
    """Seal open files that are reflinks of each other, or one alone, unread; None: no such ones.

    Raises:
        OSError: where they lie could not be asked.
    """
    extents = {digest_of(descriptor) for descriptor in descriptors}
    times = tuple(map(_times, descriptors))
    known = extents.pop()
    if known is None or extents or len({one.inode for one in times}) < len(times):
        return None
    return Seal(size_bytes, "", known, times)


def is_unwritten(descriptor: int, seal: Seal, others: Iterable[int]) -> bool:
    """Whether an open reflink has the blocks that were sealed, and nobody can have written them.

    ``others``: the open files that may share them.
    """
    with suppress(OSError):  # it cannot be told
        if digest_of(descriptor) != seal.extents:
            return False
        if _times(descriptor) in seal.times:
            return True
        me = os.fstat(descriptor)
        return any(
            not os.path.samestat(os.fstat(other), me) and digest_of(other) == seal.extents
            for other in others
        )
    return False


def _times(descriptor: int) -> Times:
    status = os.fstat(descriptor)
    return Times(status.st_ino, status.st_ctime_ns)
