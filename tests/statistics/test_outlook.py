"""What an open claim still takes is what the verdict then takes, where it goes well."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.outlook import fewest_to_decide
from harness.statistics.sequential import UNREACHABLE, decide, support_boundary

claims = st.sampled_from([0.75, 0.95, 0.99, 0.999])


def test_support_takes_what_is_missing_if_nothing_fails() -> None:
    """99.9% at 95%: 3,402 cycles without a failure, 6,893 with one (design of the verdict)."""
    assert fewest_to_decide(0, 1402, 0.999, 0.95) == 2000
    assert fewest_to_decide(1, 6000, 0.999, 0.95) == 6893 - 6000


@settings(max_examples=30)
@given(failures=st.integers(1, 60), cycles=st.integers(60, 5000), claim=claims)
def test_going_on_as_well_as_foreseen_decides_where_foreseen(
    failures: int, cycles: int, claim: float
) -> None:
    """A root fewer failures, or a root more, from now on: one of the two decides just there."""
    before = np.arange(cycles) < failures  # early ones; what counts is how many they are
    if decide(before, claim).decided_at is not None:
        return
    needed = fewest_to_decide(failures, cycles, claim, 0.95)
    if needed > 200_000:
        return
    ends = []
    for rate in (failures - failures**0.5, failures + failures**0.5):
        further = np.arange(1, 2 * needed + 50) * rate / cycles
        after = np.diff(np.floor(further), prepend=0.0) > 0
        decided_at = decide(np.concatenate([before, after]), claim).decided_at
        ends += [] if decided_at is None else [decided_at - cycles]
    assert ends
    slack = 0.05 * (cycles + needed) + 2 * cycles / failures  # a failure sooner or later
    assert abs(min(ends) - needed) <= slack


def test_what_stays_at_its_claim_takes_ever_more() -> None:
    """A share right at the claim is foreseen to take more the longer it has gone on."""
    needs = [fewest_to_decide(n * 5, n * 20, 0.75, 0.95) for n in (10, 40, 160)]
    assert needs == sorted(set(needs))


def test_where_none_failed_yet_one_more_look_is_cheap() -> None:
    """After 100 cycles without a failure nobody knows that it takes 3,302 more: see soon again."""
    soon = fewest_to_decide(0, 100, 0.999, 0.95)
    assert 50 < soon < 1000
    assert fewest_to_decide(0, 100 + soon, 0.999, 0.95) > soon
    assert fewest_to_decide(0, 1000, 0.999, 0.95) == 2402


def test_all_of_them_can_only_be_refuted() -> None:
    """A claim of 100% is supported by no number of cycles, and refuted by the first failure."""
    assert support_boundary(0, 1.0) == UNREACHABLE
    assert fewest_to_decide(0, 100, 1.0, 0.95) < 10


def test_nothing_is_foreseen_sooner_than_a_support_without_failure() -> None:
    """One failure so far, and none to come, is the boundary of one failure."""
    assert fewest_to_decide(1, 2000, 0.999, 0.95) <= support_boundary(1, 0.999) - 2000
