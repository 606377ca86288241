"""Open a SQLite database to look at it, and say in one sentence what keeps it from being done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from harness.databases.errors import explained, told
from harness.databases.sqlite.files import beside, connect, real, size_of
from harness.errors import RecoveryRefused, RestoreError, UsageError
from harness.guard.locked import note_who
from harness.guard.sqlite.in_use import OpenFile

DAMAGED = (apsw.NotADBError, apsw.CorruptError)


@contextmanager
def unfolded(
    path: Path, *, immutable: bool = False, busy_timeout_ms: int
) -> Iterator[apsw.Connection]:
    """Open a database that SQLite can read; nothing of it is folded."""
    opened = connect(real(path), immutable=immutable, busy_timeout_ms=busy_timeout_ms)
    with closing(opened) as connection:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.pragma("user_version")
        if size_of(beside(real(path), "-wal")) <= 0:  # leave none behind that was not there
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        yield connection


@contextmanager
def as_refusal(
    what: str,
    kind: type[RestoreError | UsageError] = UsageError,
    *,
    database: Path | None = None,
) -> Iterator[None]:
    """Turn what SQLite, the kernel or a recovery says into one sentence for people.

    ``database``: of whose locks is told who holds them.
    """
    try:
        yield
    except apsw.BusyError as error:
        if database is not None:
            note_who(error, OpenFile(database))
        raise kind(
            f"{what}: another connection is at work ({told(error)}); let it end first"
        ) from error
    except (apsw.Error, OSError) as error:
        raise kind(f"{what}: {explained(error)}") from error
    except RecoveryRefused as error:
        raise kind(f"{what}: {error}") from error
