"""Make a database's present content last a power cut, whoever wrote it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw

from harness.system.files import Files
from harness.system.links import followed


def make_durable(database: Path, files: Files) -> None:
    """Sync the main file, what SQLite keeps beside it, and the folder.

    An application with ``synchronous=OFF``, or in WAL mode with ``NORMAL``, has not waited for the
    disk; and a commit in rollback mode is undone by a journal whose removal did not last
    (https://www.sqlite.org/atomiccommit.html, section 3.11).

    Raises:
        OSError, apsw.Error: it cannot be said that it lasts.
    """
    main = followed(database)
    # through SQLite's own handle: closing one of ours would drop the locks of this process
    file = apsw.VFSFile("", main, [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
    try:
        file.xSync(apsw.SQLITE_SYNC_FULL)
    finally:
        file.xClose()
    for suffix in ("-wal", "-journal"):  # nobody ever locks these
        _sync(main + suffix, files)
    files.sync_folder(Path(main).parent)


def _sync(path: str, files: Files) -> None:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return
        descriptor = files.open(Path(path))
    except FileNotFoundError:
        return
    try:
        files.sync(descriptor)
    finally:
        files.close(descriptor)
