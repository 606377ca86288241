"""The control: a fault that does nothing.

Models nothing. It is planned, drawn and announced like every other, so that a condition with it
and one without show whether the instrument itself changes what it measures. The guard must
survive it always; nothing it does could be noticed.
"""

from __future__ import annotations

from harness.faults import Fault, Shape, Slot
from harness.steps import Step


class Noop(Fault):
    """Comes up and does nothing."""

    name = "noop"
    contract = "Control: comes up in every removal, backup and restore, and does nothing."
    reasons = frozenset()
    control = True

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every attempt of cleanup, backup and restore."""
        return shape.cleanup_slots() + shape.recovery_slots(("backup", "restore"), shape.recoveries)

    def strike(self, step: Step) -> None:
        """Note that it came up."""
        self.evidence = f"came up before {step.operation}"
