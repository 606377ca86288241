"""Which processes hold a lock on a file for writing, as the kernel lists them (Linux)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.system.holders import holders

LOCKS = "/proc/locks"  # proc(5); of every user, also where the files they have open do not show


def lockers(path: Path) -> set[int]:
    """Give the ids of the processes that hold ``path`` locked for writing; none where unknown.

    Locks of an open file description (OFD) name nobody. The kernel names the device of the file
    system's root, which is not the file's own on btrfs: there, whoever has the file open counts.
    """
    try:
        status = os.stat(path)
        lines = Path(LOCKS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    found: set[int] = set()
    doubtful: set[int] = set()
    for line in lines:
        with suppress(ValueError):  # a line of those who wait has one word more
            _, kind, _, access, pid, place, *_ = line.split()
            major, minor, inode = place.split(":")
            if kind != "POSIX" or access != "WRITE" or int(inode) != status.st_ino:
                continue
            device = os.makedev(int(major, 16), int(minor, 16))
            (found if device == status.st_dev else doubtful).add(int(pid))
    found |= doubtful & holders(path) if doubtful else set()
    return {pid for pid in found if pid > 0}  # 0: of another namespace
