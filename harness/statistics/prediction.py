"""The reliability that is to be expected if cleanup and restore fail independently.

Of the cycles that have a backup, 1 - P(cleanup fails) P(restore fails) end well; a cycle whose
backup is refused fails in any case, and so does one that was believed and dirty, in which no
restore had a say. With these shares every one of which is measured,

    reliability = P(has a backup) (1 - P(cleanup fails) P(restore fails)) - P(believed and dirty)

Each share has an interval of its own, all of them hold at once at the confidence asked for
(Bonferroni: each side of each has its part of the error), and the formula rises or falls with each
share alone. So putting in their ends gives bounds that hold, however the shares depend on each
other. For numbers of cycles fixed beforehand.
"""

from __future__ import annotations

from typing import NamedTuple

from harness.statistics.dependence import Table
from harness.statistics.intervals import Interval, clopper_pearson
from harness.statistics.lift import predicted

METHOD = "ends_combined"


class Count(NamedTuple):
    """How many of so many."""

    number: int
    of: int


def from_other_restores(
    cleanup: Count, restore: Count, refused: Count, confidence: float = 0.95
) -> Interval:
    """Predict from the restores of a condition that is the same but restores every time.

    Args:
        cleanup: how many cleanups failed, of the cycles that had a backup.
        restore: how many restores failed, of all that the other condition tried.
        refused: how many backups were refused, of all cycles.
        confidence: the least probability, between 0 and 1, that the interval holds the truth.

    Returns:
        Shares from 0 to 1.

    Raises:
        ValueError: for counts that there cannot be, none to count in, or a confidence outside
            (0, 1).
    """
    if not (cleanup.of and restore.of and refused.of):
        raise ValueError(f"there must be cycles to count in, not {cleanup}, {restore}, {refused}")
    each = 1 - (1 - confidence) / 3
    first, second = clopper_pearson(*cleanup, each), clopper_pearson(*restore, each)
    backed_up = _others(refused, each)
    return _interval(
        backed_up.estimate * (1 - first.estimate * second.estimate),
        backed_up.lower * (1 - first.upper * second.upper),
        backed_up.upper * (1 - first.lower * second.lower),
        confidence,
    )


def from_forced_restores(
    table: Table, refused: Count, unseen: Count, confidence: float = 0.95
) -> Interval:
    """Predict from restores forced in the condition's own cycles.

    Args:
        table: the cycles that had a backup.
        refused: how many backups were refused, of all cycles.
        unseen: how many were believed and ended dirty, of all cycles; in the table they count as
            believed.
        confidence: the least probability, between 0 and 1, that the interval holds the truth.

    Returns:
        Shares from 0 to 1; nan as the estimate, in 0 to 1, where the table says nothing.

    Raises:
        ValueError: for counts that there cannot be, or a confidence outside (0, 1).
    """
    each = 1 - (1 - confidence) / 3
    backed_up, dirty = _others(refused, each), clopper_pearson(*unseen, each)
    both = predicted(table, each)
    return _interval(
        backed_up.estimate * both.estimate - dirty.estimate,
        backed_up.lower * both.lower - dirty.upper,
        backed_up.upper * both.upper - dirty.lower,
        confidence,
    )


def _others(count: Count, confidence: float) -> Interval:
    """Give the share of those that are not counted."""
    return clopper_pearson(count.of - count.number, count.of, confidence)


def _interval(estimate: float, lower: float, upper: float, confidence: float) -> Interval:
    # no share is less than none; max keeps its first argument when that is nan
    return Interval(max(estimate, 0.0), max(0.0, lower), max(0.0, upper), confidence, METHOD)
