from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.intervals import clopper_pearson
from harness.statistics.sequential import decide
from harness.statistics.simulation import RULES, Judging, boundaries, error_rates, simulate, table

NAIVE = [rule for rule in RULES if rule != "e_process"]


def look(rule: str, failures: int, cycles: int, claim: float, confidence: float) -> str:
    """Look once, by the rule's interval itself and not by its boundary."""
    level = (1 + confidence) / 2 if rule.endswith("two_sided") else confidence
    if rule.startswith("clopper_pearson"):
        lower = clopper_pearson(cycles - failures, cycles, level, "lower").lower
        upper = clopper_pearson(cycles - failures, cycles, level, "upper").upper
    else:
        z = {0.8: 0.8416212335729143, 0.9: 1.2815515655446004, 0.95: 1.6448536269514722}[level]
        share = 1 - failures / cycles
        centre = share + z * z / (2 * cycles)
        half = z * math.sqrt(share * (1 - share) / cycles + z * z / (4 * cycles**2))
        lower, upper = (x / (1 + z * z / cycles) for x in (centre - half, centre + half))
    return "supported" if lower >= claim else "refuted" if upper < claim else "undecided"


def enumerate_runs(
    verdict: Callable[[tuple[bool, ...]], str], truth: Fraction, cycles: int
) -> dict[str, Fraction]:
    """Go through every run there is, stop it at its first verdict, add up in exact fractions."""
    verdict = lru_cache(maxsize=None)(verdict)
    shares = dict.fromkeys(("supported", "refuted", "undecided"), Fraction(0))
    for run in product([False, True], repeat=cycles):
        found = (verdict(run[: n + 1]) for n in range(cycles))
        end = next((word for word in found if word != "undecided"), "undecided")
        shares[end] += math.prod(1 - truth if failed else truth for failed in run)
    return shares


@pytest.mark.parametrize("rule", NAIVE)
def test_naive_rates_are_those_of_every_run_there_is(rule: str) -> None:
    """All 1,024 runs of 10 cycles, judged by the interval itself, give the computed rates."""
    expected = enumerate_runs(
        lambda run: look(rule, sum(run), len(run), 0.7, 0.8), Fraction(2, 3), 10
    )
    found = error_rates(Judging(rule, 0.7, 0.8, 10), 2 / 3)
    assert found[:3] == pytest.approx([float(expected[word]) for word in expected], abs=1e-12)
    assert expected["refuted"] > Fraction(1, 5)


def test_e_process_rates_are_those_of_every_run_there_is() -> None:
    """All 1,024 runs of 10 cycles, judged by `decide`, give the computed rates."""
    expected = enumerate_runs(lambda run: decide(run, 0.5, 0.8).verdict, Fraction(1, 2), 10)
    found = error_rates(Judging("e_process", 0.5, 0.8, 10), 0.5)
    assert found[:3] == pytest.approx([float(expected[word]) for word in expected], abs=1e-12)
    assert 0 < expected["supported"] < Fraction(1, 5) > expected["refuted"] > 0


@pytest.mark.parametrize(
    ("rule", "supported", "refuted"),
    [
        ("e_process", 0.0416, 0.0253),
        ("clopper_pearson", 0.1643, 0.2580),
        ("clopper_pearson_two_sided", 0.0904, 0.1574),
        ("wilson", 0.1759, 0.4283),
    ],
)
def test_known_rates_at_the_claim(rule: str, supported: float, refuted: float) -> None:
    """At 0.999 and 95% within 20,000 cycles: peeking errs in 16% and 26%, the e-process below 5%.

    The figures come from another program, which evaluates the bounds in every cycle.
    """
    found = error_rates(Judging(rule, 0.999), 0.999)
    assert found.supported == pytest.approx(supported, abs=1e-4)
    assert found.refuted == pytest.approx(refuted, abs=2e-4)


@pytest.mark.parametrize(
    ("claim", "confidence", "cycles"), [(0.999, 0.95, 10_000), (0.9, 0.9, 2000), (0.5, 0.8, 500)]
)
def test_the_e_process_keeps_its_promise_and_peeking_does_not(
    claim: float, confidence: float, cycles: int
) -> None:
    """At the claim, where both verdicts err most, one rule holds the error and the other breaks it.

    The planted defect is the fixed-n interval looked at after every cycle.
    """
    honest = error_rates(Judging("e_process", claim, confidence, cycles), claim)
    naive = error_rates(Judging("clopper_pearson", claim, confidence, cycles), claim)
    assert 0 < honest.supported <= 1 - confidence
    assert 0 < honest.refuted <= 1 - confidence
    assert naive.supported > 1 - confidence
    assert naive.refuted > 2 * (1 - confidence)


@pytest.mark.parametrize("rule", ["e_process", "clopper_pearson"])
def test_random_runs_agree(rule: str) -> None:
    """3,000 seeded runs give the computed rates, within four standard errors."""
    exact = error_rates(Judging(rule, 0.98, 0.95, 1500), 0.97)
    drawn = simulate(Judging(rule, 0.98, 0.95, 1500), 0.97, 3000, 7)
    for share, seen in zip(exact[:3], drawn[:3], strict=True):
        assert abs(share - seen) < 4 * math.sqrt(share * (1 - share) / 3000) + 1e-3
    assert drawn.mean_cycles == pytest.approx(exact.mean_cycles, rel=0.1)


@given(
    st.sampled_from(list(RULES)),
    st.floats(0.3, 0.99),
    st.sampled_from([0.8, 0.9]),
    st.integers(1, 60),
)
@settings(max_examples=60)
def test_boundaries_are_where_the_verdict_turns(
    rule: str, claim: float, confidence: float, cycles: int
) -> None:
    """Boundaries rise with the failures, never overlap, and the last one refutes everywhere."""
    supports, refutes = boundaries(Judging(rule, claim, confidence, cycles))
    assert np.all(np.diff(supports) > 0)
    assert np.all(np.diff(refutes) >= 0)
    assert np.all(refutes < supports)
    assert refutes[-1] >= cycles or len(refutes) == cycles + 1


@pytest.mark.parametrize("rule", NAIVE)
@pytest.mark.parametrize("claim", [0.5, 0.93])
def test_boundaries_are_those_of_the_intervals(rule: str, claim: float) -> None:
    """With each count of failures the interval itself speaks up to, and from, these cycles."""
    supports, refutes = boundaries(Judging(rule, claim, 0.8, 60))
    for failures, (at, until) in enumerate(zip(supports, refutes, strict=True)):
        first = max(1, failures)
        assert look(rule, failures, int(at), claim, 0.8) == "supported"
        assert at == first or look(rule, failures, int(at) - 1, claim, 0.8) != "supported"
        assert until < first or look(rule, failures, int(until), claim, 0.8) == "refuted"
        beyond = max(int(until) + 1, first)
        assert look(rule, failures, beyond, claim, 0.8) != "refuted"


@given(st.sampled_from(list(RULES)), st.floats(0.5, 0.99), st.floats(0, 1), st.integers(1, 80))
@settings(max_examples=60)
def test_shares_add_up_and_grow(rule: str, claim: float, truth: float, cycles: int) -> None:
    """Every run ends in just one way, and more cycles never take a verdict back."""
    found = error_rates(Judging(rule, claim, 0.9, cycles), truth)
    longer = error_rates(Judging(rule, claim, 0.9, cycles + 20), truth)
    assert sum(found[:3]) == pytest.approx(1, abs=1e-12)
    assert longer.supported >= found.supported - 1e-12
    assert longer.refuted >= found.refuted - 1e-12
    assert 1 - 1e-9 <= found.mean_cycles <= cycles + 1e-9


@given(st.sampled_from(list(RULES)), st.floats(0.01, 0.98))
@settings(max_examples=40)
def test_a_better_truth_is_supported_more_and_refuted_less(rule: str, truth: float) -> None:
    """Both rates move one way with the truth."""
    worse, better = (error_rates(Judging(rule, 0.9, 0.9, 100), at) for at in (truth, truth + 0.02))
    assert better.supported >= worse.supported - 1e-12
    assert better.refuted <= worse.refuted + 1e-12


def test_the_ends_of_the_scale() -> None:
    """What never fails is supported as soon as can be, what always fails is refuted."""
    perfect = error_rates(Judging("clopper_pearson", 0.999), 1.0)
    assert perfect == (1, 0, 0, 2995)
    assert error_rates(Judging("e_process", 0.999), 0.0).refuted == 1


def test_the_module_prints_its_table() -> None:
    """`python -m harness.statistics.simulation` prints Markdown with the known figures."""
    program = [sys.executable, "-m", "harness.statistics.simulation"]
    printed = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    assert "| clopper_pearson | 99.9000% | 16.43% | 25.80% | 57.77% | 13,812 |" in printed
    assert "| e_process | 99.9000% | 4.16% | 2.53% |" in printed


def test_the_table_is_what_was_asked_for() -> None:
    """Each rule has four truths, and a claim with many failures still has shares."""
    lines = table(0.4, 0.9, 50).splitlines()
    assert sum(line.startswith("|") for line in lines) == 2 + 4 * len(RULES)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: error_rates(Judging("wald", 0.9), 0.9), "rule must be one of e_process, clopper"),
        (lambda: error_rates(Judging("wilson", 1.0), 0.9), "claim must lie between 0 and 1"),
        (lambda: error_rates(Judging("wilson", 99.9), 0.9), "claim must be a share"),
        (lambda: error_rates(Judging("wilson", 0.9), 99.9), "truth must be a share from 0 to 1"),
        (lambda: error_rates(Judging("wilson", 0.9, 0.4), 0.9), "confidence must be at least 0.5"),
        (lambda: error_rates(Judging("wilson", 0.9, 95), 0.9), "confidence must lie between"),
        (lambda: boundaries(Judging("wilson", 0.9, 0.9, 0)), "cycles must be 1 or more, not 0"),
        (lambda: simulate(Judging("wilson", 0.9), 0.9, 0, 1), "runs must be 1 or more, not 0"),
        (lambda: simulate(Judging("wilson", 0.9), -1, 9, 1), "truth must be a share"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
