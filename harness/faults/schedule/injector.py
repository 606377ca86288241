"""Strike what was planned when its step comes up, lift it when it is over, keep the ledger."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from harness import registry
from harness.faults import REQUEST, Fault, Planned, Slot
from harness.faults.reach.scene import Scene
from harness.faults.schedule.ledger import LedgerEntry
from harness.steps import Failure, Step


class Injector:
    """The faults of one cycle. Its ``listener`` is told of every step just before it is made.

    An error of the injector's own never reaches the code under test, where it would pass for a
    fault; the first is kept in ``error`` and makes the cycle a harness error. Faults are lifted in
    the reverse order of striking: who came last may stand in the way of who came before.

    It counts the steps of each phase: what comes in bursts is planned for the phase's n-th request,
    whichever operation that turns out to be. Before a backend of the user's own nobody announces
    requests: the proxy tells of each as it begins, in a thread of its own (``request``).
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
        self._step: Step | None = None  # the last one announced
        self._lock = threading.RLock()  # steps and requests are announced by different threads
        self.error: Exception | None = None
        if scene.own_backend and scene.proxy is not None:
            scene.proxy.on_request = self.request

    def listener(self, step: Step) -> None:
        """Lift what is over, strike what is due."""
        with self._lock:
            self._next(step)

    def _next(self, step: Step) -> None:
        due = self._waiting.pop(Slot(*step), [])
        if not self._scene.own_backend:
            due = [*due, *self._waiting.pop(self._counted(step.phase), ())]
        self._scene.due = frozenset(fault.name for fault in due)
        self._lift({"attempt"} if step.phase == self._phase else {"attempt", "phase"})
        self._phase, self._step = step.phase, step
        for fault in due:
            self._holding.append(fault)  # whatever striking does: half of it must be lifted too
            self._try(partial(fault.strike, step))
        self._scene.due = frozenset()
        self._try(self._scene.drop_lock)  # handed over to a strike that did not take it
        for fault in self._holding:
            if fault.meets(step):
                fault.held.append(step)

    def _counted(self, phase: str) -> Slot:
        self._announced[phase] += 1
        return Slot(phase, REQUEST, self._announced[phase])

    def request(self) -> Callable[[], None]:
        """Strike what is due for a request that begins; returns what to call when it is over."""
        with self._lock:
            slot = self._counted(self._phase)
            due = self._waiting.pop(slot, [])
            for fault in due:
                self._holding.append(fault)
                self._try(partial(fault.strike, Step(slot.phase, f"request {slot.attempt}", 1)))
                if self._step is not None:
                    fault.held.append(self._step)
        return partial(self._request_over, due)

    def _request_over(self, due: Sequence[Fault]) -> None:
        with self._lock:
            for fault in reversed(due):
                if fault.planned.lasting == "attempt" and fault in self._holding:
                    self._holding.remove(fault)
                    self._try(fault.lift)

    def explains(self, failure: Failure) -> bool:
        """Whether a fault that fired held while ``failure`` came about; after ``finish``."""
        return any(fault.evidence and failure.step in fault.held for fault in self._faults)

    def finish(self, failures: Sequence[Failure]) -> tuple[LedgerEntry, ...]:
        """End everything and say of each planned fault what became of it."""
        if self._scene.own_backend and self._scene.proxy is not None:
            self._scene.proxy.on_request = None
        with self._lock:
            self._lift({"attempt", "phase", "cycle"})
        # without the lock: whoever is waited for may have to tell that a request is over
        for fault in self._faults:
            self._try(fault.finish)
        return tuple(_entry(fault, failures) for fault in self._faults)

    def _lift(self, over: set[str]) -> None:
        for fault in reversed(self._holding):
            if fault.planned.lasting in over:
                self._try(fault.lift)
        self._holding = [fault for fault in self._holding if fault.planned.lasting not in over]

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - see the class: it must not look like a fault
            self.error = self.error or error


def _names(reason: str, reasons: frozenset[str]) -> bool:
    """Whether a failure is called one of these; a command can say no more than its status."""
    return reason in reasons or reason.startswith("exit status ")


def _entry(fault: Fault, failures: Sequence[Failure]) -> LedgerEntry:
    kind, slot, lasting, _ = fault.planned
    fired = bool(fault.evidence)
    # what code of the user's own says of a request that failed is for it to choose
    reasons = None if fault.scene.own_backend and slot.operation == REQUEST else fault.reasons
    surfaced = fired and any(
        failure.step in fault.held and (reasons is None or _names(failure.reason, reasons))
        for failure in failures
    )
    return LedgerEntry(
        kind, slot.phase, slot.operation, slot.attempt, lasting, fired, surfaced, fault.evidence
    )
