from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.statistics.intervals import sample_size
from harness.statistics.sequential import (
    UNREACHABLE,
    Decision,
    Sequential,
    decide,
    log_e_refute,
    log_e_support,
    refute_boundary,
    support_boundary,
)

CLAIMS = st.one_of(st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999, 1.0]), st.floats(0.02, 0.995))
RUNS = st.builds(
    lambda seed, n, rate: np.random.default_rng(seed).random(n) < rate,
    st.integers(0, 2**32),
    st.integers(0, 600),
    st.one_of(st.floats(0, 1), st.floats(0, 0.1)),
)


def log_e(failures: int, cycles: int, claim: float, refute: bool) -> float:
    """Evaluate the formula of the e-processes as it is written down, at 50 digits."""
    with mp.workdps(50):
        k, n, s = mp.mpf(failures), mp.mpf(cycles), mp.mpf(claim)
        q0 = 1 - s
        a, b = (mp.mpf(1) / 2, max(mp.mpf(1) / 2, mp.mpf(1) / 10 / q0)) if refute else (0.25, 1)

        def mass(a: mp.mpf, b: mp.mpf) -> mp.mpf:
            """Integrate q^(a-1) (1-q)^(b-1) over the side of q0 that the mixture is on."""
            return mp.betainc(b, a, 0, s) if refute else mp.betainc(a, b, 0, q0)

        evidence = mass(a + k, b + n - k) / mass(a, b) / (q0**k * s ** (n - k))
        return float(mp.log(evidence))


@pytest.mark.parametrize("refute", [False, True])
@pytest.mark.parametrize(
    ("failures", "cycles", "claim"),
    [
        (0, 0, 0.999),
        (0, 1, 0.999),
        (1, 1, 0.999),
        (2, 9266, 0.999),
        (10_000, 10_000, 0.999),  # I_q0 is far below the smallest number there is
        (0, 1_000_000, 0.999),
        (1, 1_000_000, 0.999),
        (1000, 1_000_000, 0.999),
        (100_000, 1_000_000, 0.999),
        (1_000_000, 1_000_000, 0.999),
        (0, 1_000_000, 0.9999999),
        (500_000, 1_000_000, 0.9999999),
        (3, 40, 0.05),
        (40, 100, 0.5),
        (100, 100, 0.5),
    ],
)
def test_evidence_is_the_formula(failures: int, cycles: int, claim: float, refute: bool) -> None:
    """Both logarithms agree with the formula evaluated at 50 digits, also where it underflows."""
    found = (log_e_refute if refute else log_e_support)(failures, cycles, claim)
    expected = log_e(failures, cycles, claim, refute)
    assert float(found) == pytest.approx(expected, rel=1e-12, abs=5e-9)


@pytest.mark.parametrize("q0", [0.01, 0.1, 0.5, 0.9])
def test_evidence_is_a_fair_bet_at_the_claim(q0: float) -> None:
    """Its mean over all that 200 cycles can give is 1 at the claim and below 1 on the false side.

    This is the whole reason why the verdict may be read at any time.
    """
    n, k = 200, np.arange(201)
    log_ways = np.array([math.log(math.comb(n, int(i))) for i in k])

    def mean(log_evidence: NDArray[np.float64], q: float) -> float:
        return float(
            np.exp(log_ways + k * math.log(q) + (n - k) * math.log1p(-q) + log_evidence).sum()
        )

    support, refute = log_e_support(k, n, 1 - q0), log_e_refute(k, n, 1 - q0)
    assert mean(support, q0) == pytest.approx(1, abs=1e-9)
    assert mean(refute, q0) == pytest.approx(1, abs=1e-9)
    assert mean(support, q0 * 1.05) < 1 < mean(support, q0 / 1.05)
    assert mean(refute, q0 / 1.05) < 1 < mean(refute, q0 * 1.05)


def test_known_boundaries() -> None:
    """At 0.999 and 95% the claim is supported at cycle 3402, 6893 and 9266 for 0, 1, 2 failures."""
    assert [support_boundary(k, 0.999, 0.95) for k in range(3)] == [3402, 6893, 9266]
    for failures, cycle in enumerate([3402, 6893, 9266]):
        run = np.zeros(10_000, bool)
        run[100 : 100 + 1000 * failures : 1000] = True
        assert decide(run, 0.999) == Decision("supported", cycle)


@settings(deadline=None)
@given(st.integers(0, 60), st.floats(0.02, 0.9999), st.floats(0.5, 0.9999))
def test_boundaries_are_where_the_evidence_crosses(
    failures: int, claim: float, confidence: float
) -> None:
    """Enough evidence at either boundary, not enough one cycle on the other side of it."""
    enough = -math.log1p(-confidence)
    at = support_boundary(failures, claim, confidence)
    assert log_e_support(failures, at, claim) >= enough
    assert log_e_support(failures, at - 1, claim) < enough
    until = refute_boundary(failures, claim, confidence)
    if until:
        assert log_e_refute(failures, until, claim) >= enough
    assert log_e_refute(failures, max(until + 1, failures), claim) < enough
    assert support_boundary(failures + 1, claim, confidence) > at
    assert refute_boundary(failures + 1, claim, confidence) >= until


def first_crossing(run: NDArray[np.bool_], claim: float, confidence: float) -> Decision:
    """Decide by evaluating the evidence after every single cycle."""
    n = np.arange(1, len(run) + 1)
    k = np.cumsum(run)
    enough = -math.log1p(-confidence)
    for cycle, support, refute in zip(
        n, log_e_support(k, n, claim), log_e_refute(k, n, claim), strict=True
    ):
        if support >= enough:
            return Decision("supported", int(cycle))
        if refute >= enough:
            return Decision("refuted", int(cycle))
    return Decision("undecided", None)


@settings(deadline=None)
@given(RUNS, CLAIMS, st.sampled_from([0.5, 0.8, 0.95, 0.99]), st.integers(0, 600))
def test_every_way_of_deciding_agrees(
    run: NDArray[np.bool_], claim: float, confidence: float, cut: int
) -> None:
    """All at once, one by one, in two parts and by evaluating every cycle: one decision."""
    expected = first_crossing(run, claim, confidence)
    assert decide(run, claim, confidence) == expected
    one_by_one, in_parts = Sequential(claim, confidence), Sequential(claim, confidence)
    for failed in run:
        one_by_one.add(bool(failed))
    in_parts.extend(run[:cut])
    in_parts.extend(run[cut:])
    assert one_by_one.decision == in_parts.decision == expected
    assert one_by_one.cycles == in_parts.cycles == len(run)
    assert one_by_one.failures == in_parts.failures == run.sum()


@settings(deadline=None)
@given(RUNS, CLAIMS, st.lists(st.booleans(), max_size=50))
def test_only_what_came_before_the_decision_counts(
    run: NDArray[np.bool_], claim: float, after: list[bool]
) -> None:
    """One cycle less is undecided, and nothing that follows changes a decision."""
    decision = decide(run, claim, 0.8)
    if decision.decided_at is None:
        return
    before = run[: decision.decided_at]
    assert decide(before[:-1], claim, 0.8) == Decision("undecided", None)
    assert decide([*before, *after], claim, 0.8) == decision


def test_order_of_completion_would_support_a_false_claim() -> None:
    """The same cycles, the failing ones seen last because they are slow, turn the verdict round."""
    run = np.random.default_rng(3).random(8000) < 0.004
    assert decide(run, 0.999).verdict == "refuted"
    assert decide(np.sort(run), 0.999).verdict == "supported"


def share_ever_supported(runs: NDArray[np.bool_], boundary: Callable[[int], int]) -> float:
    """Look after every cycle of every run: how many runs ever reach the boundary."""
    failures = np.cumsum(runs, axis=1)
    needed = np.array([boundary(k) for k in range(int(failures.max()) + 1)])
    return float((np.arange(1, runs.shape[1] + 1) >= needed[failures]).any(axis=1).mean())


def test_looking_after_every_cycle_keeps_the_error_and_naively_does_not() -> None:
    """A claim that is just false is supported in under 5% of runs; by peeking at an interval, more.

    The planted defect stops as soon as the Clopper-Pearson bound of the cycles so far reaches the
    claim; it must be seen to break the promise in the very same runs.
    """
    claim, confidence = 0.9, 0.95
    runs = np.random.default_rng(2024).random((2000, 2000)) < 0.101
    honest = share_ever_supported(runs, lambda k: support_boundary(k, claim, confidence))
    naive = share_ever_supported(runs, lambda k: sample_size(claim, k, confidence))
    assert 0.005 < honest <= 1 - confidence
    assert naive > 3 * (1 - confidence)
    decisions = [decide(run, claim, confidence).verdict for run in runs[:100]]
    assert decisions.count("supported") / 100 == share_ever_supported(
        runs[:100], lambda k: support_boundary(k, claim, confidence)
    )


def test_true_claims_are_seldom_refuted() -> None:
    """A claim that is just true is refuted in under 5% of runs, looking after every cycle."""
    runs = np.random.default_rng(11).random((2000, 2000)) < 0.099
    failures = np.cumsum(runs, axis=1)
    until = np.array([refute_boundary(k, 0.9) for k in range(int(failures.max()) + 1)])
    refuted = (np.arange(1, 2001) <= until[failures]).any(axis=1)
    assert 0.005 < refuted.mean() <= 0.05


def test_a_claim_of_exactly_1_ends_at_the_first_failure() -> None:
    """It is never supported, and the first failure refutes it."""
    assert decide(np.zeros(100_000, bool), 1.0) == Decision("undecided", None)
    assert decide([False, False, True, False], 1) == Decision("refuted", 3)
    assert support_boundary(0, 1.0) == refute_boundary(1, 1.0) == UNREACHABLE
    assert refute_boundary(0, 1.0) == 0


def test_a_claim_of_0_is_true_of_anything() -> None:
    """One cycle, even a failed one, supports it; no cycle is no decision."""
    assert decide([True], 0) == Decision("supported", 1)
    assert decide([], 0) == Decision("undecided", None)
    assert (support_boundary(0, 0), support_boundary(7, 0)) == (1, 7)
    assert refute_boundary(1_000_000, 0) == 0


@pytest.mark.parametrize("claim", [5e-324, 1e-300, 1e-9, 1 - 1e-9, 1 - 2**-53])
def test_claims_next_to_the_ends_still_have_an_answer(claim: float) -> None:
    """No overflow, underflow or nan at the smallest and greatest claims there are."""
    k, n = np.array([0, 1, 5, 1000]), 1000
    assert not np.isnan(log_e_support(k, n, claim)).any()
    assert not np.isnan(log_e_refute(k, n, claim)).any()
    assert 1 <= support_boundary(0, claim) < UNREACHABLE
    assert decide(np.ones(1000, bool), claim).verdict != "supported"


@pytest.mark.parametrize("claim", [0.999, 0.9])
def test_a_million_cycles_are_decided_in_a_moment(claim: float) -> None:
    """Cycles at just the rate claimed, the longest case, take well under a second of the CPU."""
    run = np.random.default_rng(1).random(1_000_000) < 1 - claim
    decide(run[:10], claim)  # so that the import of scipy is not timed
    start_s = time.process_time()
    assert decide(run, claim).verdict == "undecided"
    assert time.process_time() - start_s < 0.6


def test_importing_the_package_leaves_scipy_alone() -> None:
    """Commands that judge nothing do not wait for scipy."""
    program = (
        "import sys; from harness.statistics import intervals, sequential, timings; "
        "sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: log_e_support(3, 2, 0.9), "failures must be from 0 to the number of cycles"),
        (lambda: log_e_refute([0, -1], 2, 0.9), "failures must be from 0"),
        (lambda: log_e_support(math.nan, 2, 0.9), "failures must be from 0"),
        (lambda: log_e_support(0, 2, 1.5), "claim must be a share from 0 to 1"),
        (lambda: decide([True], 99.9), "claim must be a share from 0 to 1"),
        (lambda: decide([True], 0.9, 95), "confidence must lie between 0 and 1, not 95"),
        (lambda: decide([[True]], 0.9), "one dimension"),
        (lambda: decide([0, 2], 0.9), "true and false only"),
        (lambda: Sequential(-0.1), "claim must be a share"),
        (lambda: support_boundary(-1, 0.9), "failures must be 0 or more, not -1"),
        (lambda: refute_boundary(1, 0.9, 0.0), "confidence must lie between"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()


def test_unless_said_otherwise_a_verdict_is_at_95_percent() -> None:
    """Cycle by cycle as for all at once."""
    running = Sequential(0.99)
    assert running.confidence == 0.95
    for cycle in range(1, support_boundary(0, 0.99, 0.95) + 1):
        assert running.add(failed=False) == decide([False] * cycle, 0.99, 0.95)
    assert running.decision.verdict == "supported"
