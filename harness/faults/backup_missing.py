"""The backup is gone when it is needed.

Models a tidy-up job, a `git clean`, a colleague: the backup's file is removed just before the
first attempt to put it back. Lasting does not matter: what is gone is gone.

The guard must not need the name: it holds the file, and has a second name for it out of reach. A
recovery that has neither must say so before it touches the database, so that the next of the chain
is tried.
"""

from __future__ import annotations

from harness.faults import Fault, Shape, Slot
from harness.faults.reach.storage_fault import copying
from harness.steps import Step


class BackupMissing(Fault):
    """Remove the backup's file before it is put back."""

    name = "backup_missing"
    contract = "The backup's file is removed before it is put back."

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """The first attempt of each recovery that has a backup file."""
        slots = shape.recovery_slots(("restore",), copying(shape, "backup"))
        return [slot for slot in slots if slot.attempt == 1]

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing."""
        return None if cls.slots(shape) else "no recovery of the condition keeps a backup file"

    def strike(self, step: Step) -> None:
        """Remove it."""
        self.evidence = self.scene.reach.lose(self.scene.backup_of(step.operation))
