"""Do cleanup and restore fail independently, as 1 - (1 - 0.95)(1 - 0.98) = 0.999 takes for granted.

A table counts cycles by (cleanup failed or not) x (restore failed or not). An ordinary cycle tries
the restore only where cleanup failed, so a restore is also forced on a random sample of the cycles
that cleanup had left clean. That row is therefore counted at its sampling share:

* the odds ratio does not notice, because a share multiplies both cells of one row. It is
  conditional on the margins, hence exact in tables of any size: J. Cornfield, "A statistical
  problem arising from retrospective studies", Third Berkeley Symposium 4 (1956) 135-148;
* over strata (one for each condition, never pooled) the same distribution is convolved: J. J. Gart,
  "Point and interval estimation of the common odds ratio in the combination of 2x2 tables",
  Biometrika 57 (1970) 471-475; C. R. Mehta, N. R. Patel, R. Gray, "Computing an exact confidence
  interval for the common odds ratio in several 2x2 contingency tables", JASA 80 (1985) 969-973;
* the lift and the reliability that independence predicts do notice. They are functions of three
  binomial shares: P(cleanup fails), P(restore fails | cleanup failed) and P(restore fails | cleanup
  succeeded). The three are tested together by the sum of their squared normal scores, and the
  interval is every value that some accepted triple gives. Never too short, whatever the size.

Intervals here are for numbers of cycles fixed beforehand, and independent of each other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import lru_cache, reduce
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.statistics.digits import percent
from harness.statistics.intervals import Interval, check_confidence, clopper_pearson

Floats = NDArray[np.float64]

DISAGREE = 0.05  # strata whose homogeneity is less probable than this have no common odds ratio
_NEGLIGIBLE = 1e-60  # a probability, next to the greatest, that is left out of a distribution
_ENUMERABLE = 1_000_000  # ways to fill strata, at a time, that are still all looked at
_STEPS = 64  # parts that the sum of squared scores is shared out in


@dataclass(frozen=True)
class Table:
    """Cycles of one condition, counted by what failed.

    Args:
        both: cleanup failed, and so did the restore.
        cleanup_only: cleanup failed, the restore worked.
        restore_only: cleanup succeeded, a restore forced all the same failed.
        neither: cleanup succeeded, a restore forced all the same worked.
        share: the probability, above 0 up to 1, with which the restore was forced on a cycle whose
            cleanup succeeded, decided for each by itself.
        untried: cycles whose cleanup succeeded and whose restore was not tried. Give it where it
            is known: without it that number is itself estimated, from the share.

    Raises:
        ValueError: for a count that is no whole number from 0 up, a share outside (0, 1], or
            cycles untried at a share of 1.
    """

    both: int
    cleanup_only: int
    restore_only: int
    neither: int
    share: float = 1.0
    untried: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot have been counted."""
        for name in ("both", "cleanup_only", "restore_only", "neither", "untried"):
            count = getattr(self, name)
            if count is None and name == "untried":
                continue
            if not isinstance(count, int | np.integer) or count < 0:
                raise ValueError(f"{name} must be a count of cycles, 0 or more, not {count!r}")
            object.__setattr__(self, name, int(count))  # a numpy integer would overflow
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be above 0 and up to 1, not {self.share}")
        if self.share == 1 and self.untried:
            raise ValueError("untried must be 0 at a share of 1: give the share that was sampled")

    @property
    def cleanup_failed(self) -> int:
        """Cycles whose cleanup failed; the restore was tried in all of them."""
        return self.both + self.cleanup_only

    @property
    def forced(self) -> int:
        """Cycles whose cleanup succeeded and whose restore was tried all the same."""
        return self.restore_only + self.neither

    @property
    def restore_failed(self) -> int:
        """Cycles, of those where it was tried, whose restore failed."""
        return self.both + self.restore_only

    @property
    def cleanup_succeeded(self) -> float:
        """Cycles whose cleanup succeeded: counted, or Horvitz-Thompson estimated by the share."""
        return self.forced / self.share if self.untried is None else self.forced + self.untried

    @property
    def chances(self) -> tuple[float, float, float]:
        """Estimates of P(cleanup fails), P(restore fails) and P(both fail); nan where unknown.

        A forced restore counts for as many cycles as it was sampled from.
        """
        cycles = self.cleanup_failed + self.cleanup_succeeded
        if not cycles:
            return math.nan, math.nan, math.nan
        restore = self.both / cycles
        if self.cleanup_succeeded:
            forced_failed = self.restore_only / self.forced if self.forced else math.nan
            restore += self.cleanup_succeeded / cycles * forced_failed
        return self.cleanup_failed / cycles, restore, self.both / cycles


class Ratio(NamedTuple):
    """A ratio from 0 to infinity, and the values that the data do not exclude."""

    estimate: float  # nan when the data say nothing
    lower: float
    upper: float
    confidence: float
    method: str  # conditional_exact, squared_scores


class CommonOddsRatio(NamedTuple):
    """What strata say together of one odds ratio; nan throughout where they disagree."""

    ratio: Ratio
    mantel_haenszel: float
    strata: int  # those that have information
    agree: bool  # whether one ratio may stand for all: homogeneity is at least DISAGREE
    homogeneity: float  # p-value of the test that they share one odds ratio
    test: Literal["zelen", "breslow_day_tarone"]


class Lift(NamedTuple):
    """How much oftener both fail than independence says, and what that does to reliability."""

    ratio: Ratio  # P(both) / (P(cleanup fails) P(restore fails))
    predicted: Interval  # 1 - P(cleanup fails) P(restore fails)
    measured: Interval  # 1 - P(both)

    def sentence(self) -> str:
        """Say it to people, in the digits that the data allow."""
        low, high = _times(self.ratio.lower, ROUND_FLOOR), _times(self.ratio.upper, ROUND_CEILING)
        times = f"{low} to {high}" if self.ratio.upper < math.inf else f"at least {low}"
        return (
            f"independence predicts {_figure(self.predicted)}; measured {_figure(self.measured)}; "
            f"both fail {times} times as often as independence says"
        )


def odds_ratio(table: Table, confidence: float = 0.95) -> Ratio:
    """Estimate the odds ratio of restore failures, cleanup failed against succeeded.

    1 is independence; above 1 the restore fails more where cleanup has failed.

    Args:
        table: its counts; share and untried change nothing.
        confidence: the least probability, between 0 and 1, that the interval holds the truth.

    Returns:
        The conditional maximum likelihood estimate and Cornfield's exact interval, half of the
        error on either end. 0 and infinity where a cell decides so; nan in 0 to infinity when a
        margin is empty.

    Raises:
        ValueError: for a confidence outside (0, 1).
    """
    check_confidence(confidence)
    return _conditional(_informative([table]), confidence)


def common_odds_ratio(tables: Sequence[Table], confidence: float = 0.95) -> CommonOddsRatio:
    """Estimate the one odds ratio of several strata, unless they disagree.

    Homogeneity is tested exactly (M. Zelen, "The analysis of several 2x2 contingency tables",
    Biometrika 58 (1971) 129-137) where the ways to fill the strata are few enough to look at, as
    with two, or with many tiny ones that are alike; else by Breslow and Day's statistic as R. E.
    Tarone corrected it ("On heterogeneity tests based on efficient scores", Biometrika 72 (1985)
    91-95), good where counts are not tiny.

    Args:
        tables: one for each condition; those with an empty margin are left out.
        confidence: the least probability, between 0 and 1, that the interval holds the truth.

    Returns:
        The conditional maximum likelihood estimate with its exact interval and the Mantel-Haenszel
        estimate beside it, both nan when homogeneity is less probable than `DISAGREE`.

    Raises:
        ValueError: for a confidence outside (0, 1).
    """
    check_confidence(confidence)
    strata = _informative(tables)
    homogeneity, test = _homogeneity(strata)
    if homogeneity < DISAGREE:
        nothing = Ratio(math.nan, math.nan, math.nan, confidence, "conditional_exact")
        return CommonOddsRatio(nothing, math.nan, len(strata), False, homogeneity, test)
    together = sum(t.both * t.neither / (t.cleanup_failed + t.forced) for t in strata)
    apart = sum(t.cleanup_only * t.restore_only / (t.cleanup_failed + t.forced) for t in strata)
    haenszel = together / apart if apart else math.inf if together else math.nan
    ratio = _conditional(strata, confidence)
    return CommonOddsRatio(ratio, haenszel, len(strata), True, homogeneity, test)


def lift(table: Table, confidence: float = 0.95) -> Lift:
    """Compare how often both fail with what independence predicts.

    Each interval has the confidence by itself. That of the measured reliability is
    Clopper-Pearson's where the cycles are counted (share of 1, or untried given).

    Args:
        table: the cycles of one condition.
        confidence: the least probability, between 0 and 1, that an interval holds the truth.

    Returns:
        The lift (1 is independence, above it both fail together) and two reliabilities as shares.

    Raises:
        ValueError: for a confidence outside (0, 1).
    """
    check_confidence(confidence)
    cleanup, restore, both = table.chances
    product = cleanup * restore
    estimate = both / product if product else math.nan
    low = _extreme(_lift, table, confidence, "lower", "upper")
    high = _extreme(_lift, table, confidence, "upper", "lower")
    ratio = _around(estimate, low, high, confidence, "squared_scores")
    predicted = _reliability(product, _product, table, confidence)
    counted = _cycles_counted(table)
    if counted is None:
        measured = _reliability(both, _both, table, confidence)
    else:
        measured = clopper_pearson(counted - table.both, counted, confidence)
    return Lift(ratio, predicted, measured)


def _around(estimate: float, low: float, high: float, confidence: float, method: str) -> Ratio:
    """Make a ratio whose bounds, even at a low confidence, do not pass the estimate."""
    if not math.isnan(estimate):
        low, high = min(low, estimate), max(high, estimate)
    return Ratio(estimate, low, high, confidence, method)


def _figure(share: Interval) -> str:
    """Print a share and its interval to between a tenth and a hundredth of the interval's width.

    The interval is rounded outwards; what is not 0 or 1 keeps the digits that tell it from them.
    """
    width_percent = max(100 * (share.upper - share.lower), 1e-12)
    unit = Decimal(1).scaleb(-max(0, math.ceil(-math.log10(width_percent)) + 1))

    def text(value: float, rounding: str) -> str:
        if not 0 < value < 1:
            return percent(value)
        rounded = (Decimal(str(value)) * 100).quantize(unit, rounding)
        return f"{rounded}%" if 0 < rounded < 100 else percent(value, rounding)

    bounds = f"[{text(share.lower, ROUND_FLOOR)}, {text(share.upper, ROUND_CEILING)}]"
    return f"{text(share.estimate, ROUND_HALF_EVEN)} {bounds}"


def _times(ratio: float, rounding: str) -> str:
    """Print a ratio in two digits, rounded outwards as an interval must be."""
    if ratio in (0, math.inf):
        return f"{ratio:.0f}"
    exact = Decimal(ratio)
    return f"{exact.quantize(Decimal(1).scaleb(min(0, exact.adjusted() - 1)), rounding):,f}"


# The odds ratio: conditional on the margins, the cell `both` is noncentral hypergeometric


def _support(table: Table) -> tuple[int, int]:
    """Give the least and greatest `both` that these margins allow."""
    most = min(table.cleanup_failed, table.restore_failed)
    return max(0, table.restore_failed - table.forced), most


def _informative(tables: Sequence[Table]) -> list[Table]:
    """Leave out the strata whose margins allow one table only."""
    return [table for table in tables if _support(table)[0] < _support(table)[1]]


def _fitted(table: Table, psi: float) -> float:
    """Give the cell `both`, not rounded, at which the margins have just this odds ratio."""
    rows, restore = table.cleanup_failed, table.restore_failed
    linear = table.forced - restore + psi * (rows + restore)
    root = math.sqrt(max(0.0, linear**2 + 4 * (1 - psi) * psi * rows * restore))
    cell = 2 * psi * rows * restore / (linear + root) if linear > 0 else (root - linear) / 2
    return cell if linear > 0 else cell / (1 - psi)


def _distribution(table: Table, log_psi: float) -> tuple[int, Floats]:
    """Give the probabilities of `both` at an odds ratio: the first value, and one for each.

    Built from quotients of neighbours, outward from the mode, and no further than Hoeffding's
    bound of such a sum of independent trials (10 square roots of their number: under 1e-80).
    """
    low, high = _support(table)
    centre = min(max(round(_fitted(table, math.exp(log_psi))), low), high)
    reach = 30 + round(10 * math.sqrt(high - low))
    low, high = max(low, centre - reach), min(high, centre + reach)
    x = np.arange(low, high, dtype=np.float64)
    up = (table.cleanup_failed - x) * (table.restore_failed - x)
    down = (x + 1) * (table.forced - table.restore_failed + x + 1)
    log_weights = np.concatenate([[0.0], np.cumsum(np.log(up) - np.log(down) + log_psi)])
    weights = np.exp(log_weights - log_weights.max())
    return _trimmed(low, weights)


def _trimmed(first: int, weights: Floats) -> tuple[int, Floats]:
    """Cut off both tails where they are negligible, and make the rest sum to 1."""
    kept = np.flatnonzero(weights > _NEGLIGIBLE * weights.max())
    weights = weights[kept[0] : kept[-1] + 1]
    return first + int(kept[0]), weights / weights.sum()


def _sum_of(one: tuple[int, Floats], other: tuple[int, Floats]) -> tuple[int, Floats]:
    """Give the distribution of the sum of two independent counts."""
    return _trimmed(one[0] + other[0], np.convolve(one[1], other[1]))


def _total(strata: Sequence[Table]) -> tuple[int, int, int]:
    """Give the sum of `both` over the strata, and the least and greatest that it can be."""
    least, most = (sum(ends) for ends in zip(*map(_support, strata), strict=True))
    return sum(table.both for table in strata), least, most


def _log_tilt(strata: Sequence[Table]) -> float:
    """Give the log odds ratio whose expected total is the observed one: the conditional estimate.

    At the ends, where that is infinite, the total aimed at is half a cycle inside.
    """
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    total, least, most = _total(strata)
    alike = Counter(strata)
    aim = min(max(total, least + 0.5), most - 0.5)

    def excess(log_psi: float) -> float:
        cells = ((times, *_distribution(table, log_psi)) for table, times in alike.items())
        return sum(n * (first + float(np.arange(len(p)) @ p)) for n, first, p in cells) - aim

    return float(brentq(excess, -60, 60, xtol=1e-13, rtol=1e-13))


def _conditional(strata: Sequence[Table], confidence: float) -> Ratio:
    """Give the conditional estimate and exact interval of the odds ratio that strata share."""
    if not strata:
        return Ratio(math.nan, 0.0, math.inf, confidence, "conditional_exact")
    tilt = _log_tilt(strata)
    total, least, most = _total(strata)
    first, weights = reduce(_sum_of, (_distribution(table, tilt) for table in strata))
    distance = first - total + np.arange(len(weights))
    error = (1 - confidence) / 2
    lower, upper, estimate = 0.0, math.inf, math.exp(tilt)
    if total > least:
        lower = math.exp(tilt + _where_tail(weights, distance, error))
    else:
        estimate = 0.0
    if total < most:
        upper = math.exp(tilt - _where_tail(weights[::-1], -distance[::-1], error))
    else:
        estimate = math.inf
    return _around(estimate, lower, upper, confidence, "conditional_exact")


def _where_tail(weights: Floats, distance: NDArray[np.int64], error: float) -> float:
    """Find the tilt of a distribution at which the chance of a distance of 0 or more is `error`."""
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    tail = distance >= 0

    def excess(tilt: float) -> float:
        tilted = log_weights + tilt * distance
        inside = tilted[tail]
        # shifted to their own maximum, so that neither sum can underflow
        shift, outer = inside.max(), tilted.max()
        share = np.exp(inside - shift).sum() / np.exp(tilted - outer).sum()
        return float(math.log(share / error) + shift - outer)

    low, high = -1.0, 1.0
    while excess(low) > 0:
        low *= 2
    while excess(high) < 0:
        high *= 2
    return float(brentq(excess, low, high, xtol=1e-13, rtol=1e-13))


def _homogeneity(
    strata: Sequence[Table],
) -> tuple[float, Literal["zelen", "breslow_day_tarone"]]:
    """Give the p-value of one odds ratio for all strata, and which test that is."""
    if len(strata) < 2 or _total(strata)[0] in _total(strata)[1:]:
        return 1.0, "zelen"  # one way only to reach the total
    tilt = _log_tilt(strata)
    cells = sorted(
        ((table.both, *_distribution(table, tilt)) for table in strata), key=lambda c: len(c[2])
    )
    exactly = _zelen(cells)
    if exactly is not None:
        return exactly, "zelen"
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    psi = math.exp(tilt)
    fitted = np.array([_fitted(table, psi) for table in strata])
    margins = np.array([(t.cleanup_failed, t.restore_failed, t.forced) for t in strata]).T
    rows, restore, forced = margins
    variance = 1 / (
        1 / fitted + 1 / (rows - fitted) + 1 / (restore - fitted) + 1 / (forced - restore + fitted)
    )
    off = np.array([table.both for table in strata]) - fitted
    statistic = float((off**2 / variance).sum() - off.sum() ** 2 / variance.sum())
    return float(chdtrc(len(strata) - 1, max(0.0, statistic))), "breslow_day_tarone"


def _zelen(cells: Sequence[tuple[int, int, Floats]]) -> float | None:
    """Sum the chances of all ways to reach the observed total that are no likelier than observed.

    Ways that leave the same total to the other strata and are equally likely are counted as one.

    Args:
        cells: for each stratum the observed cell, and its distribution at whichever odds ratio.

    Returns:
        The p-value, or None when there are too many ways.
    """
    if any(not 0 <= cell - first < len(p) for cell, first, p in cells):
        return 0.0  # a stratum stands where the common odds ratio all but never puts it
    observed = math.fsum(math.log(p[cell - first]) for cell, first, p in cells)
    left: NDArray[Any] = np.array([sum(cell - first for cell, first, _ in cells)])
    log_chances: Floats = np.zeros(1)
    ways: NDArray[Any] = np.ones(1)
    room = sum(len(p) - 1 for _, _, p in cells)
    for _, _, p in cells[:-1]:
        if len(left) * len(p) > _ENUMERABLE:
            return None
        room -= len(p) - 1
        left = np.subtract.outer(left, np.arange(len(p))).ravel()
        log_chances = np.add.outer(log_chances, np.log(p)).ravel()
        ways = np.repeat(ways, len(p))
        possible = (left >= 0) & (left <= room)
        key = left[possible] + 1j * log_chances[possible].round(9)
        _, one, same = np.unique(key, return_index=True, return_inverse=True)
        ways = np.bincount(same, ways[possible])
        left, log_chances = left[possible][one], log_chances[possible][one]
    log_chances = log_chances + np.log(cells[-1][2][left])
    chances = ways * np.exp(log_chances - log_chances.max())
    return float(chances[log_chances <= observed + 1e-7].sum() / chances.sum())


# The lift: cleanup, failed, forced are P(cleanup fails), P(restore fails | cleanup failed) and
# P(restore fails | cleanup succeeded)


def _lift(cleanup: Floats, failed: Floats, forced: Floats) -> Floats:
    return failed / (cleanup * failed + (1 - cleanup) * forced)


def _product(cleanup: Floats, failed: Floats, forced: Floats) -> Floats:
    return cleanup * (cleanup * failed + (1 - cleanup) * forced)


def _both(cleanup: Floats, failed: Floats, forced: Floats) -> Floats:
    return cleanup * failed + 0 * forced


def _reliability(
    failures: float, function: Callable[..., Floats], table: Table, confidence: float
) -> Interval:
    """Turn a chance of failure that grows with all three shares into a reliability."""
    lower = 1 - _extreme(function, table, confidence, "upper", "upper")
    upper = 1 - _extreme(function, table, confidence, "lower", "lower")
    bounds = _around(1 - failures, lower, upper, confidence, "squared_scores")
    # a product of shares may come out a rounding error above 1
    return Interval(bounds.estimate, max(0.0, bounds.lower), *bounds[2:])


def _cycles_counted(table: Table) -> int | None:
    """Give the number of all cycles, or None when a part of them is known by its share only."""
    if table.untried is None and table.share < 1:
        return None
    return table.cleanup_failed + table.forced + (table.untried or 0)


def _extreme(
    function: Callable[..., Floats],
    table: Table,
    confidence: float,
    failed_end: Literal["lower", "upper"],
    forced_end: Literal["lower", "upper"],
) -> float:
    """Find the extreme of a function over all triples of shares that the data accept.

    A triple is accepted when its squared scores sum to no more than a limit. The function
    must be monotone in `failed` and in `forced`, and in `cleanup` too or else turn where
    `_product` does; the ends are those that lead to the extreme, the
    greatest when `failed_end` is upper. Scores are rounded up to steps, at most two more
    in all than there are: the extreme found is never short of the true one.
    """
    errors = _errors(confidence)
    low, high = (_cleanup_bound(table, errors, end) for end in ("lower", "upper"))
    failed_at = _bound(table.both, table.cleanup_failed, errors, failed_end)
    forced_at = _bound(table.restore_only, table.forced, errors, forced_end)
    i, j, k = _shared_out()
    failed, forced = failed_at[j], forced_at[k]
    with np.errstate(divide="ignore", invalid="ignore"):
        # P(cleanup fails) P(restore fails) may turn inside: its derivative is 0 at this share
        turn = np.clip(forced / (2 * (forced - failed)), low[i], high[i])
        found = [function(cleanup, failed, forced) for cleanup in (low[i], high[i], turn)]
    # 0 / 0 is no value, and its neighbours on the grid have one
    return float(np.nanmax(found) if failed_end == "upper" else np.nanmin(found))


@lru_cache(maxsize=1)
def _shared_out() -> NDArray[np.int64]:
    """Share the steps out to the three scores, in every way: one row of counts for each score."""
    i, j = np.indices((_STEPS + 1, _STEPS + 1)).reshape(2, -1)
    left = _STEPS + 2 - i - j
    return np.array([i, j, np.minimum(left, _STEPS)])[:, left >= 0]


@lru_cache(maxsize=64)
def _errors(confidence: float) -> Floats:
    """Give the one-sided error at each step of a squared score, from 0 to the limit of their sum.

    The score of the cleanup share counts on both sides, because the function may rise or fall with
    it; those of the restore shares on one. Under the truth the sum is then chi-square of 1, 2 or 3
    degrees with chances 1/4, 1/2, 1/4; discrete counts only make it smaller.
    """
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import
    from scipy.special import chdtrc, ndtr  # noqa: PLC0415 - slow to import

    error = (1 - confidence) / 2

    def excess(limit: float) -> float:
        return float(chdtrc([1, 2, 3], limit) @ [0.25, 0.5, 0.25]) - error

    limit = brentq(excess, 0, 1000, xtol=1e-12)
    return np.asarray(ndtr(-np.sqrt(limit * np.arange(_STEPS + 1) / _STEPS)))


def _bound(successes: int, trials: int, errors: Floats, end: str) -> Floats:
    """Give the one-sided Clopper-Pearson bounds at several errors."""
    from scipy.special import betainccinv, betaincinv  # noqa: PLC0415 - slow to import

    failures = trials - successes
    bounds: Any = 0.0 if end == "lower" else 1.0
    if end == "lower" and successes:
        bounds = betaincinv(successes, failures + 1, errors)
    elif end == "upper" and failures:
        bounds = betainccinv(successes + 1, failures, errors)
    return np.broadcast_to(bounds, errors.shape)


def _cleanup_bound(table: Table, errors: Floats, end: str) -> Floats:
    """Bound the share of cycles whose cleanup fails.

    Where the cycles are not counted, it is bounded among those whose restore was tried, and these
    hold a cleanup that succeeded only with the sampling share.
    """
    counted = _cycles_counted(table)
    if counted is not None:
        return _bound(table.cleanup_failed, counted, errors, end)
    tried = _bound(table.cleanup_failed, table.cleanup_failed + table.forced, errors, end)
    return tried * table.share / (tried * table.share + 1 - tried)
