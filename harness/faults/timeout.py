"""Timeout: another program holds the database's write lock for longer than the cleanup waits.

Models a long transaction of a backend, a migration or a database browser: a second connection
has begun an IMMEDIATE transaction, SQLite makes the cleanup wait its whole busy timeout, then
says "database is locked" (https://www.sqlite.org/rescode.html#busy).

Strikes just before one attempt at one removal. A lock that lasts for the attempt is beaten by a
retry, one that lasts for the phase only by the restore. One that lasts for the whole cycle
nothing can beat while it lasts: the guard must then say that the database is not clean.
"""

from __future__ import annotations

import apsw

from harness.faults import Fault, Shape, Slot
from harness.steps import Step


class Timeout(Fault):
    """Hold the write lock with a second connection."""

    name = "timeout"
    contract = "A second connection holds the write lock beyond the cleanup's busy timeout."
    reasons = frozenset({"timeout"})
    _holder: apsw.Connection | None = None

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every attempt at every removal."""
        return shape.cleanup_slots()

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing."""
        return None if shape.cleans else "the policy runs no cleanup"

    def strike(self, step: Step) -> None:
        """Take the lock, unless another fault holds it already."""
        holder = self.scene.other()
        try:
            holder.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            holder.close()
            if isinstance(error, apsw.BusyError):
                return
            raise
        self._holder = holder
        self.evidence = f"BEGIN IMMEDIATE held by another connection before {step.operation}"

    def lift(self) -> None:
        """Give the lock back."""
        if self._holder is not None:
            self._holder.close()  # closing rolls back
            self._holder = None
