"""A verdict that may be read after every cycle: two one-sided e-processes.

Looking at an ordinary interval after every cycle and stopping when it pleases supports false
claims far more often than its confidence allows. An e-process may be looked at always: under a
reliability that makes the verdict false, the chance that it *ever* reaches 1 / (1 - confidence)
is at most 1 - confidence.

Let q be the chance that a cycle fails, q0 = 1 - claim, k failures in n cycles. Both processes are
the likelihood ratio of q against q0, averaged over a Beta(a, b) prior for q cut off at q0:

    E = B(a+k, b+n-k) J(a+k, b+n-k) / (B(a, b) J(a, b) q0^k (1-q0)^(n-k))

* support: q below q0, J = I_q0 the regularised incomplete beta, (a, b) = (1/4, 1);
* refute: q above q0, J = 1 - I_q0, (a, b) = (1/2, max(1/2, 0.1/q0)).

Sources: J. Ville, "Étude critique de la notion de collectif" (1939), for the bound; H. Robbins,
"Statistical methods related to the law of the iterated logarithm", Annals of Mathematical
Statistics 41 (1970) 1397-1409, for mixtures; A. Ramdas, P. Grünwald, V. Vovk, G. Shafer,
"Game-theoretic statistics and safe anytime-valid inference", Statistical Science 38 (2023) 576-601.

More cycles with the same failures only raise `support` and lower `refute`, more failures in the
same cycles do the opposite. So the verdict has integer boundaries, and a running decision needs
to look again only where a boundary can have been reached.

The two ends of the scale are not limits of the formula but decided here. A claim of exactly 1 is
refuted by the first failure and never supported. A claim of 0 is true of everything: supported by
the first cycle, whatever came of it, and never refuted.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.intervals import check_claim, check_confidence

Floats = NDArray[np.float64]
Counts = Any  # int or float, or an array of them: a single number is much the faster

UNREACHABLE = sys.maxsize  # a cycle number that no run gets to
_UNDERFLOW = 1e-290  # below it the incomplete beta loses digits, and is 0 from 5e-324 down


class Decision(NamedTuple):
    """What the cycles so far say of a claim."""

    verdict: Literal["supported", "refuted", "undecided"]
    decided_at: int | None  # the cycle that decided, counted from 1; None while undecided


UNDECIDED = Decision("undecided", None)


def log_e_support(failures: ArrayLike, cycles: ArrayLike, claim: float) -> Floats:
    """Give the natural logarithm of the evidence that reliability is at least the claim.

    Args:
        failures: counts of failures, of any shape.
        cycles: counts of cycles, of a shape that broadcasts with the failures.
        claim: the reliability claimed, a share from 0 to 1.

    Returns:
        Of the broadcast shape. 0 for no cycles; -inf throughout for a claim of 1, inf from the
        first cycle on for a claim of 0.

    Raises:
        ValueError: for more failures than cycles, negative counts, or a claim outside 0 to 1.
    """
    check_claim(claim)
    k, n = _counts(failures, cycles)
    if claim in (0, 1):
        return np.where(n == 0, 0.0, np.inf if claim == 0 else -np.inf)
    return np.asarray(_log_e_support(k, n, claim))


def log_e_refute(failures: ArrayLike, cycles: ArrayLike, claim: float) -> Floats:
    """Give the natural logarithm of the evidence that reliability is below the claim.

    Args:
        failures: counts of failures, of any shape.
        cycles: counts of cycles, of a shape that broadcasts with the failures.
        claim: the reliability claimed, a share from 0 to 1.

    Returns:
        Of the broadcast shape. 0 for no cycles; for a claim of 1, 0 without and inf with a
        failure; -inf from the first cycle on for a claim of 0.

    Raises:
        ValueError: for more failures than cycles, negative counts, or a claim outside 0 to 1.
    """
    check_claim(claim)
    k, n = _counts(failures, cycles)
    if claim == 0:
        return np.where(n == 0, 0.0, -np.inf)
    if claim == 1:
        return np.where(k == 0, 0.0, np.inf)
    return np.asarray(_log_e_refute(k, n, claim))


@lru_cache(maxsize=65536)
def support_boundary(failures: int, claim: float, confidence: float = 0.95) -> int:
    """Find the cycle at which a claim is supported with so many failures until then.

    Args:
        failures: among all cycles so far.
        claim: the reliability claimed, a share from 0 to 1.
        confidence: between 0 and 1.

    Returns:
        The fewest cycles that support; `UNREACHABLE` for a claim of exactly 1.

    Raises:
        ValueError: for negative failures, or a claim or confidence out of range.
    """
    _check(failures, claim, confidence)
    return _first(lambda cycles: _supported(failures, cycles, claim, confidence), max(1, failures))


@lru_cache(maxsize=65536)
def refute_boundary(failures: int, claim: float, confidence: float = 0.95) -> int:
    """Find the cycle up to which so many failures refute a claim.

    Args:
        failures: among all cycles so far.
        claim: the reliability claimed, a share from 0 to 1.
        confidence: between 0 and 1.

    Returns:
        The most cycles in which so many failures refute; 0 when they refute in none, and
        `UNREACHABLE` when they always do (a claim of exactly 1, one failure or more).

    Raises:
        ValueError: for negative failures, or a claim or confidence out of range.
    """
    _check(failures, claim, confidence)
    if claim == 1 and failures:
        return UNREACHABLE
    beyond = _first(lambda cycles: not _refuted(failures, cycles, claim, confidence), failures)
    return 0 if beyond == failures else beyond - 1


class Sequential:
    """A running decision on one claim; feed it cycles in order of their number.

    In order of completion it would be wrong: slow cycles are the failing ones, and seeing them
    late supports false claims. The first verdict stays, whatever comes after it.

    Args:
        claim: the reliability claimed, a share from 0 to 1.
        confidence: between 0 and 1.

    Raises:
        ValueError: for a claim or confidence out of range.
    """

    def __init__(self, claim: float, confidence: float = 0.95) -> None:
        _check(0, claim, confidence)
        self.claim = claim
        self.confidence = confidence
        self.cycles = 0
        self.failures = 0
        self.decision = UNDECIDED
        # No verdict is possible before this cycle number or this many failures: failures only
        # move the first on, cycles only the second.
        self._next_cycles = support_boundary(0, claim, confidence)
        self._next_failures = 1

    def add(self, failed: bool) -> Decision:
        """Take one more cycle, and say what is decided."""
        self.cycles += 1
        self.failures += bool(failed)
        if self.cycles >= self._next_cycles or self.failures >= self._next_failures:
            self._look()
        return self.decision

    def extend(self, failed: ArrayLike) -> Decision:
        """Take more cycles, in order of their number, and say what is decided.

        Args:
            failed: one-dimensional, true (or 1) where a cycle failed.

        Raises:
            ValueError: when it is not one-dimensional, or anything but true and false.
        """
        outcomes = _outcomes(failed)
        start, failures = self.cycles, self.failures
        at = start + 1 + np.flatnonzero(outcomes)  # the cycle number of each failure
        end = start + len(outcomes)
        while self.decision.decided_at is None:
            nth = self._next_failures - failures - 1
            look_at = min(self._next_cycles, int(at[nth]) if nth < len(at) else UNREACHABLE)
            if look_at > end:
                break
            self.cycles = look_at
            self.failures = failures + int(np.searchsorted(at, look_at, side="right"))
            self._look()
        self.cycles, self.failures = end, failures + len(at)
        return self.decision

    def _look(self) -> None:
        """Decide at this cycle, or find out where a verdict is possible next."""
        if self.decision.decided_at is not None:
            return
        failures, cycles, claim, confidence = (
            self.failures,
            self.cycles,
            self.claim,
            self.confidence,
        )
        # A bracket's lower end is far enough to be worth it, and much cheaper than the boundary.
        if cycles >= self._next_cycles:
            self._next_cycles, _ = _bracket(
                lambda n: _supported(failures, n, claim, confidence), cycles
            )
        if failures >= self._next_failures:
            self._next_failures, _ = _bracket(
                lambda k: k > cycles or _refuted(k, cycles, claim, confidence), failures
            )
        if cycles >= self._next_cycles:
            self.decision = Decision("supported", self.cycles)
        elif failures >= self._next_failures:
            self.decision = Decision("refuted", self.cycles)


def decide(failed: ArrayLike, claim: float, confidence: float = 0.95) -> Decision:
    """Say what cycles prove of a claim, as if it had been looked at after every one of them.

    Args:
        failed: one-dimensional, true (or 1) where a cycle failed, in order of cycle number.
        claim: the reliability claimed, a share from 0 to 1.
        confidence: between 0 and 1.

    Returns:
        The first verdict reached and the cycle, counted from 1, that reached it.

    Raises:
        ValueError: for a claim or confidence out of range, or outcomes that are not true or false.
    """
    return Sequential(claim, confidence).extend(failed)


def _supported(failures: int, cycles: int, claim: float, confidence: float) -> bool:
    """Say whether these counts, with at least one cycle, are enough support."""
    if claim in (0, 1):
        return claim == 0
    return bool(_log_e_support(failures, cycles, claim) >= -math.log1p(-confidence))


def _refuted(failures: int, cycles: int, claim: float, confidence: float) -> bool:
    """Say whether these counts, with at least one cycle, are enough to refute."""
    if claim in (0, 1):
        return claim == 1 and failures > 0
    return bool(_log_e_refute(failures, cycles, claim) >= -math.log1p(-confidence))


def _bracket(test: Callable[[int], bool], at_least: int) -> tuple[int, int]:
    """Bracket the first number that passes a test which every larger number passes as well.

    Returns:
        (low, high): no number from `at_least` up to but without low passes, and high does, or is
        `UNREACHABLE`. Both are `at_least` when that passes.
    """
    low, high = at_least, at_least
    while high < UNREACHABLE and not test(high):
        low, high = high + 1, min(high + 1 + 4 * (high - at_least), UNREACHABLE)
    return low, high


def _first(test: Callable[[int], bool], at_least: int) -> int:
    """Find the first number that passes such a test, or `UNREACHABLE`."""
    low, high = _bracket(test, at_least)
    return bisect_left(range(high), True, lo=low, hi=high, key=test)


def _log_e_support(k: Counts, n: Counts, claim: float) -> Counts:
    """Give `log_e_support` for good counts and a claim strictly between 0 and 1."""
    q0, a, b = 1 - claim, 0.25, 1.0
    return _log_excess(a + k, b + (n - k), q0, claim) - _log_prior_excess(a, b, q0, claim)


def _log_e_refute(k: Counts, n: Counts, claim: float) -> Counts:
    """Give `log_e_refute` for good counts and a claim strictly between 0 and 1."""
    q0, a, b = 1 - claim, 0.5, max(0.5, 0.1 / (1 - claim))
    # 1 - I_q0(a, b) = I_claim(b, a), which has nothing to cancel.
    return _log_excess(b + (n - k), a + k, claim, q0) - _log_prior_excess(b, a, claim, q0)


def _log_excess(a: Counts, b: Counts, x: float, y: float) -> Counts:
    """Give log(B(a, b) I_x(a, b) / (x^a y^b)), y = 1 - x: one E is the quotient of two of these.

    The x^a y^b of the prior and of the posterior differ by just the likelihood at q0.
    """
    from scipy.special import betainc, betaln  # noqa: PLC0415 - slow to import

    share = betainc(a, b, x)
    tiny = share < _UNDERFLOW
    far = tiny.any()
    log_share = np.log(np.where(tiny, 1.0, share) if far else share)
    excess = betaln(a, b) + log_share - a * math.log(x) - b * math.log(y)
    if far:
        excess, a, b = np.array(excess), *np.broadcast_arrays(a, b)
        excess[tiny] = _log_far_excess(a[tiny], b[tiny], x)
    return excess


_log_prior_excess = lru_cache(maxsize=1024)(_log_excess)


def _log_far_excess(a: Floats, b: Floats, x: float) -> Floats:
    """Give `_log_excess` where x lies so far below the mean that I_x(a, b) underflows.

    Continued fraction by the modified method of Lentz, which converges fast for x below
    (a + 1) / (a + b + 2). Source: NIST Digital Library of Mathematical Functions, 8.17.22
    (https://dlmf.nist.gov/8.17.E22): I_x(a, b) = x^a y^b / (a B(a, b)) / (1 + d1/(1 + d2/(1 + ...
    """
    c = np.ones_like(a)
    d = 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            fraction = fraction * c * d
        if np.all(np.abs(c * d - 1) < 1e-15):
            break
    return np.asarray(np.log(fraction) - np.log(a))


def _counts(failures: ArrayLike, cycles: ArrayLike) -> tuple[Floats, Floats]:
    """Check counts of failures and cycles, and bring them to one shape."""
    k, n = np.broadcast_arrays(np.asarray(failures, np.float64), np.asarray(cycles, np.float64))
    if not np.all((k >= 0) & (k <= n) & (n < np.inf)):
        raise ValueError("failures must be from 0 to the number of cycles, in every place")
    return k, n


def _outcomes(failed: ArrayLike) -> NDArray[np.bool_]:
    """Check which cycles failed."""
    outcomes = np.asarray(failed)
    if outcomes.ndim != 1:
        raise ValueError(f"failed must be in one dimension, not in {outcomes.ndim}")
    if outcomes.dtype != np.bool_ and not np.all((outcomes == 0) | (outcomes == 1)):
        raise ValueError("failed must hold true and false only, one for each cycle")
    return outcomes.astype(np.bool_)


def _check(failures: int, claim: float, confidence: float) -> None:
    """Refuse, with a ValueError, what no boundary can be given for."""
    check_claim(claim)
    check_confidence(confidence)
    if failures < 0:
        raise ValueError(f"failures must be 0 or more, not {failures}")
