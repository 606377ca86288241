"""Timeout: another program holds the database's write lock for longer than the cleanup waits.

Models a long transaction of a backend, a migration or a database browser: a second connection
has begun an IMMEDIATE transaction, SQLite makes the cleanup wait its whole busy timeout, then
says "database is locked" (https://www.sqlite.org/rescode.html#busy).

Strikes just before one attempt at one removal. A lock that lasts for the attempt is beaten by a
retry, one that lasts for the phase only by the restore. One that lasts for the whole cycle
nothing can beat while it lasts: the guard must then say that the database is not clean.

An experiment may have it strike a restore too: a server that hangs in the middle of a transaction
holds its lock against whoever comes next.

A cleanup over HTTP meets it through the backend, where its DELETE waits: as the backend's own
"timeout" (503), or, where the client is the less patient one, as an "API timeout". A DELETE that
the client has given up is carried out all the same when the lock is gone in time.
"""

from __future__ import annotations

from harness.faults import Fault, Shape, Slot
from harness.steps import Step


class Timeout(Fault):
    """Hold the write lock with a second connection."""

    name = "timeout"
    contract = "A second connection holds the write lock beyond the cleanup's busy timeout."
    reasons = frozenset({"timeout", "API timeout"})
    phases = ("cleanup",)  # unless an experiment asks for the restore as well
    _held = ""

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every attempt at every removal, also of a user's own cleanup, and at every restore."""
        removals = [*shape.cleanup_slots(), *shape.own]
        return removals + shape.recovery_slots(("restore",), shape.recoveries)

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing."""
        return None if shape.cleans else "the policy runs no cleanup"

    def strike(self, step: Step) -> None:
        """Take the lock, unless somebody else keeps it."""
        self._held = self.scene.lock()
        if self._held:
            self.evidence = f"{self._held} before {step.operation}"

    def lift(self) -> None:
        """Give the lock back, or over to the next of this kind."""
        if self._held:
            self._held = ""
            self.scene.unlock(keep=self.name in self.scene.due)
