"""What lets ``harness.guard(path)`` be called, though ``harness.guard`` is a package."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from harness.guard.loading import load

if TYPE_CHECKING:  # loaded when it is called
    from harness.cleanup import Cleanup
    from harness.databases import Grade
    from harness.guard.context import Guarded


class Callable(ModuleType):
    """A module that makes a ``Guarded`` when it is called."""

    def __call__(
        self,
        database: str | bytes | os.PathLike[str],
        *,
        cleanup: Cleanup | str | None = None,
        recoveries: Sequence[str] | None = None,
        grade: Grade = "exact",
        busy_timeout_ms: int = 1000,
        signs: Sequence[str] = (),
        i_know: bool = False,
        archives: bool = True,
        wait_s: float = 0,
        absent_ok: bool = False,
        allow_survivors: bool = False,
        end_survivors: bool = False,
        survivors_wait_s: float = 5.0,
    ) -> Guarded:
        """Guard a database for a block: ``with harness.guard("data/dev.sqlite3") as g: ...``.

        Also ``async with``, and ``@harness.guard(...)`` above a function. ``Guarded`` says more.
        """
        guarded: Guarded = load("harness.guard.context").Guarded(
            database,
            cleanup=cleanup,
            recoveries=recoveries,
            grade=grade,
            busy_timeout_ms=busy_timeout_ms,
            signs=signs,
            i_know=i_know,
            archives=archives,
            wait_s=wait_s,
            absent_ok=absent_ok,
            allow_survivors=allow_survivors,
            end_survivors=end_survivors,
            survivors_wait_s=survivors_wait_s,
        )
        return guarded
