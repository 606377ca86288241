"""What independence predicts: every measured share brings its error along."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import beta

from harness.statistics.dependence import Table
from harness.statistics.lift import predicted
from harness.statistics.prediction import METHOD, Count, from_forced_restores, from_other_restores

EACH = 0.05 / 3  # of the error, for each of three shares


def ends(count: Count) -> tuple[float, float]:
    """Give the Clopper-Pearson interval of a share, straight from its definition."""
    low = beta.ppf(EACH / 2, count.number, count.of - count.number + 1) if count.number else 0.0
    high = beta.ppf(1 - EACH / 2, count.number + 1, count.of - count.number)
    return float(low), float(high)


def test_three_shares_by_hand() -> None:
    """(1 - refused)(1 - cleanup x restore), the worst ends put together and the best."""
    cleanup, restore, refused = Count(40, 190), Count(10, 100), Count(10, 200)
    found = from_other_restores(cleanup, restore, refused)
    assert found.estimate == pytest.approx(0.95 * (1 - 4 / 19 * 0.1))
    (c0, c1), (r0, r1), (f0, f1) = ends(cleanup), ends(restore), ends(refused)
    assert found.lower == pytest.approx((1 - f1) * (1 - c1 * r1))
    assert found.upper == pytest.approx((1 - f0) * (1 - c0 * r0))
    assert (found.confidence, found.method) == (0.95, METHOD)


def test_forced_restores_by_hand() -> None:
    """What the table predicts at its part of the error, refusals and unseen dirt with theirs."""
    table = Table(both=4, cleanup_only=36, restore_only=2, neither=48, share=0.5, untried=60)
    refused, unseen = Count(50, 200), Count(6, 200)
    both = predicted(table, 1 - EACH)
    found = from_forced_restores(table, refused, unseen)
    assert found.estimate == pytest.approx(0.75 * both.estimate - 0.03)
    (f0, f1), (u0, u1) = ends(refused), ends(unseen)
    assert found.lower == pytest.approx((1 - f1) * both.lower - u1)
    assert found.upper == pytest.approx((1 - f0) * both.upper - u0)


def test_a_share_that_was_never_seen_may_still_be_there() -> None:
    """No refusal in 100 cycles is no proof that there is none: the lower bound says so."""
    cleanup, restore = Count(0, 100), Count(0, 100)
    found = from_other_restores(cleanup, restore, Count(0, 100))
    assert found.estimate == found.upper == 1
    assert found.lower < 1 - ends(Count(0, 100))[1] + 1e-12 < 0.96


COUNTS = st.integers(0, 60)
PARTS = st.tuples(COUNTS, st.integers(1, 60)).map(lambda pair: Count(min(pair), pair[1]))


@given(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS), PARTS, PARTS, PARTS)
@example((60, 0, 0, 0), Count(60, 60), Count(60, 60), Count(0, 1))
def test_shares_are_shares(
    cells: tuple[int, int, int, int], refused: Count, unseen: Count, other: Count
) -> None:
    """Whatever was counted, both predictions lie within their bounds, and these from 0 to 1."""
    for found in (
        from_forced_restores(Table(*cells), refused, unseen),
        from_other_restores(unseen, other, refused),
    ):
        assert 0 <= found.lower <= found.upper <= 1
        if not math.isnan(found.estimate):
            assert found.lower <= found.estimate <= found.upper


def test_what_there_cannot_be() -> None:
    """No share is less than none; a table that says nothing gives none; no cycles are refused."""
    hopeless = Table(both=90, cleanup_only=0, restore_only=10, neither=0)
    found = from_forced_restores(hopeless, Count(0, 100), Count(90, 100))
    assert found.estimate == found.lower == 0
    nothing = from_forced_restores(Table(0, 0, 0, 0), Count(3, 3), Count(0, 3))
    assert math.isnan(nothing.estimate)
    with pytest.raises(ValueError, match="cycles to count in"):
        from_other_restores(Count(0, 0), Count(0, 1), Count(0, 1))
