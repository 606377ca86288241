"""How big a SQLite database is with all that is committed, and whether anybody has written to it.

Nothing is changed by asking, and nobody's lock is lost: what SQLite locks is not opened here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import apsw

from harness.databases.sqlite.session import connect

_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24

State = tuple[int, int]  # size in bytes, time of change in ns; (0, 0) without a file


def page_count(database: Path) -> int:
    """Count the database's pages, the -wal folded in, and leave both as they are."""
    pages = _committed_pages(Path(f"{database}-wal"))
    if pages:
        return pages
    connection = connect(database, busy_timeout_ms=1000)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        return int(connection.pragma("page_count"))
    finally:
        connection.close()


def _committed_pages(wal: Path) -> int:
    """Read from a -wal how many pages its last commit left; 0 where that cannot be told.

    A frame's header holds it, with the salts of the -wal's own header unless it is an older one's
    (https://www.sqlite.org/walformat.html). Nobody ever locks a -wal, so it can be opened here.
    """
    try:
        with wal.open("rb") as file:
            header = file.read(_WAL_HEADER_BYTES)
            step = _FRAME_HEADER_BYTES + int.from_bytes(header[8:12], "big")
            place = (os.fstat(file.fileno()).st_size - _WAL_HEADER_BYTES) // step - 1
            while len(header) == _WAL_HEADER_BYTES and place >= 0:
                file.seek(_WAL_HEADER_BYTES + place * step)
                frame = file.read(_FRAME_HEADER_BYTES)
                pages = int.from_bytes(frame[4:8], "big")
                if pages and frame[8:16] == header[16:24]:
                    return pages
                place -= 1
    except FileNotFoundError:
        pass
    return 0


def states(database: Path, suffixes: Sequence[str] = ("", "-wal")) -> tuple[State, ...]:
    """By what it is seen that somebody wrote: size and time of change of each file."""
    return tuple(_state(f"{database}{suffix}") for suffix in suffixes)


def _state(path: str) -> State:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


__all__ = ["State", "page_count", "states"]
