"""The plans of cycles in which a set number of slots is struck, whatever the rates.

First come the enumerated strata: no slot struck, then every set of 1, 2, ... slots, each with
every combination of how long its faults last, and each several times in a row. Then the sampled
strata: sets drawn as they occur, given that so many slots are struck. A set is of all slots that
any path can come to, later attempts and later recoveries too, and is fixed before the cycle
starts: that is what makes the estimates of `harness.statistics.strata` exact. Cycle numbers from
`PILOT` on are those of the pilot, of which nothing is stored.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from harness.errors import ConfigurationError
from harness.experiment.written.designs import StrataSetting
from harness.faults import LASTING, Planned, Slot
from harness.faults.schedule.plan import Chance, DrawnLasting, Stream, Weights
from harness.statistics.struck import Sets

PILOT = 1 << 40
MOST_ENUMERATED = 40_000  # cycles


class Variant(NamedTuple):
    """One enumerated set of struck slots, and how long each fault lasts."""

    slots: tuple[int, ...]  # numbers from 0, ascending
    lasting: tuple[str, ...]
    share: float  # of the set's variants; those of a set sum to 1


class Numbering:
    """Says of every cycle number how many slots are struck, and of the enumerated ones which."""

    def __init__(self, setting: StrataSetting, lasting: Sequence[Weights]) -> None:
        """Take how long faults last in each slot, with what shares.

        ConfigurationError, without saying of what condition, for too many enumerated cycles.
        """
        self.slots = len(lasting)
        self.enumerated = min(setting.enumerate, self.slots)
        self.repeats = setting.repeats
        check_number(setting, lasting)
        self.variants = [
            variant for k in range(self.enumerated + 1) for variant in _variants(lasting, k)
        ]
        sampled = sorted((int(k), count) for k, count in setting.allocated.items())
        self._sampled = [k for k, _ in sampled]
        counts = [count for _, count in sampled]
        self._starts = list(itertools.accumulate(counts, initial=self.first_sampled))

    @property
    def first_sampled(self) -> int:
        """The first cycle of a sampled stratum."""
        return len(self.variants) * self.repeats

    @property
    def total(self) -> int:
        """How many cycles there are."""
        return self._starts[-1]

    def variant(self, cycle: int) -> Variant | None:
        """Return what strikes in an enumerated cycle; None for a sampled one."""
        return self.variants[cycle // self.repeats] if cycle < self.first_sampled else None

    def struck(self, cycle: int) -> int:
        """Return how many slots are struck in ``cycle``; IndexError beyond the last."""
        variant = self.variant(cycle)
        if variant is not None:
            return len(variant.slots)
        if cycle >= self.total:
            raise IndexError(f"cycle {cycle:,} is beyond the {self.total:,} that were planned")
        return self._sampled[bisect_right(self._starts, cycle) - 1]


class StrataPlanner:
    """Gives the plan of any cycle of a condition with strata; `plan.Planner` is its like."""

    def __init__(
        self,
        seed: int,
        condition: str,
        slots: Sequence[tuple[str, Slot]],
        chances: Mapping[str, Chance],
        setting: StrataSetting,
    ) -> None:
        """Take every (kind, slot) that may be struck, and the rate and lasting of each kind."""
        self.slots = list(slots)
        self.numbering = Numbering(setting, [chances[kind].lasting for kind, _ in slots])
        self._stream = Stream(f"{seed}\0{condition}\0strata")
        self._rates = [chances[kind].rate for kind, _ in slots]
        self._lasting = {k: DrawnLasting(k, chance.lasting) for k, chance in chances.items()}
        self._pilot = setting.pilot
        self._sets: dict[int, Sets] = {}

    def draw(self, cycle: int) -> tuple[int, list[Planned]]:
        """Return (a number for the test data, the planned faults) of ``cycle``."""
        generator = self._stream.at(cycle)
        number = int(generator.integers(1 << 62))
        variant = None if cycle >= PILOT else self.numbering.variant(cycle)
        if variant is not None:
            struck, lasting = variant.slots, variant.lasting
        else:
            k = self._drawn(cycle)
            if k not in self._sets:
                self._sets[k] = Sets(self._rates, k)
            struck = tuple(self._sets[k].draw(1, generator)[0].tolist())
            lasting = tuple(self._lasting[self.slots[slot][0]].draw(generator) for slot in struck)
        return number, [
            Planned(*self.slots[slot], held, float(generator.random()))
            for slot, held in zip(struck, lasting, strict=True)
        ]

    def _drawn(self, cycle: int) -> int:
        """Return how many slots are struck in a cycle of a sampled stratum, or of the pilot."""
        if cycle < PILOT:
            return self.numbering.struck(cycle)
        return self.numbering.enumerated + 1 + (cycle - PILOT) // self._pilot


def of_each(by_kind: Mapping[str, int]) -> list[str]:
    """Return the kind of each slot, in the order in which slots are numbered."""
    return [kind for kind in sorted(by_kind) for _ in range(by_kind[kind])]


def check_number(setting: StrataSetting, lasting: Sequence[Weights]) -> None:
    """Refuse, with a ConfigurationError, more enumerated cycles than anybody can have meant."""
    cycles = enumerated_cycles(setting, lasting, setting.enumerate)
    if cycles > MOST_ENUMERATED:
        fewer = next(
            k
            for k in range(setting.enumerate - 1, -1, -1)
            if k == 0 or enumerated_cycles(setting, lasting, k) <= MOST_ENUMERATED
        )
        raise ConfigurationError(
            f"strata.enumerate: every set of up to {setting.enumerate} of {len(lasting)} slots, "
            f"{setting.repeats} times each, is {cycles:,} cycles, more than {MOST_ENUMERATED:,}; "
            f"set enumerate = {fewer}"
        )


def enumerated_cycles(setting: StrataSetting, lasting: Sequence[Weights], most: int) -> int:
    """Count the cycles of every set of up to ``most`` slots, all variants and repeats."""
    ways = [1] + [0] * most  # ways[k]: sets of k of the slots seen so far, with their variants
    for weights in lasting:
        variants = len(_names(weights))
        for k in range(most, 0, -1):
            ways[k] += ways[k - 1] * variants
    return sum(ways) * setting.repeats


def _variants(lasting: Sequence[Weights], k: int) -> list[Variant]:
    """List every set of k slots, with every combination of how long its faults last."""
    names = [_names(weights) for weights in lasting]
    totals = [math.fsum(weights.values()) for weights in lasting]
    return [
        Variant(
            slots,
            held,
            math.prod(lasting[s][name] / totals[s] for s, name in zip(slots, held, strict=True)),
        )
        for slots in itertools.combinations(range(len(lasting)), k)
        for held in itertools.product(*(names[slot] for slot in slots))
    ]


def _names(weights: Weights) -> list[str]:
    return [name for name in LASTING if weights.get(name, 0) > 0]
