"""How many builds lie between two dirty databases, were every build a cycle of a condition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.statistics.intervals import clopper_pearson

PER_DAY = 20  # builds a day, until the reader says how many
_UNITS = ((365.25, "year"), (30.44, "month"), (7.0, "week"), (1.0, "day"), (1 / 24, "hour"))
_DIRTY = ("dirty_known", "dirty_silent", "baseline_lost")


class Between(NamedTuple):
    """One condition."""

    condition: str
    cycles: int
    dirty: int
    silent: int  # of those, how many nobody was told of
    builds: float | None  # from one dirty database to the next; None: there was none
    least: float  # the lower confidence limit
    most: float | None  # the upper; None: none

    @property
    def at_least(self) -> bool:
        """Whether only the lower limit is known."""
        return self.builds is None

    @property
    def number(self) -> float:
        """What is known: the builds measured, or the limit rounded down to what is said."""
        if self.builds is not None:
            return self.builds
        scale = 1 if self.least >= 9.95 else 10
        return math.floor(self.least * scale) / scale

    @property
    def said(self) -> str:
        """Return ``250`` or ``3.6``; a limit never says too much."""
        return f"{self.number:,.{0 if self.number >= 9.95 else 1}f}"


def between(summary: Mapping[str, Any], confidence: float = 0.95) -> list[Between]:
    """Return every condition whose cycles are builds, in the order of the experiment.

    A condition with a set number of faults a cycle says nothing of builds and is left out, and so
    is one that the instrument spoiled. A refusal leaves no dirty database.
    """
    return [
        _between(condition, confidence)
        for condition in summary["conditions"]
        if condition["cycles"]
        and not condition.get("strata")
        and not condition["outcomes"].get("harness_error")
    ]


def _between(condition: Mapping[str, Any], confidence: float) -> Between:
    cycles, outcomes = condition["cycles"], condition["outcomes"]
    dirty = sum(outcomes.get(name, 0) for name in _DIRTY)
    share = clopper_pearson(dirty, cycles, confidence)
    return Between(
        condition["name"],
        cycles,
        dirty,
        outcomes.get("dirty_silent", 0),
        cycles / dirty if dirty else None,
        1 / share.upper,
        1 / share.lower if share.lower > 0 else None,
    )


def every(builds: float, per_day: float) -> str:
    """Say how long so many builds take: ``3.2 days``, ``11 months``."""
    days = builds / per_day
    size, unit = next((one for one in _UNITS if days >= one[0]), _UNITS[-1])
    number = days / size
    said = f"{number:,.0f}" if number >= 9.95 else f"{math.floor(number * 10 + 0.5) / 10:.1f}"
    return f"{said.removesuffix('.0')} {unit}{'' if said in ('1', '1.0') else 's'}"
