"""Runs with strata whose truth is known, and which of their curves hold it."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.statistics.coverage_runs import Bools, Draw
from harness.statistics.strata import Stratum, curve, enumerated, weighed
from harness.statistics.struck import conditional_weights, poisson_binomial


class Slots(NamedTuple):
    """A design of cycles with a set number of struck slots, all of the same rate."""

    slots: int = 6
    repeats: int = 2  # of each set of up to two
    unstruck: int = 300
    sampled: tuple[tuple[int, int], ...] = ((3, 100), (4, 50), (5, 30), (6, 30))
    drawn_at: float = 0.01
    rates: tuple[float, ...] = (0.001, 0.01, 0.1)  # at which the curve is asked for


def strata(by_chance: float, design: Slots | None = None) -> Draw:
    """A curve by strata of a system that fails where slots 0 and 1 are struck, or by chance.

    ``sample`` is right where it is at all rates asked for, each by itself. ``conditional`` counts
    the runs alone that saw nothing against its assumption: only there it is shown.
    """
    made = design or Slots()

    def draw(random: np.random.Generator, runs: int) -> dict[str, Bools]:
        held: dict[str, list[Bools]] = {"sample": [], "conditional": []}
        truth = _truth(made, by_chance)
        for _ in range(runs):
            sample, alike = _drawn(made, by_chance, random)
            for name, found in (("sample", sample), ("conditional", alike)):
                if found is not None:
                    drawn = curve(found, made.rates, [made.drawn_at] * made.slots)
                    held[name].append((drawn.lower <= truth) & (truth <= drawn.upper))
        # of the rates the one at which it holds least often
        return {
            name: np.array(each)[:, int(np.array(each).mean(axis=0).argmin())]
            for name, each in held.items()
            if each
        }

    return draw


def _truth(design: Slots, by_chance: float) -> NDArray[np.float64]:
    """Give the failure probability at each of the rates asked for."""
    failing = [_meets(design.slots, k) for k in range(design.slots + 1)]
    each = np.array([both + (1 - both) * by_chance for both in failing])
    return np.array([poisson_binomial([rate] * design.slots) @ each for rate in design.rates])


def _meets(slots: int, k: int) -> float:
    """Give the share of the sets of k slots in which both 0 and 1 are."""
    return math.comb(slots - 2, k - 2) / math.comb(slots, k) if k >= 2 else 0.0


def _drawn(
    design: Slots, by_chance: float, random: np.random.Generator
) -> tuple[list[Stratum], list[Stratum] | None]:
    """Draw one run; give its strata as a sample, and as exact where all sets ended alike."""
    rates = [design.drawn_at] * design.slots
    sample, exact, alike = [], [], True
    for k in (0, 1, 2):
        sets = np.array(list(itertools.combinations(range(design.slots), k))).reshape(
            math.comb(design.slots, k), k
        )
        both = (sets == 0).any(axis=1) & (sets == 1).any(axis=1)
        ran = both[:, None] | (random.random((len(sets), design.repeats)) < by_chance)
        alike = alike and bool((ran == ran[:, :1]).all())
        weights = np.repeat(conditional_weights(rates, k).weights / design.repeats, design.repeats)
        sample.append(weighed(k, ran.ravel(), weights))
        exact.append(enumerated(rates, k, ran[:, 0]))
    unstruck = int(random.binomial(design.unstruck, by_chance))
    alike = alike and not unstruck and not exact[0].failures
    count = sample[0].failures + unstruck
    sample[0] = Stratum(0, design.repeats + design.unstruck, count)
    more = []
    for k, cycles in design.sampled:
        both_in = _meets(design.slots, k)
        failing = both_in + (1 - both_in) * by_chance
        more.append(Stratum(k, cycles, int(random.binomial(cycles, failing))))
    return sample + more, exact + more if alike else None
