"""Faults: one file each; a fault is made real in the layer where it fails in life.

A fault knows its opportunities (slots), strikes when its slot comes up, holds for one attempt,
the phase or the cycle, and keeps the evidence that the kernel or the database gave.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from harness.steps import Entity, Step

if TYPE_CHECKING:
    from harness.faults.reach.scene import Scene

LASTING = ("attempt", "phase", "cycle")
REQUEST = "request"  # the operation of a slot that is its phase's n-th request, whichever it is


class Slot(NamedTuple):
    """One opportunity for a fault."""

    phase: str
    operation: str
    attempt: int


class Planned(NamedTuple):
    """One fault drawn for a slot of one cycle."""

    kind: str
    slot: Slot
    lasting: str
    where: float  # in [0, 1): where within the operation, for faults that strike in the middle


@dataclass(frozen=True, slots=True)
class Shape:
    """What a cycle of one condition may do: the slots of every fault follow from it."""

    operations: Sequence[Entity]  # what a cleanup meets
    cleans: bool
    backs_up: bool
    recoveries: Sequence[str]
    attempts: int
    restricted: frozenset[str] = frozenset()  # tables that a restricting foreign key refers to
    creates: Sequence[str] = ()  # the tests' calls over HTTP: "create bots 2"; () without a backend
    cleans_over_http: bool = False
    connected: bool = False  # whether others stay connected while the guard works
    own: Sequence[Slot] = ()  # attempts at the operations of a cleanup of the user's own
    own_processes: bool = False  # whether that cleanup runs in processes of its own
    own_requests: Sequence[Slot] = ()  # the first of each phase, by code of the user's own

    def request_slots(self) -> list[Slot]:
        """Every request over HTTP: the tests' (made once each), every attempt of the cleanup's."""
        slots = [Slot("create", call, 1) for call in self.creates]
        slots += self.cleanup_slots() if self.cleans_over_http else []
        return [*slots, *self.own_requests]

    def cleanup_slots(self) -> list[Slot]:
        """Every attempt at every removal."""
        if not self.cleans:
            return []
        return [
            Slot("cleanup", entity.label, attempt)
            for entity in self.operations
            for attempt in range(1, self.attempts + 1)
        ]

    def recovery_slots(self, phases: Sequence[str], recoveries: Sequence[str]) -> list[Slot]:
        """Every attempt of those of the chain's recoveries that are in ``recoveries``."""
        if not self.backs_up:
            return []
        return [
            Slot(phase, recovery, attempt)
            for phase in phases
            for recovery in self.recoveries
            if recovery in recoveries
            for attempt in range(1, self.attempts + 1)
        ]


class Fault(ABC):
    """One kind of failure. An instance is one planned fault of one cycle."""

    name: ClassVar[str]
    contract: ClassVar[str]  # what it models, in one sentence
    # What failures it causes are called (Failure.reason); None: any failure may be its doing.
    reasons: ClassVar[frozenset[str] | None] = None
    # The phases it strikes in unless an experiment says otherwise; empty: all that it has slots in.
    phases: ClassVar[tuple[str, ...]] = ()
    in_bursts: ClassVar[bool] = False  # whether requests may meet it in bursts, as a bad line's do
    in_storage: ClassVar[bool] = False  # whether it strikes below what the guard reads and writes
    needs_time: ClassVar[bool] = False  # whether the cleanup must have been timed before
    control: ClassVar[bool] = False  # whether it is there to show that the instrument does no harm

    def __init__(self, scene: Scene, planned: Planned) -> None:
        self.scene = scene
        self.planned = planned
        self.evidence = ""  # set once it is real: what the kernel, the database or the file shows
        self.held: list[Step] = []  # the steps made while it held

    @classmethod
    @abstractmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every opportunity in a cycle of this shape; [] where it can never strike."""

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Why it can never strike in this shape, or None."""
        return None if cls.slots(shape) else cls.contract

    @abstractmethod
    def strike(self, step: Step) -> None:
        """Make it real for ``step``, which is about to be made."""

    def meets(self, step: Step) -> bool:
        """Be there for ``step``, made while it holds, or stand aside; whether it is there."""
        return True

    def lift(self) -> None:  # noqa: B027 - many faults have nothing to end
        """End it, when what it was to last for is over; also where striking went wrong."""

    def finish(self) -> None:  # noqa: B027 - many faults hold nothing
        """Free what it holds when the cycle is over; evidence is complete afterwards."""


class CommandFault(Fault):
    """Something that can happen to a cleanup that is a command of the user's own."""

    needs: ClassVar[str]  # why only a command can be struck

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every run of a cleanup that is a command."""
        return list(shape.own) if shape.own_processes else []

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing."""
        return None if cls.slots(shape) else cls.needs
