"""Do cleanup and restore fail independently, as 1 - (1 - 0.95)(1 - 0.98) = 0.999 takes for granted.

A table counts cycles by (cleanup failed or not) x (restore failed or not). An ordinary cycle tries
the restore only where cleanup failed, so a restore is also forced on a random sample of the cycles
that cleanup had left clean. That row is therefore counted at its sampling share:

* the odds ratio does not notice, because a share multiplies both cells of one row. It is
  conditional on the margins, hence exact in tables of any size: J. Cornfield, "A statistical
  problem arising from retrospective studies", Third Berkeley Symposium 4 (1956) 135-148;
* over strata (one for each condition, never pooled) the same distribution is convolved: J. J. Gart,
  "Point and interval estimation of the common odds ratio in the combination of 2x2 tables",
  Biometrika 57 (1970) 471-475; C. R. Mehta, N. R. Patel, R. Gray, "Computing an exact confidence
  interval for the common odds ratio in several 2x2 contingency tables", JASA 80 (1985) 969-973;
* the lift and the reliability that independence predicts do notice. They are functions of three
  binomial shares: P(cleanup fails), P(restore fails | cleanup failed) and P(restore fails | cleanup
  succeeded). The three are tested together by the sum of their squared normal scores, and the
  interval is every value that some accepted triple gives. Never too short, whatever the size.

Intervals here are for numbers of cycles fixed beforehand, and independent of each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Table:
    """Cycles of one condition, counted by what failed.

    Args:
        both: cleanup failed, and so did the restore.
        cleanup_only: cleanup failed, the restore worked.
        restore_only: cleanup succeeded, a restore forced all the same failed.
        neither: cleanup succeeded, a restore forced all the same worked.
        share: the probability, above 0 up to 1, with which the restore was forced on a cycle whose
            cleanup succeeded, decided for each by itself.
        untried: cycles whose cleanup succeeded and whose restore was not tried. Give it where it
            is known: without it that number is itself estimated, from the share.

    Raises:
        ValueError: for a count that is no whole number from 0 up, a share outside (0, 1], or
            cycles untried at a share of 1.
    """

    both: int
    cleanup_only: int
    restore_only: int
    neither: int
    share: float = 1.0
    untried: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot have been counted."""
        for name in ("both", "cleanup_only", "restore_only", "neither", "untried"):
            count = getattr(self, name)
            if count is None and name == "untried":
                continue
            if not isinstance(count, int | np.integer) or count < 0:
                raise ValueError(f"{name} must be a count of cycles, 0 or more, not {count!r}")
            object.__setattr__(self, name, int(count))  # a numpy integer would overflow
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be above 0 and up to 1, not {self.share}")
        if self.share == 1 and self.untried:
            raise ValueError("untried must be 0 at a share of 1: give the share that was sampled")

    @property
    def cleanup_failed(self) -> int:
        """Cycles whose cleanup failed; the restore was tried in all of them."""
        return self.both + self.cleanup_only

    @property
    def forced(self) -> int:
        """Cycles whose cleanup succeeded and whose restore was tried all the same."""
        return self.restore_only + self.neither

    @property
    def restore_failed(self) -> int:
        """Cycles, of those where it was tried, whose restore failed."""
        return self.both + self.restore_only

    @property
    def cleanup_succeeded(self) -> float:
        """Cycles whose cleanup succeeded: counted, or Horvitz-Thompson estimated by the share."""
        return self.forced / self.share if self.untried is None else self.forced + self.untried

    @property
    def chances(self) -> tuple[float, float, float]:
        """Estimates of P(cleanup fails), P(restore fails) and P(both fail); nan where unknown.

        A forced restore counts for as many cycles as it was sampled from.
        """
        cycles = self.cleanup_failed + self.cleanup_succeeded
        if not cycles:
            return math.nan, math.nan, math.nan
        restore = self.both / cycles
        if self.cleanup_succeeded:
            forced_failed = self.restore_only / self.forced if self.forced else math.nan
            restore += self.cleanup_succeeded / cycles * forced_failed
        return self.cleanup_failed / cycles, restore, self.both / cycles


class Ratio(NamedTuple):
    """A ratio from 0 to infinity, and the values that the data do not exclude."""

    estimate: float  # nan when the data say nothing
    lower: float
    upper: float
    confidence: float
    method: str  # conditional_exact, squared_scores


def around(estimate: float, low: float, high: float, confidence: float, method: str) -> Ratio:
    """Make a ratio whose bounds, even at a low confidence, do not pass the estimate."""
    if not math.isnan(estimate):
        low, high = min(low, estimate), max(high, estimate)
    return Ratio(estimate, low, high, confidence, method)


def in_two_digits(ratio: float, rounding: str) -> str:
    """Print a ratio in two digits, rounded outwards as an interval must be."""
    if ratio in (0, math.inf):
        return f"{ratio:.0f}"
    exact = Decimal(ratio)
    return f"{exact.quantize(Decimal(1).scaleb(min(0, exact.adjusted() - 1)), rounding):,f}"
