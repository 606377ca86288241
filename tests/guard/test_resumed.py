"""A recovery that a journal names."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.errors import RestoreError
from harness.guard.resumed import Resumed
from harness.guard.target import target_of
from tests.recovery.helpers import make


class Counted(Resumed):
    """One whose recovery raises what it is told to."""

    def __init__(self, database: Path, *errors: Exception) -> None:
        recovery = target_of(database).recovery("file_copy", 0)
        super().__init__(recovery, {}, apsw.Error)
        self.tries, raised = 0, list(errors)

        def resume(description: dict[str, object]) -> None:
            self.tries += 1
            if raised:
                raise raised.pop(0)

        recovery.resume = resume  # type: ignore[method-assign]


def test_it_is_resumed_once(folder: Path) -> None:
    """However often it is asked for."""
    resumed = Counted(make(folder, "delete"))
    resumed.resume()
    resumed.must_be_resumed()
    assert resumed.tries == 1


def test_a_lock_is_tried_once_more(folder: Path) -> None:
    """What kept it may be gone by the time it is needed; what is lost is not asked again."""
    database = make(folder, "delete")
    locked = Counted(database, apsw.exception_for(apsw.SQLITE_BUSY))
    locked.resume()
    locked.must_be_resumed()
    assert locked.tries == 2
    lost = Counted(database, RestoreError("lost"))
    lost.resume()
    with pytest.raises(RestoreError, match="lost"):
        lost.must_be_resumed()
    assert lost.tries == 1
