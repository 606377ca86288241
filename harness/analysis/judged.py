"""What is said of a claim: a share with its interval, the verdict, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.analysis.measures import Bools
from harness.statistics.intervals import Interval

# of a claim; rows of the claims table that are none have words of their own
VERDICTS = ("supported", "refuted", "undecided", "not refuted", "not measured")
HARNESS_ERROR = "harness error"  # of a run: its verdicts are in doubt
GOOD = frozenset({"supported", "not refuted"})


@dataclass(frozen=True, slots=True)
class Judged:
    """A share, its interval, and the verdict on what is claimed of it."""

    interval: Interval
    verdict: str  # one of VERDICTS
    decided_at: int | None  # the cycle that decided, counted from 1 among those counted
    why: str
    doubts: tuple[str, ...] = ()  # what keeps it from being supported; `why` says them too
    next: str | None = None  # where it is supported if nothing else fails
    shown: str = ""  # figures that stand beside the share
    refused: int = 0  # how many of the failures are refusals
    failed: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool), compare=False)
    real: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool), compare=False)
