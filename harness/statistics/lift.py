"""The lift: how much oftener cleanup and restore both fail than independence says.

How its intervals come about is said in `harness.statistics.dependence`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.statistics.dependence import Ratio, Table, around, in_two_digits
from harness.statistics.digits import percent
from harness.statistics.intervals import Interval, check_confidence, clopper_pearson

Floats = NDArray[np.float64]

_STEPS = 64  # parts that the sum of squared scores is shared out in


class Lift(NamedTuple):
    """How much oftener both fail than independence says, and what that does to reliability."""

    ratio: Ratio  # P(both) / (P(cleanup fails) P(restore fails))
    predicted: Interval  # 1 - P(cleanup fails) P(restore fails)
    measured: Interval  # 1 - P(both)

    def sentence(self) -> str:
        """Say it to people, in the digits that the data allow."""
        low, high = (
            in_two_digits(self.ratio.lower, ROUND_FLOOR),
            in_two_digits(self.ratio.upper, ROUND_CEILING),
        )
        times = f"{low} to {high}" if self.ratio.upper < math.inf else f"at least {low}"
        return (
            f"independence predicts {_figure(self.predicted)}; measured {_figure(self.measured)}; "
            f"both fail {times} times as often as independence says"
        )


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
    expected = predicted(table, confidence)
    cleanup, restore, both = table.chances
    product = cleanup * restore
    estimate = both / product if product else math.nan
    low = _extreme(_lift, table, confidence, "lower", "upper")
    high = _extreme(_lift, table, confidence, "upper", "lower")
    ratio = around(estimate, low, high, confidence, "squared_scores")
    counted = _cycles_counted(table)
    if counted is None:
        measured = _reliability(both, _both, table, confidence)
    else:
        measured = clopper_pearson(counted - table.both, counted, confidence)
    return Lift(ratio, expected, measured)


def predicted(table: Table, confidence: float = 0.95) -> Interval:
    """Give the reliability that independence predicts: 1 - P(cleanup fails) P(restore fails).

    Args:
        table: the cycles of one condition.
        confidence: the least probability, between 0 and 1, that the interval holds the truth.

    Returns:
        A share with its interval; nan in 0 to 1 where the table says nothing.

    Raises:
        ValueError: for a confidence outside (0, 1).
    """
    check_confidence(confidence)
    cleanup, restore, _ = table.chances
    return _reliability(cleanup * restore, _product, table, confidence)


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


# The lift: cleanup, failed, forced are P(cleanup fails), P(restore fails | cleanup failed) and
# P(restore fails | cleanup succeeded)


def _lift(cleanup: Floats, failed: Floats, forced: Floats) -> Floats:
    return failed / (cleanup * failed + (1 - cleanup) * forced)


def _product(cleanup: Floats, failed: Floats, forced: Floats) -> Floats:
    return cleanup * (cleanup * failed + (1 - cleanup) * forced)


def _both(cleanup: Floats, failed: Floats, forced: Floats) -> Floats:
    return cleanup * failed + 0 * forced


def _reliability(
    failing: float, function: Callable[..., Floats], table: Table, confidence: float
) -> Interval:
    """Turn a chance of failure that grows with all three shares into a reliability."""
    lower = 1 - _extreme(function, table, confidence, "upper", "upper")
    upper = 1 - _extreme(function, table, confidence, "lower", "lower")
    bounds = around(1 - failing, lower, upper, confidence, "squared_scores")
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
        values = [function(cleanup, failed, forced) for cleanup in (low[i], high[i], turn)]
    # 0 / 0 is no value, and its neighbours on the grid have one
    return float(np.nanmax(values) if failed_end == "upper" else np.nanmin(values))


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
