"""Intervals for a proportion, and how many cycles a claim needs.

Clopper-Pearson, because it never promises too much: Wilson's and Jeffreys' one-sided bounds
support a false claim more often than their confidence allows. An interval here is for a number of
cycles fixed beforehand; a verdict that may stop early comes from `sequential`, and the interval
that may be read wherever a run stops from `anytime`.

scipy is imported inside the functions: it takes most of a second, and most commands need none.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Literal, NamedTuple


class Interval(NamedTuple):
    """A proportion and the values that the data do not exclude; all are shares from 0 to 1."""

    estimate: float  # nan when nothing was tried
    lower: float
    upper: float
    confidence: float
    method: str  # clopper_pearson, e_process (of `anytime`), each also with _lower; ..._upper


_CALLED = {
    "clopper_pearson": "Clopper-Pearson interval",
    "e_process": "interval valid at any stopping time",
    "stratified_chernoff": "interval over strata",
}


def called(method: str) -> str:
    """Return what people call an interval by the name of its method."""
    return _CALLED.get(method, "interval")


def clopper_pearson(
    successes: int,
    trials: int,
    confidence: float = 0.95,
    sided: Literal["two", "lower", "upper"] = "two",
) -> Interval:
    """Give the Clopper-Pearson interval for the chance of success.

    Source: C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in
    the case of the binomial", Biometrika 26 (1934) 404-413, in its beta-quantile form.

    Args:
        successes: how many trials succeeded.
        trials: how many there were; with none the interval is 0 to 1 and the estimate nan.
        confidence: the least probability, between 0 and 1, that the interval holds the truth.
        sided: `two` spends half of the error on either bound; `lower` spends it all on the lower
            bound (the upper is 1), `upper` on the upper (the lower is 0).

    Returns:
        Shares from 0 to 1, the estimate always within the bounds.

    Raises:
        ValueError: for counts that no trials can give, a confidence outside (0, 1), or another
            word for `sided`.
    """
    check_counts(successes, trials)
    check_confidence(confidence)
    if sided not in ("two", "lower", "upper"):
        raise ValueError(f"sided must be two, lower or upper, not {sided!r}")
    from scipy.special import betainccinv, betaincinv  # noqa: PLC0415 - slow to import

    method = "clopper_pearson" if sided == "two" else f"clopper_pearson_{sided}"
    error = (1 - confidence) / (2 if sided == "two" else 1)
    failures = trials - successes
    lower, upper = 0.0, 1.0
    if successes > 0 and sided != "upper":
        lower = float(betaincinv(successes, failures + 1, error))
    if failures > 0 and sided != "lower":
        upper = float(betainccinv(successes + 1, failures, error))
    estimate = successes / trials if trials else math.nan
    # Below 50% one-sided confidence a bound may pass the estimate: widen it, never narrow it.
    lower, upper = (min(lower, estimate), max(upper, estimate)) if trials else (lower, upper)
    return Interval(estimate, lower, upper, confidence, method)


def sample_size(claim: float, failures_allowed: int, confidence: float = 0.95) -> int:
    """Count the fewest cycles after which so many failures still prove the claim.

    For a plan fixed beforehand: with `failures_allowed` failures in that many cycles the one-sided
    Clopper-Pearson lower bound reaches the claim, with one cycle less it does not. 2995 for
    0.999 with no failure at 95%.

    Args:
        claim: the reliability to be proven, from 0 up to but without 1.
        failures_allowed: how many of the cycles may fail.
        confidence: of the one-sided bound, between 0 and 1.

    Returns:
        Cycles, at least 1.

    Raises:
        ValueError: for a claim of exactly 1, which no number of cycles proves, or one outside
            0 to 1, a negative number of failures, or a confidence outside (0, 1).
    """
    check_claim(claim)
    check_confidence(confidence)
    if failures_allowed < 0:
        raise ValueError(f"failures_allowed must be 0 or more, not {failures_allowed}")
    if claim == 1:
        raise ValueError("no number of cycles proves a reliability of exactly 1")
    if claim == 0:
        return max(1, failures_allowed)
    from scipy.special import betainc  # noqa: PLC0415 - slow to import

    def proven(cycles: int) -> bool:
        return bool(
            betainc(cycles - failures_allowed, failures_allowed + 1, claim) <= 1 - confidence
        )

    enough = failures_allowed + 1
    while not proven(enough):
        enough *= 2
    return bisect_left(range(enough), True, lo=failures_allowed + 1, key=proven)


def check_counts(successes: int, trials: int) -> None:
    """Refuse, with a ValueError, counts that no trials can give."""
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be from 0 to trials, not {successes} of {trials} trials")


def check_claim(claim: float) -> None:
    """Refuse, with a ValueError, a claim that is no share from 0 to 1."""
    if not 0 <= claim <= 1:
        raise ValueError(f"claim must be a share from 0 to 1 (0.999, not 99.9), not {claim}")


def check_confidence(confidence: float) -> None:
    """Refuse, with a ValueError, a confidence that is not between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
