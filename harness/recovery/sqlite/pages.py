"""Every page of one SQLite database into another, by SQLite's backup API.

https://www.sqlite.org/backup.html
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import apsw

from harness.databases.sqlite.files import WAL_VERSIONS, connect
from harness.errors import RestoreError

_PAGE_SIZE_AND_MODE = (16, 4)  # offset and length in the header


def pages_in(baseline: Path, main: Path, *, vfs: str | None, busy_timeout_ms: int) -> None:
    """Write the pages of ``baseline`` into the live database, in one transaction.

    ``baseline`` is read without its -wal: it may be the live database's own main file, where a lock
    keeps every writer from it.

    Raises:
        RestoreError, OSError, apsw.Error: nothing was changed.
        apsw.BusyError: a writer, or in rollback mode a reader, did not finish in time.
    """
    source = connect(baseline, vfs=vfs, immutable=True)
    try:
        target = connect(main, vfs=vfs, busy_timeout_ms=busy_timeout_ms)
        try:
            with suppress(apsw.SQLError, apsw.CorruptError):  # it parses the schema; no matter
                # a journal whose removal did not last would roll back what was cut off already
                target.execute("PRAGMA synchronous=EXTRA").fetchall()
            if _align(source, target):
                keep_few_pages(target)  # in rollback mode it would cost an fsync every few
            copy_pages(source, target)
        finally:
            target.close()
    finally:
        source.close()


def copy_pages(source: apsw.Connection, target: apsw.Connection) -> None:
    """Copy every page in one step, that is, in one transaction of each side."""
    keep_few_pages(source)
    with target.backup("main", source, "main") as backup:
        backup.step(-1)
        if not backup.done:
            raise RestoreError("SQLite's backup stopped before the last page")


def keep_few_pages(connection: apsw.Connection) -> None:
    """Keep no cache: every page is met once, and fresh memory costs more than the page's copy.

    The pragma parses the schema, which copying pages does not; one that is malformed is no reason
    to refuse, it only makes it slower.
    """
    with suppress(apsw.SQLError, apsw.CorruptError):
        connection.pragma("cache_size", 10)


def _align(source: apsw.Connection, target: apsw.Connection) -> bool:
    """Leave WAL mode where the backup API could not; whether the target is in it now.

    A target in WAL mode stays in it and refuses another page size; one in rollback mode takes
    both from the source's pages. The header of the main file knows them in either mode. While
    others are connected nobody leaves WAL mode: then the rows are put back in it.
    """
    target.pragma("user_version")  # a read that parses no schema: rolls a hot journal back
    live = target.read("main", 0, *_PAGE_SIZE_AND_MODE)[1]
    wanted = source.read("main", 0, *_PAGE_SIZE_AND_MODE)[1]
    if live[2:] != WAL_VERSIONS:
        return False
    if live == wanted:
        return True
    try:
        return bool(target.pragma("journal_mode", "delete") != "delete")
    except apsw.BusyError:
        if live[:2] != wanted[:2]:
            raise
        return True
