"""The same cycle once more, restored in any case: how often a restore fails where none is needed.

An ordinary cycle tries the restore only where the cleanup failed. Whether the two fail together
can be told only beside restores of cycles whose cleanup was believed. So a drawn share of these is
run a second time: the same number, test data and planned faults, and a guard that does all that
the condition's policy does, and then restores whatever it found. The plan of a cycle is drawn over
all slots before it starts, those of the restore as well: in the shadow they come up.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from harness.errors import MeasurementError
from harness.faults.schedule.plan import Stream
from harness.guard.policy import POLICIES, Policy
from harness.guard.protocol import GuardResult

if TYPE_CHECKING:
    from harness.experiment.cycle.ending import Ending
    from harness.experiment.written.settings import Condition


class InAnyCase(Policy):
    """A policy that looks where another looks, and then restores whatever was reported or found."""

    __slots__ = ()

    def wants_restore(self, *, reported_ok: bool, found_clean: bool) -> bool:
        """Say yes."""
        return True


def in_any_case(policy: str) -> InAnyCase:
    """Return the policy called ``policy``, made to restore in every cycle."""
    ordinary = POLICIES[policy]
    return InAnyCase(**{field.name: getattr(ordinary, field.name) for field in fields(Policy)})


class Sample:
    """Which cycles of a condition have a shadow.

    Each is drawn from a stream of its own for (seed, condition, cycle), whether or not it turns
    out to be needed: the same cycle has a shadow wherever, and in whatever order, it is run.
    """

    def __init__(self, condition: Condition, seed: int) -> None:
        self._share = condition.shadow
        self._stream = Stream(f"{seed}\0{condition.name}\0shadow")

    def has(self, cycle: int) -> bool:
        """Whether ``cycle`` is run once more, if no restore is tried in it."""
        return self._share > 0 and float(self._stream.at(cycle).random()) < self._share


def needs_none(result: GuardResult) -> bool:
    """Whether a backup was taken, the cleanup believed, and no restore tried."""
    return bool(result.backed_up_by) and result.ended == "cleaned"


def brought_back(ordinary: GuardResult, shadow: Ending) -> bool:
    """Whether the shadow's restore brought the baseline back, sequences and all.

    The cleanup has already put every row right, so a restore that put back nothing would pass for
    one that worked at grade rows. What it cannot have by the cleanup's grace is exactness: a
    recovery puts back everything.

    Raises:
        MeasurementError: what came before the restore did not go as in the ordinary cycle, so
            that this is not the same cycle.
    """
    before, again = _before_restore(ordinary), _before_restore(shadow.result)
    if before != again:
        raise MeasurementError(
            f"run again for its shadow, the cycle did not go the same way: {before}, then {again}"
        )
    return shadow.outcome == "restored" and shadow.judgement.exact


def _before_restore(result: GuardResult) -> str:
    """Say how the guard stood when it came to decide on a restore."""
    if result.report is None:
        return "the backup was refused"
    reported = (
        "the cleanup reported success" if result.report.ok else "the cleanup reported a failure"
    )
    if result.found is None:
        return reported
    return (
        f"{reported} and {'nothing' if result.found.clean('rows') else 'something'} was found left"
    )
