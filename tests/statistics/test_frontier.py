"""Where a reliability holds in a sweep: the error rate enumerated, and every sentence."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from harness.statistics.frontier import Frontier, Point, frontier, sentence
from harness.statistics.intervals import clopper_pearson
from harness.statistics.sequential import support_boundary

LATTICE = (0.5, 0.6, 0.7, 0.75, 0.79, 0.7999, 0.8, 0.82, 0.85, 0.9, 0.95, 0.99)
N, TARGET = 12, 0.8  # so few that every count there can be is gone through
CONFIDENCE = 0.92  # of the claims on what is said; seven breaks by chance in a hundred, at TARGET


@functools.cache
def said_of(failures: tuple[int, ...], confidence: float) -> Frontier:
    """Ask what these counts of N cycles each show."""
    points = [Point(float(x), k, N) for x, k in enumerate(failures)]
    return frontier(points, TARGET, confidence)


def chance_of_a_false_word(reliabilities: Sequence[float], confidence: float) -> float:
    """Add up the chances of all counts of failures for which something said is false."""
    chances = [binom.pmf(range(N + 1), N, 1 - p) for p in reliabilities]
    wrong = 0.0
    for failures in itertools.product(range(N + 1), repeat=len(reliabilities)):
        said = said_of(failures, confidence)
        false = said.holds_to is not None and any(
            p < TARGET for x, p in enumerate(reliabilities) if x <= said.holds_to
        )
        broken = said.breaks_from
        if false or (broken is not None and reliabilities[int(broken)] >= TARGET):
            wrong += math.prod(pmf[k] for pmf, k in zip(chances, failures, strict=True))
    return wrong


def chance_of_a_false_bound(reliability: float, points: int, confidence: float) -> float:
    """Give the chance that any bound of so many points, all of one reliability, excludes it."""
    pmf, right = binom.pmf(range(N + 1), N, 1 - reliability), 0.0
    for failures in range(N + 1):
        bound = said_of((failures,) * points, confidence).bounds[0]
        right += pmf[failures] if bound.lower <= reliability <= bound.upper else 0
    return float(1 - right**points)


def test_false_words_are_rarer_than_the_error_allows() -> None:
    """Enumerated over all counts: whatever the truth at two points, and at three."""
    for truth in itertools.product(LATTICE, repeat=2):
        assert chance_of_a_false_word(truth, CONFIDENCE) <= 1 - CONFIDENCE, truth
    for truth in ((0.8, 0.8, 0.8), (0.7999, 0.7999, 0.7999), (0.9, 0.8, 0.7)):
        assert chance_of_a_false_word(truth, CONFIDENCE) <= 1 - CONFIDENCE, truth


def test_a_lost_correction_would_be_seen() -> None:
    """With the whole error at every point (the planted defect) too much that is said is false."""
    for points in (2, 3):
        uncorrected = 1 - (1 - CONFIDENCE) * 2 * points  # frontier divides it again
        assert chance_of_a_false_word((TARGET,) * points, uncorrected) > 1 - CONFIDENCE


@pytest.mark.parametrize("points", [1, 2, 6])
def test_all_bounds_are_right_at_once(points: int) -> None:
    """Enumerated at 399 reliabilities; with a share for each point, not each bound, it fails."""
    truths = [number / 400 for number in range(1, 400)]
    assert max(chance_of_a_false_bound(p, points, CONFIDENCE) for p in truths) <= 1 - CONFIDENCE
    halved = 1 - (1 - CONFIDENCE) * 2  # the planted defect: two bounds, one share of the error
    assert max(chance_of_a_false_bound(p, points, halved) for p in truths) > 1 - CONFIDENCE


@pytest.mark.parametrize("points", [1, 3, 6])
def test_bounds_are_one_sided(points: int) -> None:
    """The fewest clean cycles are ln(error / 2m) / ln(target); two-sided bounds would take more."""
    error = 0.05 / (2 * points)
    fewest = math.ceil(math.log(error) / math.log(0.999))
    for cycles, holds_to in ((fewest, float(points - 1)), (fewest - 1, None)):
        found = frontier([Point(float(x), 0, cycles) for x in range(points)], 0.999, 0.95)
        assert (found.holds_to, found.fewest) == (holds_to, fewest)
    assert clopper_pearson(fewest, fewest, 1 - error).lower < 0.999  # two-sided: the defect


def test_it_holds_only_where_it_holds_all_the_way() -> None:
    """A point that cannot tell ends what is shown, though a later one would be shown alone."""
    points = [Point(0.001, 0, 9000), Point(0.002, 0, 100), Point(0.004, 0, 9000)]
    found = frontier(points, 0.999)
    assert [bound.shown for bound in found.bounds] == [True, False, True]
    assert (found.holds_to, found.breaks_from, found.falls) == (0.001, None, True)


def test_cycles_that_ended_on_a_verdict_are_judged_by_what_holds_then() -> None:
    """Bounds for a fixed number support after 5296 clean cycles; the e-process takes longer."""
    enough = support_boundary(0, 0.999, 1 - 0.05 / 2)
    clean = [Point(0.1, 0, enough - 1, fixed=False)]
    assert frontier([clean[0]._replace(fixed=True)], 0.999).holds_to == 0.1
    assert frontier(clean, 0.999).holds_to is None
    assert frontier([Point(0.1, 0, enough, fixed=False)], 0.999).holds_to == 0.1
    assert frontier([Point(0.1, 40, 400, fixed=False)], 0.999).breaks_from == 0.1


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(60, 8000)), min_size=1, max_size=6),
    st.sampled_from([0.9, 0.99, 0.999]),
)
def test_what_holds_is_below_what_breaks(counts: list[tuple[int, int]], target: float) -> None:
    """No place is both, and more certainty never says more."""
    points = [Point(float(x), k, n) for x, (k, n) in enumerate(counts)]
    found, surer = frontier(points, target, 0.95), frontier(points, target, 0.999)
    if found.holds_to is not None and found.breaks_from is not None:
        assert found.holds_to < found.breaks_from
    assert (-1 if surer.holds_to is None else surer.holds_to) <= (
        -1 if found.holds_to is None else found.holds_to
    )
    if surer.breaks_from is not None:
        assert found.breaks_from is not None
        assert found.breaks_from <= surer.breaks_from
    assert sentence(found)


GOOD, UNSURE, BAD = (0, 9000), (1, 900), (90, 900)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((GOOD, UNSURE, BAD), "99.9% is shown up to a fault rate of 0.001 and broken from 0.1 on; "
         "between the two, these cycles cannot tell"),
        ((GOOD, GOOD), "99.9% is shown at every fault rate of this sweep, up to 0.01"),
        ((GOOD, UNSURE), "99.9% is shown up to a fault rate of 0.001; beyond, these cycles cannot"),
        ((BAD, BAD), "99.9% is broken from 0.001 on, the lowest fault rate of this sweep"),
        ((UNSURE, BAD), "99.9% is shown nowhere in this sweep and broken from a fault rate of 0.01 "
         "on; below, these cycles cannot tell (4,380 cycles at a fault rate, and no failure,"),
        ((UNSURE, UNSURE), "99.9% is neither shown nor broken anywhere in this sweep (4,380"),
        ((GOOD, BAD, GOOD), "99.9% is shown up to a fault rate of 0.001, broken at 0.01 and shown "
         "to hold beyond: reliability does not simply fall as the fault rate rises"),
        ((BAD, GOOD), "99.9% is broken at 0.001 and shown to hold beyond: reliability does"),
    ],
)  # fmt: skip
def test_every_sentence(counts: Sequence[tuple[int, int]], said: str) -> None:
    """Each way it can come out is said in words, with the rates."""
    xs = (0.001, 0.01, 0.1)
    points = [Point(x, *count) for x, count in zip(xs, counts, strict=False)]
    assert sentence(frontier(points, 0.999)).startswith(said)


def test_what_makes_no_sense_is_refused() -> None:
    """No points, points out of order or twice, shares that are percentages."""
    one = Point(0.1, 0, 10)
    for points, target in (([], 0.9), ([one, one], 0.9), ([one, Point(0.05, 0, 9)], 0.9)):
        with pytest.raises(ValueError, match="ascending"):
            frontier(points, target)
    with pytest.raises(ValueError, match=r"0\.999, not 99\.9"):
        frontier([one], 99.9)
    with pytest.raises(ValueError, match="confidence"):
        frontier([one], 0.9, 1.0)
    with pytest.raises(ValueError, match="successes"):
        frontier([Point(0.1, 11, 10)], 0.9)
