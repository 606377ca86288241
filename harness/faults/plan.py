"""The plan of a cycle: what strikes where, drawn over all slots before the cycle starts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness import registry
from harness.faults import LASTING, Planned, Shape, Slot


class Planner:
    """Draws the plan of any cycle of one condition, each from the cycle's own seed.

    Philox is counter-based (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011):
    the condition is the key and the cycle the counter, so that a cycle's draws depend on nothing
    but seed, condition and cycle, whoever runs it and in whatever order.
    """

    def __init__(
        self,
        seed: int,
        condition: str,
        shape: Shape,
        faults: Mapping[str, tuple[float, Mapping[str, float]]],
    ) -> None:
        """Take ``faults``: kind -> (rate in 0..1, weights of what it lasts for)."""
        digest = hashlib.sha256(f"{seed}\0{condition}".encode()).digest()
        self._key = np.frombuffer(digest[:16], dtype=np.uint64)
        self._slots: list[tuple[str, Slot]] = []
        rates: list[float] = []
        self._lasting: dict[str, tuple[np.ndarray[Any, Any], tuple[str, ...]]] = {}
        for kind in sorted(faults):
            rate, weights = faults[kind]
            if rate <= 0:
                continue
            slots = registry.find("faults", kind).slots(shape)
            self._slots += [(kind, slot) for slot in slots]
            rates += [rate] * len(slots)
            names = tuple(name for name in LASTING if weights.get(name, 0) > 0)
            if not names:
                raise ValueError(f"{kind}: no weight says what it lasts for: {dict(weights)}")
            shares = np.cumsum([weights[name] for name in names])
            self._lasting[kind] = (shares / shares[-1], names)
        self._rates = np.array(rates)

    @property
    def slots(self) -> list[tuple[str, Slot]]:
        """Every (kind, slot) a fault of a rate above 0 may strike in."""
        return list(self._slots)

    def draw(self, cycle: int) -> tuple[int, list[Planned]]:
        """Return (a number for the test data, the planned faults) of ``cycle``."""
        counter = np.array([0, 0, cycle, 0], dtype=np.uint64)
        generator = np.random.Generator(np.random.Philox(key=self._key, counter=counter))
        number = int(generator.integers(1 << 62))
        if not self._slots:
            return number, []
        hits = np.flatnonzero(generator.random(len(self._rates)) < self._rates)
        return number, [self._planned(int(hit), generator) for hit in hits]

    def _planned(self, hit: int, generator: np.random.Generator) -> Planned:
        kind, slot = self._slots[hit]
        shares, names = self._lasting[kind]
        lasting = names[int(np.searchsorted(shares, generator.random(), side="right"))]
        return Planned(kind, slot, lasting, float(generator.random()))
