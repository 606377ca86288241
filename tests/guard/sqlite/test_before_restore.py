"""Every reason to refuse is seen, and what only looks like one is let through."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.errors import RecoveryRefused, RestoreError, UsageError
from harness.guard.sqlite.before_restore import (
    Identity,
    own_identity,
    pair_of,
    refuse_another,
    sound,
)
from harness.guard.sqlite.opening import DAMAGED, as_refusal, unfolded
from tests.recovery.helpers import execute, make

HERE = Path("live"), Path("copy")


def known(tables: str, version: int = 1, application: int = 0) -> Identity:
    """Make an identity of tables with names of one letter."""
    return Identity(application, version, frozenset(tables))


SAME = {
    "equal": (known("abc"), known("abc")),
    "a table dropped": (known("ab"), known("abc")),
    "a table added": (known("abcd"), known("abc")),
    "half renamed": (known("abxy"), known("abcd")),
    "another version": (known("abc", 2), known("abc")),
    "a migration that adds": (known("abcd", 2), known("abc")),
    "another version, a table dropped and one made": (known("abx", 2), known("abc")),
    "emptied": (known("", 0, 5), known("abc", 7)),
    "unreadable": (Identity(3, 3, None), known("abc")),
}
ANOTHER = {
    "application": (known("abc", 1, 5), known("abc")),
    "other tables": (known("xyz"), known("abc")),
    "one table of three": (known("axy"), known("abc")),
    "another version and other tables": (known("axy", 2), known("abc")),
}


@pytest.mark.parametrize("both", SAME.values(), ids=SAME)
def test_what_tests_do_to_their_own_database_is_let_through(
    both: tuple[Identity, Identity],
) -> None:
    """It still is the same database."""
    refuse_another(*both, *HERE)


@pytest.mark.parametrize("both", ANOTHER.values(), ids=ANOTHER)
def test_another_database_is_refused(both: tuple[Identity, Identity]) -> None:
    """The sentence names --force, and both files."""
    with pytest.raises(UsageError, match=r"copy looks like .* than live .*--force"):
        refuse_another(*both, *HERE)


def test_a_damaged_file_keeps_its_wal(folder: Path) -> None:
    """Looking at a file without its header, or an emptied one, folds and removes nothing."""
    path = make(folder, "wal")
    execute(path, "INSERT INTO users VALUES ('in the wal')", fold=False)
    wal = path.with_name(path.name + "-wal")
    frames = wal.read_bytes()
    assert frames
    for data in (b"x" * 9000, b""):
        path.write_bytes(data)
        if data:
            with pytest.raises(DAMAGED), unfolded(path, busy_timeout_ms=0):
                pass
        assert own_identity(path, 0) is None
        assert (path.read_bytes(), wal.read_bytes()) == (data, frames)


def test_a_sound_file_is_left_tidy(folder: Path) -> None:
    """Looking at a sound database in WAL mode leaves no -wal behind."""
    path = make(folder, "wal")
    with unfolded(path, busy_timeout_ms=0) as one:
        assert one.pragma("user_version") == 7
    assert [p.name for p in folder.iterdir()] == [path.name]
    assert own_identity(path, 0) == Identity(11, 7, frozenset({"bots", "users"}))
    assert own_identity(folder / "none", 0) is None


def test_what_only_the_application_knows_is_no_damage(folder: Path) -> None:
    """A collation and a function of its own do not make a backup unsound."""
    path = folder / "own.db"
    connection = apsw.Connection(str(path))
    connection.create_collation("own", lambda a, b: (a > b) - (a < b))
    connection.create_scalar_function("own", lambda x: x, 1, deterministic=True)
    connection.execute(
        "CREATE TABLE c(a COLLATE own PRIMARY KEY) WITHOUT ROWID;"
        "INSERT INTO c VALUES ('x'), ('y');"
        "CREATE TABLE f(a CHECK (own(a)), b AS (own(a))); INSERT INTO f VALUES (1);"
        "CREATE INDEX i ON f(own(a))"
    )
    connection.close()
    assert sound(path, path)["size_bytes"] == path.stat().st_size


def test_a_link_to_a_backup_is_followed(folder: Path) -> None:
    """The name of the newest backup may be a link; one file under two names is refused."""
    path = make(folder, "delete")
    link, copy = folder / "latest", folder / "copy"
    copy.write_bytes(path.read_bytes())
    link.symlink_to(copy)
    assert pair_of(path, link) == (path, copy)
    link.unlink()
    link.symlink_to(path)
    with pytest.raises(UsageError, match="the same file"):
        pair_of(path, link)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (apsw.exception_for(apsw.SQLITE_BUSY), "another connection"),
        (apsw.exception_for(apsw.SQLITE_FULL), "disk full"),
        (PermissionError(13, "denied"), "permission denied"),
        (RecoveryRefused("needs more"), "needs more"),
    ],
)
def test_what_fails_is_one_sentence(error: Exception, word: str) -> None:
    """Of the kind that was asked for; errors that are sentences already pass."""
    for kind in (UsageError, RestoreError):
        with (
            pytest.raises(kind, match=rf"what was done: .*{word}"),
            as_refusal("what was done", kind),
        ):
            raise error
    with pytest.raises(UsageError, match=r"^mine$"), as_refusal("what was done", RestoreError):
        raise UsageError("mine")
