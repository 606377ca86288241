"""Look at a SQLite file without harm to what a killed guard has pinned in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.databases.sqlite.files import MainFile
from harness.errors import RestoreError
from harness.guard.journal import AtWork
from harness.guard.leftovers import captured_by_the_dead, hold_pins, known_again
from harness.guard.resumed import Resumed
from harness.guard.sqlite.target import FileTarget


@contextmanager
def undisturbed(target: FileTarget) -> Iterator[None]:
    """Hold what a killed guard has pinned, while somebody looks at the database.

    Its last connection to close would write the test data into the only copy of the baseline.
    """
    journal = target.journal
    backups: list[Resumed] = []
    held: MainFile | None = None
    try:
        if target.given.is_file() and not journal.replaced and _may_be_pinned(target):
            held = MainFile(target.database)  # whatever the journal says: no close is the last
            held.shared()
        with suppress(AtWork, RestoreError):  # alive, it holds them itself; or nobody can tell
            entries = journal.adopt()
            if captured_by_the_dead(entries):
                backups = known_again(target, entries[-1])
                hold_pins(backups)
        yield
    finally:
        for backup in backups:
            backup.recovery.release()
        if held is not None:
            held.close()
        journal.release()


def _may_be_pinned(target: FileTarget) -> bool:
    """Whether a guard has left anything, here or, for all one can see, by another hard link."""
    return target.journal.exists or os.stat(target.database).st_nlink > 1
