"""What an open claim still takes is what the verdict then takes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.outlook import fewest_to_decide
from harness.statistics.sequential import UNREACHABLE, decide, support_boundary


def test_support_takes_what_is_missing_if_nothing_else_fails() -> None:
    """99.9% at 95%: 3,402 cycles without a failure, 6,893 with one (design of the verdict)."""
    assert fewest_to_decide(0, 0, 0.999, 0.95) == 3402
    assert fewest_to_decide(0, 402, 0.999, 0.95) == 3000
    assert fewest_to_decide(1, 3402, 0.999, 0.95) == 6893 - 3402


@settings(max_examples=30, deadline=None)
@given(every=st.integers(2, 12), claim=st.sampled_from([0.95, 0.99, 0.999]))
def test_failing_on_as_before_refutes_where_foreseen(every: int, claim: float) -> None:
    """Of cycles of which each so-and-so-manieth fails the refutation comes when it was foreseen."""
    failed = np.arange(1, 20_001) % every == 0
    decided = decide(failed, claim)
    assert decided.verdict == "refuted"
    assert decided.decided_at is not None
    seen = 2 * every  # two failures
    if decided.decided_at > seen:
        foreseen = seen + fewest_to_decide(2, seen, claim, 0.95)
        soonest = min(decided.decided_at, support_boundary(2, claim))
        assert 0.8 * soonest - every <= foreseen <= 1.2 * soonest + every


def test_as_often_as_claimed_no_refutation_is_foreseen() -> None:
    """What fails as seldom as it may is supported or nothing."""
    assert fewest_to_decide(1, 2000, 0.999, 0.95) == support_boundary(1, 0.999) - 2000


def test_all_of_them_is_out_of_reach() -> None:
    """A claim of 100% is supported by no number of cycles."""
    assert fewest_to_decide(0, 100, 1.0, 0.95) == UNREACHABLE
