"""What all storage faults have in common: slots, and a strike armed where the step works.

A storage fault is one of a place: of the storage under the backup whose recovery it struck. While
it lasts, that recovery meets it at every later attempt, and another one, whose backup stands
elsewhere, does not: each has faults of its own, at the same rate. One disk under all of them is a
cause (``causes`` in an experiment), which strikes the places together. Struck in the cleanup it is
the storage of the database itself, and meets whoever works through the engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import MeasurementError
from harness.faults import Fault, Planned, Shape, Slot
from harness.faults.reach.storage import Armed, Strike
from harness.recovery import CopiesBy
from harness.steps import Step


def copying(shape: Shape, phase: str) -> list[str]:
    """Name those of the chain's recoveries that write and read a copy in ``phase``."""
    return [
        name
        for name in shape.recoveries
        if (kind := registry.find("recovery", name)).copies_by
        and phase in kind.copies_in
        and (kind.copies_alone or shape.connected)
    ]


def _copies(shape: Shape, phases: tuple[str, ...]) -> list[Slot]:
    return [
        slot for phase in phases for slot in shape.recovery_slots((phase,), copying(shape, phase))
    ]


class StorageFault(Fault):
    """A storage error while a backup is taken or put back, or while a cleanup by SQL deletes."""

    phases = ("backup", "restore")
    in_storage = True
    device: Path
    reads: bool

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every attempt of the recoveries that write a copy, and of a cleanup by SQL."""
        copies = _copies(shape, ("backup", "restore"))
        return copies if shape.cleans_over_http else copies + shape.cleanup_slots()

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing in the phases it strikes in by itself."""
        if _copies(shape, cls.phases):
            return None
        if not shape.backs_up:
            return "the policy takes no backup"
        return "none of the recoveries writes or reads a copy"

    def __init__(self, scene: Any, planned: Planned) -> None:
        super().__init__(scene, planned)
        self._strike: Strike | None = None
        self._armed = Armed()

    def strike(self, step: Step) -> None:
        """Arm it for the step that is about to be made."""
        cleans = step.phase == "cleanup"  # a removal is too small for a drawn byte
        after_bytes = 0 if cleans else int(self.planned.where * self.scene.size_bytes)
        try:
            self._strike = Strike(self.device, self.reads, after_bytes)
        except OSError as error:
            raise MeasurementError(
                f"{self.device} cannot be opened: {self.name} cannot strike"
            ) from error
        copies_by: CopiesBy = (
            "engine" if cleans else registry.find("recovery", step.operation).copies_by
        )
        self._armed = self.scene.reach.storage(copies_by)

    def meets(self, step: Step) -> bool:
        """Be armed where its own place is at work, and nowhere else."""
        if self._strike is None:
            return False
        slot = self.planned.slot
        is_here = slot.phase == "cleanup" or step.operation == slot.operation
        is_armed = self._strike in self._armed.strikes
        if is_here and not is_armed:
            self._armed.strikes.append(self._strike)
        elif is_armed and not is_here:
            self._armed.strikes.remove(self._strike)
        return is_here

    def lift(self) -> None:
        """Disarm; MeasurementError where the device let pass what it must refuse."""
        strike, self._strike = self._strike, None
        if strike is None:
            return
        if strike in self._armed.strikes:
            self._armed.strikes.remove(strike)
        strike.close()
        self.evidence = strike.said
        if strike.error is not None:
            raise strike.error
