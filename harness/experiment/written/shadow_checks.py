"""What a condition with shadows cannot have."""

from __future__ import annotations

from harness.experiment.written.project import NONE
from harness.experiment.written.settings import Condition
from harness.guard.policy import POLICIES


def why_never(condition: Condition) -> str | None:
    """Say why ``condition`` can have no shadows, or None."""
    policy = POLICIES[condition.policy]
    if not (policy.cleans and policy.backs_up) or condition.cleanup == NONE:
        return (
            "a shadow asks whether cleanup and restore fail together, so it needs both: "
            'choose policy "hybrid_verified" or "hybrid_trusting" and a cleanup, or leave it out'
        )
    if condition.strata is not None:
        return (
            "shadows are drawn from cycles at a set rate, and strata have a set number of faults: "
            "leave out one of the two"
        )
    return None
