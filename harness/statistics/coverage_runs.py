"""Runs whose truth is known, drawn by the thousand, and which of their intervals hold it.

The hard places for an interval: a cycle that fails by chance once in 10,000, backups refused in
0.5 or 3% of the cycles, and few cycles. Every function here draws runs and returns which of them
have an interval, from the function that reports take it from, that holds the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.statistics.anytime import anytime
from harness.statistics.change_of_proportion import compare_proportions
from harness.statistics.change_of_quantile import compare_quantiles
from harness.statistics.common_odds import common_odds_ratio
from harness.statistics.dependence import Table
from harness.statistics.frontier import Point, frontier
from harness.statistics.intervals import Interval, clopper_pearson
from harness.statistics.lift import lift
from harness.statistics.odds import odds_ratio
from harness.statistics.prediction import Count, from_forced_restores, from_other_restores
from harness.statistics.sequential import decide
from harness.statistics.timings import quantile_interval

Bools = NDArray[np.bool_]
Draw = Callable[[np.random.Generator, int], dict[str, Bools]]  # (of what, runs) -> held, by name

CHANCE = 1e-4  # that a cycle fails whatever struck it
_SHORT = 0.7  # claimed failures, of the true ones, with which Clopper-Pearson misses most often
_once = lru_cache(maxsize=65536)(clopper_pearson)
_compared = lru_cache(maxsize=65536)(compare_proportions)


def _within(truth: float, found: Interval) -> bool:
    return found.lower <= truth <= found.upper


def _fails(refused: float) -> float:
    """Give the chance that a cycle fails: its backup is refused, or else by chance."""
    return refused + (1 - refused) * CHANCE


def fixed_number(refused: float, cycles: int) -> Draw:
    """A share of cycles whose number was fixed beforehand: two-sided, and its lower bound."""

    def draw(random: np.random.Generator, runs: int) -> dict[str, Bools]:
        truth = 1 - _fails(refused)
        failures = random.binomial(cycles, 1 - truth, runs).tolist()
        two = [_within(truth, _once(cycles - k, cycles)) for k in failures]
        lower = [_once(cycles - k, cycles, 0.95, "lower").lower <= truth for k in failures]
        return {"two-sided": np.array(two), "lower bound": np.array(lower)}

    return draw


def stopped(refused: float, cycles: int, looks: int = 20) -> Draw:
    """A run that stops at the cycle that decides a claim of which the truth falls a little short.

    Besides, one that may be stopped at any of so many looks: there it must hold at every one.
    """

    def draw(random: np.random.Generator, runs: int) -> dict[str, Bools]:
        truth, claim = 1 - _fails(refused), 1 - _SHORT * _fails(refused)
        held: dict[str, list[bool]] = {
            "anytime": [], "lower bound": [], "at every look": [], "Clopper-Pearson": []
        }  # fmt: skip
        for _ in range(runs):
            failed = random.random(cycles) >= truth
            n = decide(failed, claim).decided_at or cycles
            k = int(failed[:n].sum())
            held["anytime"].append(_within(truth, anytime(n - k, n)))
            held["lower bound"].append(anytime(n - k, n, 0.95, "lower").lower <= truth)
            held["Clopper-Pearson"].append(_within(truth, _once(n - k, n)))
            at = np.linspace(cycles / looks, cycles, looks).astype(int).tolist()
            seen = np.cumsum(failed)
            pairs = [(int(n - seen[n - 1]), n) for n in at]
            held["at every look"].append(all(_within(truth, anytime(*pair)) for pair in pairs))
        return {name: np.array(each) for name, each in held.items()}

    return draw


def swept(refused: float, cycles: int) -> Draw:
    """A sweep whose middle point is the target itself: nothing that is said of it is wrong."""

    def draw(random: np.random.Generator, runs: int) -> dict[str, Bools]:
        failing = [_fails(refused * times) for times in (0.25, 0.5, 1, 2, 4)]
        target = 1 - failing[2]
        right = []
        for _ in range(runs):
            counts = random.binomial(cycles, failing).tolist()
            points = [Point(x, k, cycles) for x, k in enumerate(counts)]
            bounds = frontier(points, target).bounds
            right.append(
                all(
                    (1 - q >= target or not bound.shown) and (1 - q < target or not bound.broken)
                    for q, bound in zip(failing, bounds, strict=True)
                )
                # the target itself is not broken, and a hair above it nothing is shown
                and bounds[2].lower <= target <= bounds[2].upper
            )
        return {"both ends": np.array(right)}

    return draw


class Pair(NamedTuple):
    """A cleanup and a restore that fail, of the cycles that have a backup."""

    cleanup: float = 0.1
    restore: float = 0.05  # where the cleanup was believed
    after: float = 0.05  # where it had failed; as often is independence


def predicted(refused: float, cycles: int, unseen: float = 0.0) -> Draw:
    """What independence predicts, from another condition's restores and from forced ones."""

    def draw(random: np.random.Generator, runs: int) -> dict[str, Bools]:
        pair = Pair()
        good = (1 - refused) * (1 - pair.cleanup * pair.restore)
        held: dict[str, list[bool]] = {"other restores": [], "forced restores": []}
        for _ in range(runs):
            turned_down = int(random.binomial(cycles, refused))
            begun = cycles - turned_down
            cleanup = Count(int(random.binomial(begun, pair.cleanup)), begun)
            restore = Count(int(random.binomial(begun, pair.restore)), begun)
            out = Count(turned_down, cycles)
            held["other restores"].append(_within(good, from_other_restores(cleanup, restore, out)))
            table, dirty = _forced(random, begun, pair, unseen)
            found = from_forced_restores(table, out, Count(dirty, cycles))
            lost = (1 - refused) * (1 - pair.cleanup) * unseen
            held["forced restores"].append(_within(good - lost, found))
        return {name: np.array(each) for name, each in held.items()}

    return draw


def _forced(
    random: np.random.Generator, begun: int, pair: Pair, unseen: float = 0.0, share: float = 0.1
) -> tuple[Table, int]:
    """Draw the table of cycles that had a backup, and how many were believed and dirty."""
    failed = int(random.binomial(begun, pair.cleanup))
    believed = begun - failed
    both, forced = int(random.binomial(failed, pair.after)), int(random.binomial(believed, share))
    alone = int(random.binomial(forced, pair.restore))
    table = Table(both, failed - both, alone, forced - alone, share, believed - forced)
    return table, int(random.binomial(believed, unseen))


def dependence(cycles: int, after: float, conditions: int = 3) -> Draw:
    """Odds ratios, the lift and the two reliabilities beside it, in one condition and in several.

    The conditions differ in how often either fails; ``after`` is P(restore fails | cleanup
    failed) in the first, and the odds ratio that this makes is that of all.
    """
    first = Pair(after=after)
    odds = _odds(after) / _odds(first.restore)

    def draw(random: np.random.Generator, runs: int) -> dict[str, Bools]:
        held: dict[str, list[bool]] = {
            "odds ratio": [], "common odds ratio": [], "lift": [], "predicted": [], "measured": []
        }  # fmt: skip
        pairs = [_with_odds(odds, 1 + number) for number in range(conditions)]
        one = pairs[0]
        restore = one.cleanup * one.after + (1 - one.cleanup) * one.restore
        both = one.cleanup * one.after
        for _ in range(runs):
            tables = [_forced(random, cycles, pair)[0] for pair in pairs]
            ratio, common = odds_ratio(tables[0]), common_odds_ratio(tables)
            found = lift(tables[0])
            held["odds ratio"].append(ratio.lower <= odds <= ratio.upper)
            if common.agree:  # else there is none
                shown = common.ratio.lower <= odds <= common.ratio.upper
                held["common odds ratio"].append(shown)
            times = both / (one.cleanup * restore)
            held["lift"].append(found.ratio.lower <= times <= found.ratio.upper)
            held["predicted"].append(_within(1 - one.cleanup * restore, found.predicted))
            held["measured"].append(_within(1 - both, found.measured))
        return {name: np.array(each) for name, each in held.items()}

    return draw


def _odds(share: float) -> float:
    return share / (1 - share)


def _with_odds(odds: float, times: int) -> Pair:
    """Give a condition that fails so many times as often, with the same odds ratio."""
    usual = Pair()
    restore = usual.restore * times
    after = odds * _odds(restore)
    return Pair(usual.cleanup * times, restore, after / (1 + after))


def changed(refused: float, cycles: Sequence[int]) -> Draw:
    """The change of a share from one run to another twice as bad."""

    def draw(random: np.random.Generator, runs: int) -> dict[str, Bools]:
        before, after = _fails(refused), _fails(2 * refused)
        counts = [random.binomial(n, q, runs).tolist() for n, q in zip(cycles, (before, after))]  # noqa: B905 - both of two
        found = [
            _compared(k, cycles[0], other, cycles[1]) for k, other in zip(*counts, strict=True)
        ]
        step, times = after - before, after / before
        return {
            "difference": np.array(
                [one.difference_low <= step <= one.difference_high for one in found]
            ),
            "ratio": np.array([one.ratio_low <= times <= one.ratio_high for one in found]),
        }

    return draw


def timed(cycles: int, q: float) -> Draw:
    """A quantile of timings with a long tail, and its change to a machine half as fast."""

    def draw(random: np.random.Generator, runs: int) -> dict[str, Bools]:
        from scipy.special import ndtri  # noqa: PLC0415 - slow to import

        truth = math.exp(float(ndtri(q)))
        held: dict[str, list[bool]] = {"quantile": [], "change of a quantile": []}
        for _ in range(runs):
            before, after = np.exp(random.standard_normal((2, cycles))) * [[1], [2]]
            low, high = quantile_interval(before, q)
            held["quantile"].append(not (truth < low or high < truth))  # an open end is nan
            change = compare_quantiles(before, after, q)
            right = change.difference_low <= truth <= change.difference_high
            held["change of a quantile"].append(
                right and change.ratio_low <= 2 <= change.ratio_high
            )
        return {name: np.array(each) for name, each in held.items()}

    return draw
