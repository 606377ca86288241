"""What a condition may be besides cycles at a set rate: strata of faults, a place in a sweep."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from harness.experiment.written.parts import Number, Part, Whole

FEWEST_DRAWN = 100
FOUND = ("allocated", "slots")  # keys of strata that a run finds out by itself


class StrataSetting(Part):
    """Cycles in which a set number of slots is struck; `harness.statistics.strata` says why."""

    cycles: Annotated[Whole, Field(ge=FEWEST_DRAWN)] = 3000  # of all strata that are sampled
    enumerate: Annotated[Whole, Field(ge=0, le=3)] = 2  # every set of up to so many slots is run
    repeats: Annotated[Whole, Field(ge=1)] = 2  # so often, to see that its outcome is steady
    pilot: Annotated[Whole, Field(ge=0)] = 20  # cycles a stratum that only decide the allocation
    lowest_rate: Annotated[Number, Field(gt=0, lt=1)] = 1e-4  # of the curve
    highest_rate: Annotated[Number, Field(gt=0, lt=1)] = 0.1
    # Found by the run, not for files to say:
    allocated: dict[str, int] = Field(default_factory=dict)  # cycles of sampled strata, by k
    slots: dict[str, int] = Field(default_factory=dict)  # slots there are, by kind of fault
    unstruck: Annotated[Whole, Field(ge=0)] = 1000  # further cycles with no fault: none may fail


class Swept(Part):
    """Where in a sweep a condition stands."""

    of: str  # the name as written in the file
    axes: dict[str, Any]  # dotted key as written -> the value it has here, in the file's order
