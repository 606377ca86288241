"""What SQLite's errors are."""

from __future__ import annotations

import apsw
import pytest

from harness.databases.sqlite.errors import describe


@pytest.mark.parametrize(
    ("code", "word", "transient"),
    [
        (apsw.SQLITE_BUSY_SNAPSHOT, "timeout", True),
        (apsw.SQLITE_LOCKED, "timeout", True),
        (apsw.SQLITE_CONSTRAINT_FOREIGNKEY, "foreign-key violation", False),
        (apsw.SQLITE_CONSTRAINT_UNIQUE, "constraint violation", False),
        (apsw.SQLITE_READONLY_DBMOVED, "permission denied", False),
        (apsw.SQLITE_IOERR_FSYNC, "input/output error", True),
        (apsw.SQLITE_FULL, "disk full", True),
        (apsw.SQLITE_NOTADB, "damaged file", False),
        (apsw.SQLITE_MISUSE, "database error", False),
    ],
)
def test_every_code_has_its_word(code: int, word: str, transient: bool) -> None:
    """By the extended code where it says more, else by the primary one."""
    told = describe(apsw.exception_for(code))
    assert told is not None
    assert told[:3] == (word, code, transient)
    assert told.lock is (word == "timeout")


def test_what_is_not_its_own_is_left_to_others() -> None:
    """An error of the system or of Python is none of SQLite's."""
    assert describe(OSError(5, "x")) is None
