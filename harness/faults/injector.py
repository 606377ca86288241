"""Strike what was planned when its step comes up, lift it when it is over, keep the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from harness import registry
from harness.faults import REQUEST, Fault, Planned, Slot
from harness.faults.ledger import LedgerEntry
from harness.faults.scene import Scene
from harness.steps import Failure, Step


class Injector:
    """The faults of one cycle. Its ``listener`` is told of every step just before it is made.

    An error of the injector's own never reaches the code under test, where it would pass for a
    fault; the first is kept in ``error`` and makes the cycle a harness error. Faults are lifted in
    the reverse order of striking: who came last may stand in the way of who came before.

    It counts the steps of each phase: what comes in bursts is planned for the phase's n-th request,
    whichever operation that turns out to be.
    """

    def __init__(self, scene: Scene, planned: Sequence[Planned]) -> None:
        self._scene = scene
        self._faults: list[Fault] = [
            registry.find("faults", plan.kind)(scene, plan) for plan in planned
        ]
        self._waiting: dict[Slot, list[Fault]] = {}
        for fault in self._faults:
            self._waiting.setdefault(fault.planned.slot, []).append(fault)
        self._announced: Counter[str] = Counter()  # by phase
        self._holding: list[Fault] = []
        self._phase = ""
        self.error: Exception | None = None

    def listener(self, step: Step) -> None:
        """Lift what is over, strike what is due."""
        self._announced[step.phase] += 1
        nth = Slot(step.phase, REQUEST, self._announced[step.phase])
        due = [*self._waiting.pop(Slot(*step), ()), *self._waiting.pop(nth, ())]
        self._scene.due = frozenset(fault.name for fault in due)
        self._lift({"attempt"} if step.phase == self._phase else {"attempt", "phase"})
        self._phase = step.phase
        for fault in due:
            self._holding.append(fault)  # whatever striking does: half of it must be lifted too
            self._try(partial(fault.strike, step))
        self._scene.due = frozenset()
        self._try(self._scene.drop_lock)  # handed over to a strike that did not take it
        for fault in self._holding:
            fault.held.append(step)

    def explains(self, failure: Failure) -> bool:
        """Whether a fault that fired held while ``failure`` came about; after ``finish``."""
        return any(fault.evidence and failure.step in fault.held for fault in self._faults)

    def finish(self, failures: Sequence[Failure]) -> tuple[LedgerEntry, ...]:
        """End everything and say of each planned fault what became of it."""
        self._lift({"attempt", "phase", "cycle"})
        for fault in self._faults:
            self._try(fault.finish)
        return tuple(_entry(fault, failures) for fault in self._faults)

    def _lift(self, over: set[str]) -> None:
        for fault in reversed(self._holding):
            if fault.planned.lasting in over:
                self._try(fault.lift)
        self._holding = [f for f in self._holding if f.planned.lasting not in over]

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - see the class: it must not look like a fault
            self.error = self.error or error


def _entry(fault: Fault, failures: Sequence[Failure]) -> LedgerEntry:
    kind, slot, lasting, _ = fault.planned
    fired = bool(fault.evidence)
    surfaced = fired and any(
        failure.step in fault.held and (fault.reasons is None or failure.reason in fault.reasons)
        for failure in failures
    )
    return LedgerEntry(
        kind, slot.phase, slot.operation, slot.attempt, lasting, fired, surfaced, fault.evidence
    )
