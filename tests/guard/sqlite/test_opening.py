"""Opening a database to look at it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.errors import RecoveryRefused, RestoreError, UsageError
from harness.guard.sqlite.opening import as_refusal, unfolded
from tests.recovery.helpers import make


def test_looking_folds_nothing_and_leaves_nothing(folder: Path) -> None:
    """A -wal that was there stays as it is; where there was none, none is left."""
    database = make(folder, "wal")
    with unfolded(database, busy_timeout_ms=0) as connection:
        connection.execute("SELECT * FROM sqlite_schema").fetchall()
    assert not Path(f"{database}-wal").exists()
    writer = apsw.Connection(str(database))
    writer.execute("CREATE TABLE more (x)")
    wal = Path(f"{database}-wal").read_bytes()
    main = database.read_bytes()
    with unfolded(database, busy_timeout_ms=0) as connection:
        connection.execute("SELECT * FROM more").fetchall()
    assert (Path(f"{database}-wal").read_bytes(), database.read_bytes()) == (wal, main)
    writer.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (apsw.exception_for(apsw.SQLITE_BUSY), "another connection is at work"),
        (OSError(28, "no room"), "disk full"),
        (RecoveryRefused("it is pinned"), "it is pinned"),
    ],
)
def test_whatever_keeps_it_is_one_sentence(error: Exception, told: str) -> None:
    """Of the kind that is asked for, and what is no such error goes through."""
    restoring = as_refusal("db: not restored", RestoreError)
    with pytest.raises(RestoreError, match=f"db: not restored: {told}"), restoring:
        raise error
    with pytest.raises(UsageError), as_refusal("db"):
        raise error
    with pytest.raises(KeyError), as_refusal("db"):
        raise KeyError
