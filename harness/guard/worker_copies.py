"""A database for each worker of pytest-xdist, as the engine of the guarded one makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, cast

from harness.guard.loading import load
from harness.guard.target import Target


class WorkerCopies(Protocol):
    """Those of one session of pytest."""

    def make(self, worker: str, *, absent: bool) -> str:
        """Make the copy of a worker; how that worker is given it.

        Args:
            worker: its name.
            absent: whether the baseline is that there is no database, for a worker as well.

        Raises:
            BackupError: it gets none.
        """

    def remove(self) -> list[str]:
        """Remove all that were made; a sentence for each that is left."""

    def remove_of_the_dead(self) -> None:
        """Remove those of a session that was killed."""


def worker_copies_of(target: Target, given: Path | str) -> WorkerCopies:
    """Return what makes the copies of a database; ``given``: it, as people gave it."""
    module = load(f"{target.engine.guarding}.worker_copies")
    return cast(WorkerCopies, module.WorkerCopies(target, given))
