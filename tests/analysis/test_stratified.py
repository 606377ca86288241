"""The curve of a condition with strata holds the truth, and what is spoiled gives none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.analysis.stratified import judge, shares, stratified
from harness.analysis.summary import summarise
from harness.experiment.written.claimed import Claim
from harness.outcomes import OUTCOMES
from harness.results.records import CycleRecord
from harness.statistics.digits import percent
from tests.analysis.designed_runs import RATES, found_in, meets, records, run_of, true_at
from tests.stored_runs import cycle, make_run


def test_the_curve_holds_the_truth_at_every_rate(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """Variants, unequal rates and drawn strata together give the polynomial added up by hand."""
    results = run_of(tmp_path, whole)
    found = found_in(results)
    assert found["steady"]
    assert (found["slots"], found["enumerated"], len(found["curve"])) == (7, 2, 61)
    assert found["drawn_at"] == RATES
    for point in found["curve"]:
        odds = point["rate"] / (1 - point["rate"]) * 0.98 / 0.02 * 0.01 / 0.99
        rates = {"timeout": point["rate"], "io_error": odds / (1 + odds)}
        assert point["lower"] <= true_at(rates, meets) <= point["upper"]
    truth = true_at(RATES, meets)
    at, alike = found["at_rate"], found["conditional"]["at_rate"]
    assert at["lower"] < alike["lower"] <= truth <= alike["upper"] < at["upper"]
    assert alike["upper"] < 2 * truth  # where the two that meet are enumerated
    assert at["estimate"] == pytest.approx(alike["estimate"], rel=1e-12)
    # a set of two fails in a quarter of its variants: counted as sets, it would be four times that
    assert at["estimate"] == pytest.approx(truth, rel=0.1)


def test_cycles_that_ended_alike_are_still_a_sample(tmp_path: Path) -> None:
    """1,002 cycles without a fault, none of which failed, bound their chance as 1,002 cycles do.

    What is sharper stands under its assumption's name, and nowhere where that is seen to be false.
    """
    clean = records(lambda _: False)
    results = run_of(tmp_path / "a", clean)
    found = found_in(results)
    # no failure in 1,002: at a rate of 1e-4 nearly all weight is theirs (log(1/0.025) = 3.69)
    assert found["curve"][0]["upper"] == pytest.approx(3.69 / 1002, rel=0.01)
    conditional = found["conditional"]
    assert conditional["assumed"] == "if the same faults always end alike"
    assert conditional["curve"][0]["upper"] < 1e-9
    share = shares(results.conditions[0], results.columns("one"), 0.95)["reliability"]
    assert share["lower"] == 1 - found["at_rate"]["upper"] < 1 - conditional["at_rate"]["upper"]
    claim = Claim("reliability", 0.9)
    judged = judge(results.conditions[0], results.columns("one"), claim, 0.95).interval
    assert (judged.lower, judged.upper) == (share["lower"], share["upper"])
    unlike = [replace(one, outcome="restored") if one is clean[2] else one for one in clean]
    found = found_in(run_of(tmp_path / "b", unlike))
    assert found["conditional"] is None
    assert found["unsteady"]


@pytest.mark.long
def test_what_fails_now_and_then_supports_nothing(tmp_path: Path) -> None:
    """Where any cycle may fail whatever strikes it, 99.9% is hardly ever supported."""
    chance = np.random.default_rng(20260101)
    supported = 0
    for number in range(20):
        cycles = records(lambda struck: bool(chance.random() < 0.002))
        results = run_of(tmp_path / str(number), cycles)
        one, columns = results.conditions[0], results.columns("one")
        supported += judge(one, columns, Claim("reliability", 0.999), 0.95).verdict == "supported"
    assert supported <= 1


def test_what_is_missing_or_spoiled_gives_no_estimate(
    tmp_path: Path, whole: list[CycleRecord]
) -> None:
    """A gap and a harness error leave everything possible: nothing counts as fine."""
    error = replace(whole[5], outcome="harness_error")
    for name, cycles, why in (
        ("gap", whole[:9] + whole[10:], "1 of 2,226 cycles are missing"),
        ("error", [*whole[:5], error, *whole[6:]], "harness error in 1 cycle"),
        ("none", [], "2,226 of 2,226 cycles are missing"),
    ):
        results = run_of(tmp_path / name, cycles)
        one, columns = results.conditions[0], results.columns("one")
        found = found_in(results)
        assert why in found["unsteady"]
        assert (found["at_rate"]["lower"], found["at_rate"]["upper"]) == (0, 1)
        assert shares(one, columns, 0.95)["reliability"]["estimate"] is None
        judged = judge(one, columns, Claim("reliability", 0.1), 0.95)
        assert (judged.verdict, judged.doubts) == ("undecided", (found["unsteady"],))


def test_claims_are_judged_at_the_rates_and_not_by_what_failed(
    tmp_path: Path, whole: list[CycleRecord]
) -> None:
    """Many of the designed cycles fail, and 90% holds; verdicts rest on no set ending alike."""
    results = run_of(tmp_path, whole, claims=["reliability >= 0.99"])
    one, columns = results.conditions[0], results.columns("one")
    truth = true_at(RATES, meets)
    assert (columns["outcome"] == OUTCOMES.index("dirty_known")).mean() > 0.05 > 50 * truth
    cases = {0.9: "supported", 1 - 0.99 * truth: "undecided"}
    for at_least, verdict in cases.items():
        judged = judge(one, columns, Claim("reliability", at_least), 0.95)
        assert (judged.verdict, judged.decided_at) == (verdict, None)
        assert "cycles fixed beforehand, judged once" in judged.why
    assert judge(one, columns, Claim("no_silent_leftover", 0.9), 0.95).verdict == "supported"
    assert judge(one, columns, Claim("data_safety", 0.9), 0.95).verdict == "supported"
    other = judge(one, columns, Claim("no_restore", 0.5), 0.95)
    assert other.verdict == "not measured"
    assert "say nothing of no_restore" in other.why


def test_a_designed_claim_can_be_refuted(tmp_path: Path) -> None:
    """Where any fault fails the cycle the truth is 89.5%: what lies above is refuted, by the bound.

    The interval is that of the failures turned round: its upper end excludes the claim.
    """
    results = run_of(tmp_path, records(bool), claims=["reliability >= 0.999"])
    one, columns = results.conditions[0], results.columns("one")
    truth = 0.99**3 * 0.98**4
    refuted = judge(one, columns, Claim("reliability", 0.999), 0.95)
    interval = refuted.interval
    assert (refuted.verdict, refuted.decided_at, refuted.next) == ("refuted", None, None)
    assert 0 < interval.lower < interval.estimate < interval.upper < 0.999
    assert interval.lower < truth < interval.upper
    assert f"at most {percent(interval.upper, 'ROUND_CEILING')} at the rates" in refuted.why
    just_above, just_below = interval.upper + 1e-9, interval.upper - 1e-9
    assert judge(one, columns, Claim("reliability", just_above), 0.95).verdict == "refuted"
    assert judge(one, columns, Claim("reliability", just_below), 0.95).verdict == "undecided"
    (told,) = summarise(results)["conditions"]
    assert (told["verdict"], told["claims"][0]["next"]) == ("refuted", None)


def test_both_bounds_of_a_designed_claim_are_judged(tmp_path: Path) -> None:
    """Supported where the interval lies within them, refuted where it lies beyond either."""
    results = run_of(tmp_path, records(bool))
    one, columns = results.conditions[0], results.columns("one")
    cases = {
        (0.5, 0.99): "supported", (0.99, 0.999): "refuted", (0.5, 0.6): "refuted",
        (0.5, 0.895): "undecided",
    }  # fmt: skip
    for (least, most), verdict in cases.items():
        judged = judge(one, columns, Claim("reliability", least, at_most=most), 0.95)
        assert judged.verdict == verdict, (least, most)


def test_an_open_designed_claim_names_no_cycle(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """Its cycles are judged once, when all have run: no number of them is waited for."""
    claim = f"reliability >= {1 - 0.99 * true_at(RATES, meets):.12g}"
    (one,) = summarise(run_of(tmp_path, whole, claims=[claim]))["conditions"]
    assert (one["claims"][0]["verdict"], one["claims"][0]["next"]) == ("undecided", None)


def test_a_summary_shows_no_raw_share(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """Reliability and data safety are those at the rates, and so is the verdict."""
    results = run_of(tmp_path, whole, claims=["reliability >= 0.9"])
    (one,) = summarise(results)["conditions"]
    truth = 1 - true_at(RATES, meets)
    for measure in ("reliability", "data_safety"):
        assert one[measure]["method"] == "stratified_chernoff"
    assert one["reliability"]["lower"] <= truth <= one["reliability"]["upper"]
    assert one["reliability"]["lower"] > 0.97
    assert one["verdict"] == "supported"


def test_losing_the_baseline_is_told_apart(tmp_path: Path) -> None:
    """Where every failure loses the baseline, data safety is no better than reliability."""
    results = run_of(tmp_path, records(failing="baseline_lost"))
    found = shares(results.conditions[0], results.columns("one"), 0.95)
    assert found["data_safety"] == found["reliability"]


def test_others_have_no_strata(tmp_path: Path) -> None:
    """A condition without strata gives None and {}; one whose strata have no slots yet as well."""
    results = make_run(tmp_path / "run", [cycle(0)])
    one, columns = results.conditions[0], results.columns("one")
    assert stratified(one, columns, 0.95) is None
    assert shares(one, columns, 0.95) == {}
    unplanned = one | {"strata": {"cycles": 100}}
    assert stratified(unplanned, columns, 0.95) is None
    assert judge(unplanned, columns, Claim("reliability", 0.5), 0.95).verdict == "not measured"
