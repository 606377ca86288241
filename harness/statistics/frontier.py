"""Up to which fault rate a reliability holds, and from which on it is broken.

At each point of a sweep the cycles give a one-sided lower and a one-sided upper bound. All of them
are to be right at once, so that a reader may pick any word of the answer: with m points there are
2 m bounds, and each has its share of the error, (1 - confidence) / (2 m) (Bonferroni).

What is not assumed: nothing is said of a rate between two points or beyond the last one, and each
point stands on its own cycles alone. Who takes for granted that reliability never rises with the
rate may read more: what holds at a point holds at every lower rate, and what is broken at one is
broken at every higher one. `Frontier.falls` is False where the bounds contradict that.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from harness.statistics.digits import number
from harness.statistics.intervals import check_confidence, clopper_pearson, sample_size
from harness.statistics.sequential import log_e_refute, log_e_support


class Point(NamedTuple):
    """The cycles at one place of a sweep."""

    x: float
    failures: int
    cycles: int
    fixed: bool = True  # their number was settled beforehand, not by what they showed


class Bounds(NamedTuple):
    """The reliabilities that a point's cycles do not exclude; shares from 0 to 1."""

    x: float
    lower: float  # for cycles fixed beforehand: descriptive where they were not
    upper: float
    shown: bool  # that the reliability is at least the target
    broken: bool  # that it is less


class Frontier(NamedTuple):
    """Where in a sweep a reliability is shown, and where it is broken."""

    target: float  # a share from 0 to 1
    confidence: float  # that all bounds are right at once
    holds_to: float | None  # the largest x up to which every point's lower bound is at the target
    breaks_from: float | None  # the smallest x whose upper bound is below the target
    falls: bool  # no point beyond breaks_from is shown to hold again
    bounds: tuple[Bounds, ...]
    fewest: int  # cycles that show the target at a point where none of them fails


def frontier(points: Sequence[Point], target: float, confidence: float = 0.95) -> Frontier:
    """Find where the target is shown and where it is broken.

    With `confidence`, for cycles that are independent of each other: the reliability at `holds_to`,
    and at every point before it, is at least the target; and at `breaks_from` it is less. Bounds:
    `intervals.clopper_pearson`, one-sided, each at the error (1 - confidence) / (2 * points). A
    point whose cycles ended when they were decided is judged by the e-processes of `sequential`
    instead, at the same error: they hold at any stopping time, and those bounds do not.

    Args:
        points: in ascending order of x, each x only once.
        target: the reliability asked for, between 0 and 1.
        confidence: the least probability, between 0 and 1, that nothing said is wrong.

    Returns:
        The two places, each None where the cycles show none, and the bounds they come from.

    Raises:
        ValueError: for no points, points out of order, counts that no cycles can give, or a target
            or confidence outside (0, 1).
    """
    xs = [point.x for point in points]
    if not xs or any(x >= after for x, after in itertools.pairwise(xs)):
        raise ValueError(f"points must be in ascending order of x, at least one, not {xs}")
    if not 0 < target < 1:
        raise ValueError(f"target must lie between 0 and 1 (0.999, not 99.9), not {target}")
    check_confidence(confidence)
    each = 1 - (1 - confidence) / (2 * len(points))
    bounds = tuple(_bounds(point, target, each) for point in points)
    shown = list(itertools.takewhile(lambda bound: bound.shown, bounds))
    holds_to = shown[-1].x if shown else None
    broken = [bound.x for bound in bounds if bound.broken]
    again = bool(broken) and any(bound.shown for bound in bounds if bound.x > broken[0])
    fewest = sample_size(target, 0, each)
    return Frontier(
        target, confidence, holds_to, broken[0] if broken else None, not again, bounds, fewest
    )


def sentence(crossing: Frontier, of: str = "fault rate") -> str:
    """Say it to people; ``of`` names x."""
    target = f"{(Decimal(str(crossing.target)) * 100).normalize():f}%"  # 99.9%, as it was asked for
    last = crossing.bounds[-1].x
    holds_to, breaks_from = crossing.holds_to, crossing.breaks_from
    holds, breaks = ("" if x is None else number(x) for x in (holds_to, breaks_from))
    if not crossing.falls:
        shown = f"shown up to a {of} of {holds}, " if holds_to is not None else ""
        return (
            f"{target} is {shown}broken at {breaks} and shown to hold beyond: reliability "
            f"does not simply fall as the {of} rises"
        )
    if holds_to == last:
        return f"{target} is shown at every {of} of this sweep, up to {number(last)}"
    if holds_to is not None and breaks_from is not None:
        return (
            f"{target} is shown up to a {of} of {holds} and broken from {breaks} on; "
            "between the two, these cycles cannot tell"
        )
    if holds_to is not None:
        return f"{target} is shown up to a {of} of {holds}; beyond, these cycles cannot tell"
    if breaks_from == crossing.bounds[0].x:
        return f"{target} is broken from {breaks} on, the lowest {of} of this sweep"
    needs = f"{crossing.fewest:,} cycles at a {of}, and no failure, are the fewest that show it"
    if breaks_from is not None:
        return (
            f"{target} is shown nowhere in this sweep and broken from a {of} of {breaks} "
            f"on; below, these cycles cannot tell ({needs})"
        )
    return f"{target} is neither shown nor broken anywhere in this sweep ({needs})"


def _bounds(point: Point, target: float, confidence: float) -> Bounds:
    x, failures, cycles, fixed = point
    lower = clopper_pearson(cycles - failures, cycles, confidence, "lower").lower
    upper = clopper_pearson(cycles - failures, cycles, confidence, "upper").upper
    if fixed:
        return Bounds(x, lower, upper, lower >= target, upper < target)
    enough = -math.log(1 - confidence)
    shown = bool(log_e_support(failures, cycles, target) >= enough)
    broken = bool(log_e_refute(failures, cycles, target) >= enough)
    return Bounds(x, lower, upper, shown, broken)
