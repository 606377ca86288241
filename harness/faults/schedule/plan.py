"""The plan of a cycle: what strikes where, drawn over all slots before the cycle starts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from harness import registry
from harness.faults import LASTING, REQUEST, Planned, Shape, Slot

COPYING = ("backup", "restore")  # the phases whose operations are a chain's recoveries
Weights = Mapping[str, float]  # what a fault lasts for -> its share


class Chance(NamedTuple):
    """How one kind of fault strikes by itself."""

    rate: float  # the share of its slots, 0..1
    lasting: Weights
    phases: Sequence[str] = ()  # only in these; (): where the kind strikes unless told otherwise
    burst: float | None = None  # mean run of struck requests; None: each slot on its own


class Cause(NamedTuple):
    """Something that makes several faults strike in the same cycles."""

    rate: float  # the share of cycles, 0..1
    faults: Sequence[str]
    lasting: Weights
    phases: Sequence[str]


class Scripted(NamedTuple):
    """A fault that strikes in every cycle."""

    kind: str
    slot: Slot
    lasting: str


def slots_in(kind: str, shape: Shape, phases: Sequence[str] = ()) -> list[Slot]:
    """The slots of ``kind`` in ``phases``; without any named, in those the kind itself names."""
    fault = registry.find("faults", kind)
    phases = phases or fault.phases
    slots: list[Slot] = fault.slots(shape)
    return [slot for slot in slots if slot.phase in phases] if phases else slots


def struck_together(kind: str, shape: Shape, phases: Sequence[str]) -> list[list[Slot]]:
    """The first-attempt slots of ``kind``, phase by phase: of each a cause strikes in one.

    Storage of several places fails in all of them: each backup's is a group of its own.
    """
    fault = registry.find("faults", kind)
    slots = [slot for slot in fault.slots(shape) if slot.attempt == 1]
    groups: list[list[Slot]] = []
    for phase in dict.fromkeys(phases):
        here = [slot for slot in slots if slot.phase == phase]
        if fault.in_storage and phase in COPYING:
            groups += [[slot] for slot in here]
        elif here:
            groups.append(_met(here))
    return groups


def _met(slots: list[Slot]) -> list[Slot]:
    """Of a chain's slots those of its first recovery: only they are sure to come up."""
    if slots[0].phase not in COPYING:
        return slots
    return [slot for slot in slots if slot.operation == slots[0].operation]


class Planner:
    """Draws the plan of any cycle of one condition, each from the cycle's own seed.

    Philox is counter-based (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011):
    the condition is the key and the cycle the counter, so that a cycle's draws depend on nothing
    but seed, condition and cycle, whoever runs it and in whatever order. What strikes each slot on
    its own shares one stream; every channel of bursts, every cause and the script has a stream of
    its own, so that adding one changes nothing of the others.
    """

    def __init__(
        self,
        seed: int,
        condition: str,
        shape: Shape,
        faults: Mapping[str, Chance | tuple[float, Weights]],
        causes: Mapping[str, Cause] | None = None,
        script: Sequence[Scripted] = (),
    ) -> None:
        """Take ``faults`` by kind, ``causes`` by name, and what strikes in every cycle."""
        chances = {kind: Chance(*faults[kind]) for kind in sorted(faults)}
        chances = {kind: chance for kind, chance in chances.items() if chance.rate > 0}
        name = f"{seed}\0{condition}"
        self._stream = Stream(name)
        self._alone = _Alone(
            shape, {kind: chance for kind, chance in chances.items() if chance.burst is None}
        )
        self._others: list[tuple[Stream, _Channel | _Together | _Script]] = [
            (Stream(f"{name}\0burst\0{kind}"), _Channel(kind, shape, chance))
            for kind, chance in chances.items()
            if chance.burst is not None
        ]
        self._others += [
            (Stream(f"{name}\0cause\0{called}"), _Together(called, shape, cause))
            for called, cause in sorted((causes or {}).items())
            if cause.rate > 0
        ]
        if script:
            self._others.append((Stream(f"{name}\0script"), _Script(script)))

    @property
    def slots(self) -> list[tuple[str, Slot]]:
        """Every (kind, slot) that may be struck."""
        return self._alone.slots + [
            slot for _, drawn_apart in self._others for slot in drawn_apart.slots
        ]

    def draw(self, cycle: int) -> tuple[int, list[Planned]]:
        """Return (a number for the test data, the planned faults) of ``cycle``."""
        generator = self._stream.at(cycle)
        number = int(generator.integers(1 << 62))
        planned = self._alone.draw(generator)
        for stream, drawn_apart in self._others:
            planned += drawn_apart.draw(stream.at(cycle))
        return number, planned


class Stream:
    """Random numbers of its own for every cycle."""

    def __init__(self, name: str) -> None:
        digest = hashlib.sha256(name.encode()).digest()
        self._key = np.frombuffer(digest[:16], dtype=np.uint64)

    def at(self, cycle: int) -> np.random.Generator:
        """Begin at ``cycle``."""
        counter = np.array([0, 0, cycle, 0], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=self._key, counter=counter))


class DrawnLasting:
    """Draws how long a fault of ``whose`` lasts."""

    def __init__(self, whose: str, weights: Weights) -> None:
        self._names = tuple(name for name in LASTING if weights.get(name, 0) > 0)
        if not self._names:
            raise ValueError(f"{whose}: no weight says what it lasts for: {dict(weights)}")
        shares = np.cumsum([weights[name] for name in self._names])
        self._shares = shares / shares[-1]

    def draw(self, generator: np.random.Generator) -> str:
        """Draw one."""
        return self._names[int(np.searchsorted(self._shares, generator.random(), side="right"))]


class _Alone:
    """Faults that strike each slot on its own."""

    def __init__(self, shape: Shape, chances: Mapping[str, Chance]) -> None:
        self.slots: list[tuple[str, Slot]] = []
        rates: list[float] = []
        self._lasting: dict[str, DrawnLasting] = {}
        for kind, chance in chances.items():
            slots = slots_in(kind, shape, chance.phases)
            self.slots += [(kind, slot) for slot in slots]
            rates += [chance.rate] * len(slots)
            self._lasting[kind] = DrawnLasting(kind, chance.lasting)
        self._rates: np.ndarray[Any, Any] = np.array(rates)

    def draw(self, generator: np.random.Generator) -> list[Planned]:
        if not self.slots:
            return []
        hits = np.flatnonzero(generator.random(len(self._rates)) < self._rates)
        return [self._planned(int(hit), generator) for hit in hits]

    def _planned(self, hit: int, generator: np.random.Generator) -> Planned:
        kind, slot = self.slots[hit]
        lasting = self._lasting[kind].draw(generator)
        return Planned(kind, slot, lasting, float(generator.random()))


class _Channel:
    """A fault that comes in bursts: a channel of two states, good and bad.

    In the bad state every request is struck, in the good state none (Gilbert, "Capacity of a
    burst-noise channel", 1960; Elliott, "Estimates of error rates for codes on burst-noise
    channels", 1963). It changes state with every request made, and begins in each phase as it is
    found in the long run: bad with the rate's chance.
    """

    def __init__(self, kind: str, shape: Shape, chance: Chance) -> None:
        if chance.burst is None or not most_in_bursts(chance.burst) >= chance.rate:
            raise ValueError(f"{kind}: no channel is bad {chance.rate:g} of the time in {chance}")
        self._kind, self._rate = kind, chance.rate
        self._stays_bad = 1 - 1 / chance.burst
        good = chance.burst * (1 - chance.rate)
        self._turns_bad = min(1.0, chance.rate / good)  # rounding may leave a trace beyond 1
        phases = dict.fromkeys(slot.phase for slot in slots_in(kind, shape, chance.phases))
        phases_made = [slot.phase for slot in shape.request_slots()]
        self._slots = [
            [Slot(phase, REQUEST, number) for number in range(1, phases_made.count(phase) + 1)]
            for phase in phases
        ]
        self.slots = [(kind, slot) for slots in self._slots for slot in slots]

    def draw(self, generator: np.random.Generator) -> list[Planned]:
        struck: list[Slot] = []
        for slots in self._slots:
            chance = self._rate
            for slot, drawn in zip(slots, generator.random(len(slots)), strict=True):
                bad = drawn < chance
                chance = self._stays_bad if bad else self._turns_bad
                if bad:
                    struck.append(slot)
        where = generator.random(len(struck))
        return [
            Planned(self._kind, slot, "attempt", float(place))
            for slot, place in zip(struck, where, strict=True)
        ]


def most_in_bursts(burst: float) -> float:
    """The highest rate at which the mean run of struck requests can be ``burst``.

    At it every good request is followed by a bad one; rounding is allowed for.
    """
    return burst / (burst + 1) + 1e-12


class _Together:
    """A cause: in the cycles it is there, each of its faults strikes once in each phase."""

    def __init__(self, called: str, shape: Shape, cause: Cause) -> None:
        self._rate = cause.rate
        self._groups = [
            (kind, slots)
            for kind in dict.fromkeys(cause.faults)
            for slots in struck_together(kind, shape, cause.phases)
        ]
        self._lasting = DrawnLasting(called, cause.lasting)
        self.slots = [(kind, slot) for kind, slots in self._groups for slot in slots]

    def draw(self, generator: np.random.Generator) -> list[Planned]:
        if generator.random() >= self._rate:
            return []
        lasting = self._lasting.draw(generator)  # one cause, so all that it does lasts alike
        return [
            Planned(
                kind,
                slots[int(generator.integers(len(slots)))],
                lasting,
                float(generator.random()),
            )
            for kind, slots in self._groups
        ]


class _Script:
    """What strikes in every cycle; only where within the operation is drawn."""

    def __init__(self, script: Sequence[Scripted]) -> None:
        self._script = tuple(script)
        self.slots = [(scripted.kind, scripted.slot) for scripted in script]

    def draw(self, generator: np.random.Generator) -> list[Planned]:
        where = generator.random(len(self._script))
        return [
            Planned(*scripted, float(position))
            for scripted, position in zip(self._script, where, strict=True)
        ]
