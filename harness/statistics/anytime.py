"""An interval for a proportion that may be read after any cycle: the e-processes, inverted.

A reliability is left out when the e-process of `sequential` that speaks against it has reached
2 / (1 - confidence): the one for more when it supports that figure, the one for less when it
refutes it. Under the true reliability the chance that either *ever* does is at most
(1 - confidence) / 2, so the interval holds the truth at whatever cycle a run stops, for whatever
reason. It is wider than Clopper-Pearson's, which holds for a number of cycles fixed beforehand
only. Source: S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric,
nonasymptotic confidence sequences", Annals of Statistics 49 (2021) 1055-1080, section 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from harness.statistics.intervals import Interval, check_confidence, check_counts
from harness.statistics.sequential import log_e_refute, log_e_support

METHOD = "e_process"  # of an interval; Clopper-Pearson's is clopper_pearson
_HALVINGS = 60  # of a logarithm of odds: to the last digits of a float


@lru_cache(maxsize=65536)
def anytime(
    successes: int,
    trials: int,
    confidence: float = 0.95,
    sided: Literal["two", "lower"] = "two",
) -> Interval:
    """Give the interval for the chance of success that is valid at any stopping time.

    Args:
        successes: how many trials succeeded, until now.
        trials: how many there were; with none the interval is 0 to 1 and the estimate nan.
        confidence: the least probability, between 0 and 1, that no interval of this run, at
            whatever cycle, leaves the truth out.
        sided: `two` spends half of the error on either bound, `lower` all of it on the lower one
            (the upper is 1).

    Returns:
        Shares from 0 to 1, the estimate always within the bounds.

    Raises:
        ValueError: for counts that no trials can give, a confidence outside (0, 1), or another
            word for `sided`.
    """
    check_counts(successes, trials)
    check_confidence(confidence)
    if sided not in ("two", "lower"):
        raise ValueError(f"sided must be two or lower, not {sided!r}")
    method = METHOD if sided == "two" else f"{METHOD}_{sided}"
    if not trials:
        return Interval(math.nan, 0.0, 1.0, confidence, method)
    error = (1 - confidence) / (2 if sided == "two" else 1)
    enough, failures, estimate = -math.log(error), trials - successes, successes / trials
    lower, upper = 0.0, 1.0
    if successes:
        lower = _last(
            lambda claim: bool(log_e_support(failures, trials, claim) >= enough), estimate
        )
    if failures and sided == "two":
        upper = 1 - _last(
            lambda failing: bool(log_e_refute(failures, trials, 1 - failing) >= enough),
            failures / trials,
        )
    return Interval(estimate, min(lower, estimate), max(upper, estimate), confidence, method)


def _last(left_out: Callable[[float], bool], estimate: float) -> float:
    """Find the share up to which all are left out, from 0 on, by halving; none is at the estimate.

    What comes out is left out itself: rounding may only widen the interval.
    """
    # in logarithms of odds, because what matters may lie close to either end
    low, high = -40.0, 40.0 if estimate >= 1 else math.log(estimate / (1 - estimate))
    if not left_out(_share(low)):
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if left_out(_share(middle)) else (low, middle)
    return _share(low)


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
