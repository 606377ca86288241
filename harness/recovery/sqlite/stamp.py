"""By what a main file that nobody has written is known, without reading it.

As git knows a file of its index (https://git-scm.com/docs/racy-git): the time of the last change
of the inode (ctime) moves with every write and nobody can set it back. It moves in steps of some
milliseconds, so a file written just before the stamp was taken could be written again within the
same step: such a stamp is racy and proves nothing. "Just before" is told by the clock of the file
system itself, which wrote the time of the copy.
What it cannot see: a program that writes through a memory map it had made before; SQLite does not.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import apsw

from harness.databases.sqlite.files import HEADER_BYTES, alone, connect
from harness.databases.sqlite.pages import wal_state

RACY_NS = 100_000_000


class Stamp(NamedTuple):
    """What was seen of a main file while nobody could write it."""

    times: tuple[int, ...]  # and which file it is
    header: bytes  # the change counter is in it


def stamp_of(connection: apsw.Connection, main: Path) -> Stamp:
    """Take the stamp; ``connection`` holds a lock that keeps writers away."""
    return Stamp(_times(os.lstat(main)), connection.read("main", 0, 0, HEADER_BYTES)[1])


def is_racy(stamp: Stamp, copied_at_ns: int) -> bool:
    """Whether a write right after could bear the same times; see ``RACY_NS``."""
    *_, changed_at_ns = stamp.times
    return copied_at_ns - changed_at_ns < RACY_NS


def still_bears(main: Path, stamp: Stamp, busy_timeout_ms: int) -> bool:
    """Whether the file is the stamped one and holds all there is, with no writer at work.

    Looked at under the write lock, as every verification is: a transaction that somebody has begun
    is waited for.

    Raises:
        apsw.Error, OSError: it could not be looked at.
    """
    if _times(os.lstat(main)) != stamp.times or not alone(main):
        return False
    with closing(connect(main, busy_timeout_ms=busy_timeout_ms)) as live:
        live.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # what came since is not to be folded
        live.execute("BEGIN IMMEDIATE")
        whole = alone(main)
        same = whole and stamp_of(live, main) == stamp
        live.execute("ROLLBACK")
        # an empty -wal may be another than the one that connections have written: ask them
        state = wal_state(live)
        whole = whole and state is not None and state.frames <= 0
        if whole:
            live.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)  # leave no empty -wal behind
        return same and whole


def _times(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
