from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from harness.databases.errors import describe, explained, is_transient, told
from harness.errors import RestoreError

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL CHECK (name <> 'bad'));
CREATE TABLE strict (id INTEGER PRIMARY KEY, p REFERENCES parent ON DELETE RESTRICT);
CREATE TABLE lazy (id INTEGER PRIMARY KEY, p REFERENCES parent);
CREATE TABLE late (id INTEGER PRIMARY KEY, p REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE kept (id INTEGER PRIMARY KEY);
CREATE TRIGGER keep BEFORE DELETE ON kept BEGIN SELECT RAISE(ABORT, 'kept for ever'); END;
INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (3, 'c');
INSERT INTO strict VALUES (1, 1);
INSERT INTO lazy VALUES (1, 2);
INSERT INTO late VALUES (1, 3);
INSERT INTO kept VALUES (1);
"""


@pytest.fixture
def database(folder: Path) -> Path:
    """Make a database in which much can be refused."""
    path = folder / "errors.sqlite3"
    connection = apsw.Connection(str(path))
    connection.execute(SCHEMA)
    connection.close()
    return path


def refused(path: Path, sql: str, **how: int) -> apsw.Error:
    """Return the error that a real connection raises for ``sql``."""
    connection = apsw.Connection(str(path), **how)
    connection.pragma("foreign_keys", True)
    try:
        with pytest.raises(apsw.Error) as raised:
            connection.execute(sql).fetchall()
    finally:
        connection.close()
    return raised.value


@pytest.mark.parametrize(
    ("sql", "reason", "code"),
    [
        ("DELETE FROM parent WHERE id=1", "foreign-key violation", apsw.SQLITE_CONSTRAINT_TRIGGER),
        (
            "DELETE FROM parent WHERE id=2",
            "foreign-key violation",
            apsw.SQLITE_CONSTRAINT_FOREIGNKEY,
        ),
        (
            "DELETE FROM parent WHERE id=3",
            "foreign-key violation",
            apsw.SQLITE_CONSTRAINT_FOREIGNKEY,
        ),
        ("DELETE FROM kept", "refused by a trigger", apsw.SQLITE_CONSTRAINT_TRIGGER),
        (
            "INSERT INTO parent VALUES (9, 'a')",
            "constraint violation",
            apsw.SQLITE_CONSTRAINT_UNIQUE,
        ),
        (
            "INSERT INTO parent VALUES (9, 'bad')",
            "constraint violation",
            apsw.SQLITE_CONSTRAINT_CHECK,
        ),
        ("DELETE FROM nowhere", "database error", apsw.SQLITE_ERROR),
    ],
)
def test_what_the_database_refuses(database: Path, sql: str, reason: str, code: int) -> None:
    """Each real refusal has its name and SQLite's extended code, and will not pass by itself."""
    error = refused(database, sql)
    assert describe(error) == (reason, code)
    assert not is_transient(error)


def test_denied_and_read_only(database: Path) -> None:
    """The authorizer's denial and a read-only connection are permission, and do not pass."""
    error = refused(database, "DELETE FROM kept", flags=apsw.SQLITE_OPEN_READONLY)
    assert describe(error) == ("permission denied", apsw.SQLITE_READONLY)
    assert not is_transient(error)
    connection = apsw.Connection(str(database))
    connection.authorizer = lambda action, *_: (
        apsw.SQLITE_DENY if action == apsw.SQLITE_DELETE else apsw.SQLITE_OK
    )
    with pytest.raises(apsw.AuthError) as denied:
        connection.execute("DELETE FROM kept")
    assert describe(denied.value) == ("permission denied", apsw.SQLITE_AUTH)
    assert not is_transient(denied.value)
    connection.close()


def test_locks_pass(database: Path) -> None:
    """Another's lock is a timeout, also when a reader of a WAL database has fallen behind."""
    other = apsw.Connection(str(database))
    other.pragma("journal_mode", "wal")
    other.execute("BEGIN IMMEDIATE")
    error = refused(database, "DELETE FROM lazy")
    assert describe(error) == ("timeout", apsw.SQLITE_BUSY)
    assert is_transient(error)
    other.execute("ROLLBACK")
    behind = apsw.Connection(str(database))
    behind.execute("BEGIN")
    behind.execute("SELECT * FROM lazy").fetchall()
    other.execute("DELETE FROM lazy")
    with pytest.raises(apsw.BusyError) as stale:
        behind.execute("DELETE FROM late")
    assert describe(stale.value) == ("timeout", apsw.SQLITE_BUSY_SNAPSHOT)
    assert is_transient(stale.value)
    behind.close()
    other.close()


def test_full(database: Path) -> None:
    """A database that may not grow says so as a full disk does, and may be given room."""
    error = refused(
        database,
        "PRAGMA max_page_count = 1; CREATE TABLE big (a); INSERT INTO big VALUES (zeroblob(99999))",
    )
    assert describe(error) == ("disk full", apsw.SQLITE_FULL)
    assert is_transient(error)


def test_damage_does_not_pass(folder: Path, database: Path) -> None:
    """No database, or one cut short, is a damaged file; one that is not there cannot be opened."""
    (folder / "text").write_bytes(b"not a database" * 100)
    error = refused(folder / "text", "SELECT * FROM sqlite_schema")
    assert describe(error) == ("damaged file", apsw.SQLITE_NOTADB)
    assert not is_transient(error)
    os.truncate(database, 4096)
    error = refused(database, "SELECT * FROM parent")
    assert describe(error)[0] == "damaged file"
    assert not is_transient(error)
    with pytest.raises(apsw.CantOpenError) as missing:
        apsw.Connection(str(folder / "none" / "x"), flags=apsw.SQLITE_OPEN_READWRITE)
    assert describe(missing.value)[0] == "cannot open the file"


def test_the_kernels_errors(folder: Path) -> None:
    """Real errnos have their names; only those that come and go are worth another attempt."""

    def full() -> None:
        descriptor = os.open("/dev/full", os.O_WRONLY)
        try:
            os.write(descriptor, b"x")
        finally:
            os.close(descriptor)

    def unmapped() -> None:
        descriptor = os.open("/proc/self/mem", os.O_RDONLY)
        try:
            os.read(descriptor, 1)
        finally:
            os.close(descriptor)

    def missing() -> None:
        os.open(folder / "none", os.O_RDONLY)

    def run_plain() -> None:
        plain = folder / "no program"
        plain.write_bytes(b"")
        os.execv(plain, ["x"])  # noqa: S606 - refused, also for root

    cases: list[tuple[Callable[[], object], str, int, bool]] = [
        (full, "disk full", errno.ENOSPC, True),
        (unmapped, "input/output error", errno.EIO, True),
        (missing, "missing file", errno.ENOENT, False),
        (run_plain, "permission denied", errno.EACCES, False),
        (lambda: os.unlink(folder), "file error", errno.EISDIR, False),
    ]
    for action, reason, code, transient in cases:
        with pytest.raises(OSError) as raised:  # noqa: PT011 - what it says is what is tested
            action()
        assert describe(raised.value) == (reason, code)
        assert is_transient(raised.value) is transient


def test_anything_else() -> None:
    """Another error is called by its class, has no code and is not tried again."""
    assert describe(RestoreError("the backup is missing")) == ("RestoreError", 0)
    assert describe(KeyError("x")) == ("KeyError", 0)
    assert not is_transient(RestoreError("x"))
    assert not is_transient(KeyError("x"))
    assert describe(OSError("no errno")) == ("file error", 0)
    assert not is_transient(OSError("no errno"))


def test_an_error_without_a_text_of_its_own_is_told_by_what_it_is() -> None:
    """SQLite says "not an error" of what happened in another layer: nobody is told that."""
    silent = apsw.BusyError("not an error")
    silent.result = silent.extendedresult = apsw.SQLITE_BUSY
    silent.add_note("process 7 holds the lock")
    assert explained(silent) == "timeout (BusyError; process 7 holds the lock)"
    assert told(OSError(errno.EIO, "x")) == "OSError: [Errno 5] x"
