"""What all storage faults have in common: slots, and a strike armed where the step works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import MeasurementError
from harness.faults import Fault, Planned, Shape, Slot
from harness.faults.reach.storage import Armed, Strike
from harness.recovery import CopiesBy
from harness.steps import Step


def copying(shape: Shape) -> list[str]:
    """Name those of the chain's recoveries that write and read a copy."""
    return [name for name in shape.recoveries if registry.find("recovery", name).copies_by]


class StorageFault(Fault):
    """A storage error while a backup is taken or put back, or while a cleanup by SQL deletes."""

    phases = ("backup", "restore")
    in_storage = True
    device: Path
    reads: bool

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every attempt of the recoveries that write a copy, and of a cleanup by SQL."""
        copies = shape.recovery_slots(("backup", "restore"), copying(shape))
        return copies if shape.cleans_over_http else copies + shape.cleanup_slots()

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing in the phases it strikes in by itself."""
        if shape.recovery_slots(cls.phases, copying(shape)):
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
        self._armed.strikes.append(self._strike)

    def lift(self) -> None:
        """Disarm; MeasurementError where the device let pass what it must refuse."""
        strike, self._strike = self._strike, None
        if strike is None:
            return
        self._armed.strikes.remove(strike)
        strike.close()
        self.evidence = strike.said
        if strike.error is not None:
            raise strike.error
