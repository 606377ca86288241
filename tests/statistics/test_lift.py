from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.statistics.dependence import Table
from harness.statistics.intervals import clopper_pearson
from harness.statistics.lift import Lift, lift
from tests.statistics.tables_by_hand import (
    CELLS,
    NUDGE,
    TABLES,
    Floats,
    binomial,
)


def test_a_forced_restore_counts_for_as_many_as_it_was_sampled_from() -> None:
    """P(restore fails) weights both rows, in exact fractions, with counted or estimated cycles."""
    cleanup = Fraction(500, 10_000)
    restore = cleanup * Fraction(12, 500) + (1 - cleanup) * Fraction(30, 1900)
    for table in (Table(12, 488, 30, 1870, 0.2, 7600), Table(12, 488, 30, 1870, 0.2)):
        expected = (cleanup, restore, Fraction(12, 10_000))
        assert table.chances == pytest.approx([float(x) for x in expected])
        found = lift(table)
        assert found.predicted.estimate == pytest.approx(float(1 - cleanup * restore))
        assert found.measured.estimate == pytest.approx(1 - 0.0012)
        assert found.ratio.estimate == pytest.approx(
            float(Fraction(12, 10_000) / cleanup / restore)
        )
    counted, estimated = (lift(Table(12, 488, 30, 1870, 0.2, n)) for n in (7600, None))
    assert counted.measured == clopper_pearson(9988, 10_000)
    for one, other in ((counted.predicted, estimated.predicted), (counted[2], estimated[2])):
        # not to know the number of cycles costs little where many restores were forced
        assert 1 - other.lower == pytest.approx(1 - one.lower, rel=0.3)
        assert 1 - other.upper == pytest.approx(1 - one.upper, rel=0.3)


cached_lift = cache(lift)


def tables_of(cycles: int, share: float, counted: bool) -> Iterator[tuple[Table, int]]:
    """Go through all that so many cycles can give; with each table, how many were not tried."""
    for failed in range(cycles + 1):
        succeeded = cycles - failed
        for forced in range(succeeded + 1) if share < 1 else [succeeded]:
            left = succeeded - forced
            for a, c in itertools.product(range(failed + 1), range(forced + 1)):
                untried = left if counted and share < 1 else None
                yield Table(a, failed - a, c, forced - c, share, untried), left


def lift_coverage(
    cycles: int, share: float, counted: bool, seen: Callable[[Table], Lift]
) -> list[float]:
    """Enumerate the worst coverage of the lift, and of the reliabilities predicted and measured."""
    tables = [(table, left, seen(table)) for table, left in tables_of(cycles, share, counted)]
    worst = [1.0, 1.0, 1.0]
    for cleanup, failed, forced in itertools.product([0.05, 0.3, 0.7], [0.1, 0.6], [0.1, 0.4]):
        restore = cleanup * failed + (1 - cleanup) * forced
        truths = (failed / restore, 1 - cleanup * restore, 1 - cleanup * failed)
        covered = [0.0, 0.0, 0.0]
        for table, left, found in tables:
            chance_here = (
                binomial(table.cleanup_failed, cycles, cleanup)
                * binomial(table.forced, table.forced + left, share)
                * binomial(table.both, table.cleanup_failed, failed)
                * binomial(table.restore_only, table.forced, forced)
            )
            for which, truth in enumerate(truths):
                interval = found[which]
                covered[which] += chance_here * (interval.lower <= truth <= interval.upper)
        worst = [min(pair) for pair in zip(worst, covered, strict=True)]
    return worst


@pytest.mark.parametrize(
    ("cycles", "share", "counted"), [(9, 1.0, True), (6, 0.5, True), (6, 0.5, False)]
)
def test_lift_and_reliabilities_cover(cycles: int, share: float, counted: bool) -> None:
    """Enumerated exactly each of the three intervals holds the truth 95 in 100 times."""
    assert min(lift_coverage(cycles, share, counted, cached_lift)) >= 0.95


def without_share(table: Table) -> Lift:
    """Give a planted defect: the forced restores are taken for all there were."""
    return cached_lift(Table(table.both, table.cleanup_only, table.restore_only, table.neither))


def by_logarithms(table: Table) -> Lift:
    """Give a planted defect: the delta method on the logarithm of the lift."""
    a, b, c = table.both, table.cleanup_only, table.restore_only
    found = cached_lift(table)
    if not a:
        return found
    cycles = a + b + c + table.neither
    error = math.sqrt(abs(1 / a - 1 / (a + b) - 1 / (a + c) + 1 / cycles))
    low, high = (found.ratio.estimate * math.exp(sign * 1.96 * error) for sign in (-1, 1))
    return found._replace(ratio=found.ratio._replace(lower=low, upper=high))


def test_the_share_ignored_and_the_delta_method_break_the_promise() -> None:
    """The same enumeration catches both planted defects."""
    assert lift_coverage(7, 0.1, True, without_share)[2] < 0.95
    assert lift_coverage(9, 1.0, True, by_logarithms)[0] < 0.95


def squared_score(count: int, trials: int, shares: Floats, *, too_small: bool) -> Floats:
    """Square the normal score of shares that are too small, or too great, for so many of trials."""
    seen = range(count, trials + 1) if too_small else range(count + 1)
    tails = sum((math.comb(trials, k) * shares**k * (1 - shares) ** (trials - k) for k in seen), 0)
    return np.array([NormalDist().inv_cdf(min(float(t), 0.5)) ** 2 for t in np.asarray(tails)])


@pytest.mark.parametrize(
    ("table", "tried"),
    [(Table(4, 16, 6, 54, 0.5, 60), 140), (Table(2, 5, 11, 20), 38), (Table(1, 11, 5, 3), 20)],
)
def test_bounds_are_the_extremes_over_what_the_data_accept(table: Table, tried: int) -> None:
    """No triple of shares with acceptable scores gives a value outside, and some give one close by.

    The tails are summed binomials and the limit is simulated: not the formulas of the package.
    """
    scores = np.random.default_rng(8).standard_normal((1_000_000, 3))
    sums = scores[:, 0] ** 2 + (np.maximum(scores[:, 1:], 0) ** 2).sum(axis=1)
    limit = float(np.quantile(sums, 0.975))
    margins = (
        (table.cleanup_failed, tried),
        (table.both, table.cleanup_failed),
        (table.restore_only, table.forced),
    )
    axes = [np.geomspace(*clopper_pearson(*margin, 0.999)[1:3], 120) for margin in margins]
    below, above = (
        [squared_score(*m, x, too_small=side) for m, x in zip(margins, axes, strict=True)]
        for side in (True, False)
    )
    cleanup, failed, forced = np.meshgrid(*axes, indexing="ij")
    restore = cleanup * failed + (1 - cleanup) * forced
    found = lift(table)

    def accepted(failed_scores: Floats, forced_scores: Floats) -> NDArray[np.bool_]:
        on_axis = np.maximum(below[0], above[0]), failed_scores, forced_scores
        total = sum(np.meshgrid(*on_axis, indexing="ij"), np.zeros(cleanup.shape))
        return np.asarray(total <= limit * 0.995)

    times, unreliable = failed / restore, cleanup * restore
    extremes = [
        (times[accepted(above[1], below[2])].max(), found.ratio.upper),
        (1 / times[accepted(below[1], above[2])].min(), 1 / found.ratio.lower),
        (unreliable[accepted(above[1], above[2])].max(), 1 - found.predicted.lower),
        (1 / unreliable[accepted(below[1], below[2])].min(), 1 / (1 - found.predicted.upper)),
    ]
    for inside, bound in extremes:
        assert 0.85 * bound < inside <= bound


@settings(deadline=None, max_examples=25)
@given(TABLES, st.floats(0.1, 0.999), st.floats(0.1, 0.999))
def test_lift_obeys_its_laws(table: Table, one: float, other: float) -> None:
    """Estimates lie inside, more confidence is wider, shares stay shares."""
    narrow, wide = (lift(table, level) for level in sorted((one, other)))
    pairs = [(getattr(narrow, name), getattr(wide, name)) for name in Lift._fields]
    for tight, loose in pairs:
        assert loose.lower <= tight.lower * NUDGE + 1e-12
        assert tight.upper <= loose.upper * NUDGE + 1e-12
        assert math.isnan(tight.estimate) or tight.lower <= tight.estimate <= tight.upper
        assert tight.lower >= 0
    assert max(wide.predicted.upper, wide.measured.upper) <= 1
    assert not math.isnan(wide.ratio.lower + wide.ratio.upper)


@settings(deadline=None, max_examples=25)
@given(CELLS, CELLS, CELLS, CELLS)
def test_a_share_of_1_is_the_plain_table(a: int, b: int, c: int, d: int) -> None:
    """With every restore tried the estimates are those of the table, rows for columns alike."""
    table, n = Table(a, b, c, d), a + b + c + d
    cleanup, restore, both = table.chances
    assert Table(a, c, b, d).chances == pytest.approx((restore, cleanup, both), nan_ok=True)
    if n:
        assert (cleanup, restore, both) == pytest.approx(((a + b) / n, (a + c) / n, a / n))
    assert repr(lift(Table(a, b, c, d, 1.0, 0))) == repr(lift(table))


@pytest.mark.parametrize(
    ("table", "ratio", "estimates"),
    [
        (Table(0, 0, 0, 0), (0, math.inf), (math.nan, math.nan)),
        (Table(0, 0, 0, 0, 0.5, 9), (0, math.inf), (math.nan, 1)),  # nothing forced
        (Table(0, 0, 0, 500), (0, math.inf), (1, 1)),
        (Table(4, 3, 0, 0), (None, None), (3 / 7, 3 / 7)),  # no cleanup succeeded
        (Table(0, 0, 3, 90), (0, None), (1, 1)),
        (Table(0, 9, 0, 90), (0, None), (1, 1)),
        (Table(1, 0, 0, 1), (None, None), (0.75, 0.5)),
    ],
)
def test_lift_of_empty_cells(
    table: Table, ratio: tuple[float | None, float | None], estimates: tuple[float, float]
) -> None:
    """What was never seen is bounded all the same, by numbers that stand in order."""
    found = lift(table)
    assert (found.predicted.estimate, found.measured.estimate) == pytest.approx(
        estimates, nan_ok=True
    )
    low, high = ratio
    assert found.ratio.lower == low if low is not None else found.ratio.lower > 0
    assert found.ratio.upper == high if high is not None else found.ratio.upper < math.inf


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            Table(12, 488, 30, 1870, 0.2, 7600),
            "independence predicts 99.919% [99.868%, 99.954%]; measured 99.88% [99.79%, 99.94%]; "
            "both fail 0.51 to 3.5 times as often as independence says",
        ),
        (
            Table(0, 0, 0, 0),
            "independence predicts - [0%, 100%]; measured - [0%, 100%]; "
            "both fail at least 0 times as often as independence says",
        ),
        (
            Table(1000, 49_000, 19_000, 931_000),
            "independence predicts 99.9000% [99.8976%, 99.9024%]; "
            "measured 99.900% [99.893%, 99.907%]; "
            "both fail 0.91 to 1.1 times as often as independence says",
        ),
    ],
)
def test_sentence_has_the_digits_that_the_data_allow(table: Table, says: str) -> None:
    """Few cycles give few digits, and bounds are rounded outwards."""
    assert lift(table).sentence() == says


@settings(deadline=None, max_examples=25)
@given(TABLES)
def test_sentence_never_says_100_of_less(table: Table) -> None:
    """Only a reliability of just 1 or 0 is printed as such, however few the cycles."""
    found = lift(table)
    for share, text in zip(
        (found.predicted, found.measured), found.sentence().split(";")[:2], strict=True
    ):
        figure = text.split(" [")[0].split()[-1]
        assert (figure == "100%") == (share.estimate == 1)
        assert (figure == "0%") == (share.estimate == 0)
