"""The curve of a condition with strata holds the truth, and what is spoiled gives none."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.stratified import judge, shares, stratified
from harness.analysis.summary import summarise
from harness.experiment.plan.strata import StrataPlanner
from harness.experiment.written.claimed import Claim
from harness.experiment.written.designs import StrataSetting
from harness.faults import Planned, Slot
from harness.faults.schedule.ledger import LedgerEntry
from harness.faults.schedule.plan import Chance
from harness.results.reading import Results
from harness.results.records import CycleRecord
from harness.statistics.digits import percent
from tests.stored_runs import cycle, make_run

SLOTS = [("io_error", Slot("restore", "file_copy", n)) for n in (1, 2, 3)] + [
    ("timeout", Slot("cleanup", f"delete bots {n}", 1)) for n in (1, 2, 3, 4)
]
RATES = {"io_error": 0.01, "timeout": 0.02}
LASTING = {"io_error": {"attempt": 1.0}, "timeout": {"attempt": 0.75, "phase": 0.25}}
ALLOCATED = {"0": 1000, "3": 600, "4": 200, "5": 100, "6": 100, "7": 100}
STRATA = {
    "enumerate": 2, "repeats": 2, "lowest_rate": 1e-4, "highest_rate": 0.3,
    "slots": {"io_error": 3, "timeout": 4}, "allocated": ALLOCATED,
}  # fmt: skip
CONDITION: dict[str, Any] = {
    "name": "one",
    "faults": {kind: {"rate": RATES[kind], "lasting": LASTING[kind]} for kind in RATES},
    "strata": STRATA,
}
Struck = Mapping[int, str]  # slot number -> how long its fault lasts
Fails = Callable[[Struck], bool]


def meets(struck: Struck) -> bool:
    """Fail where the first error meets a timeout that lasts the phase, or the three errors meet."""
    lasting = any(held == "phase" for slot, held in struck.items() if slot > 2)
    return (0 in struck and lasting) or {0, 1, 2} <= set(struck)


def true_at(rates: Mapping[str, float], fails: Fails) -> float:
    """Add up the probability of everything that fails."""
    total = 0.0
    for k in range(8):
        for chosen in itertools.combinations(range(7), k):
            for held in itertools.product(*(list(LASTING[SLOTS[slot][0]]) for slot in chosen)):
                if fails(dict(zip(chosen, held, strict=True))):
                    total += _chance(rates, dict(zip(chosen, held, strict=True)))
    return total


def _chance(rates: Mapping[str, float], struck: Struck) -> float:
    parts = []
    for slot, (kind, _) in enumerate(SLOTS):
        weights = LASTING[kind]
        held = struck.get(slot)
        share = weights[held] / sum(weights.values()) if held else 0
        parts.append(rates[kind] * share if held else 1 - rates[kind])
    return math.prod(parts)


def planned() -> StrataPlanner:
    """Make the planner whose cycles are stored here."""
    chances = {kind: Chance(RATES[kind], LASTING[kind]) for kind in RATES}
    return StrataPlanner(7, "one", SLOTS, chances, StrataSetting.model_validate(STRATA))


def records(fails: Fails = meets, failing: str = "dirty_known") -> list[CycleRecord]:
    """Run every planned cycle on a system that fails where it is said to."""
    planner = planned()
    return [
        _record(number, planner.draw(number)[1], fails, failing)
        for number in range(planner.numbering.total)
    ]


def _record(number: int, faults: list[Planned], fails: Fails, failing: str) -> CycleRecord:
    struck = {SLOTS.index((fault.kind, fault.slot)): fault.lasting for fault in faults}
    entries = tuple(
        LedgerEntry(
            f.kind, f.slot.phase, f.slot.operation, f.slot.attempt, f.lasting, True, True, "seen"
        )
        for f in faults
    )
    return cycle(number, failing if fails(struck) else "cleaned", faults=entries)


@pytest.fixture(scope="module")
def whole() -> list[CycleRecord]:
    """Give all cycles of the system that fails where two things meet."""
    return records()


def run_of(folder: Path, cycles: list[CycleRecord], **more: Any) -> Results:
    """Store cycles."""
    return make_run(folder / "run", cycles, conditions=[CONDITION | more])


def found_in(results: Results) -> dict[str, Any]:
    """Estimate from what is stored."""
    found = stratified(results.conditions[0], results.cycles("one"), 0.95)
    assert found is not None
    return found


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
    at = found["at_rate"]
    assert at["lower"] <= true_at(RATES, meets) <= at["upper"]
    assert at["upper"] < 2 * true_at(RATES, meets)  # where the two that meet are enumerated
    # a set of two fails in a quarter of its variants: counted as sets, it would be four times that
    assert at["estimate"] == pytest.approx(true_at(RATES, meets), rel=0.1)


def test_exact_are_only_strata_that_always_end_alike(
    tmp_path: Path, whole: list[CycleRecord]
) -> None:
    """A set that once cleaned and once restored makes every stratum a sample, wider and named."""
    exact = {one["k"]: one["exact"] for one in found_in(run_of(tmp_path, whole))["strata"]}
    assert exact == {k: k <= 2 for k in range(8)}
    spoiled = [replace(whole[2], outcome="restored") if one is whole[2] else one for one in whole]
    found = found_in(run_of(tmp_path / "b", spoiled))
    assert not found["steady"]
    assert "cycles 2 to 3 had the same faults and ended unlike" in found["unsteady"]
    assert [one["exact"] for one in found["strata"][:3]] == [False, False, False]
    assert found["at_rate"]["upper"] > 0.01 > 1e-3 > true_at(RATES, meets)


@pytest.mark.long
def test_what_fails_now_and_then_supports_nothing(tmp_path: Path) -> None:
    """Where any cycle may fail whatever strikes it, 99.9% is hardly ever supported."""
    chance = np.random.default_rng(20260101)
    supported = 0
    for number in range(20):
        cycles = records(lambda struck: bool(chance.random() < 0.002))
        results = run_of(tmp_path / str(number), cycles)
        one, frame = results.conditions[0], results.cycles("one")
        supported += judge(one, frame, Claim("reliability", 0.999), 0.95).verdict == "supported"
    assert supported <= 1


def test_cycles_without_a_fault_must_all_end_alike(
    tmp_path: Path, whole: list[CycleRecord]
) -> None:
    """One unstruck cycle of a thousand that was restored makes nothing exact."""
    late = next(one for one in whole[100:] if not one.faults)
    spoiled = [replace(one, outcome="restored") if one is late else one for one in whole]
    found = found_in(run_of(tmp_path, spoiled))
    assert found["unsteady"] == "cycles with no fault at all did not always end alike"
    assert not any(one["exact"] for one in found["strata"])
    assert (found["strata"][0]["cycles"], found["strata"][0]["failures"]) == (1002, 0)


def test_a_set_run_once_shows_nothing_of_being_steady(tmp_path: Path) -> None:
    """With one repeat every stratum is a sample."""
    strata = STRATA | {"repeats": 1, "enumerate": 0, "allocated": {}}
    found = found_in(run_of(tmp_path, [cycle(0)], strata=strata))
    assert "was run once" in found["unsteady"]
    assert not found["strata"][0]["exact"]


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
        one, frame = results.conditions[0], results.cycles("one")
        found = found_in(results)
        assert why in found["unsteady"]
        assert (found["at_rate"]["lower"], found["at_rate"]["upper"]) == (0, 1)
        assert shares(one, frame, 0.95)["reliability"]["estimate"] is None
        judged = judge(one, frame, Claim("reliability", 0.1), 0.95)
        assert (judged.verdict, judged.doubts) == ("undecided", (found["unsteady"],))


def test_claims_are_judged_at_the_rates_and_not_by_what_failed(
    tmp_path: Path, whole: list[CycleRecord]
) -> None:
    """Many of the designed cycles fail, and 90% holds; verdicts rest on no set ending alike."""
    results = run_of(tmp_path, whole, claims=["reliability >= 0.99"])
    one, frame = results.conditions[0], results.cycles("one")
    truth = true_at(RATES, meets)
    assert (frame["outcome"] == "dirty_known").mean() > 0.05 > 50 * truth
    cases = {0.9: "supported", 1 - 0.99 * truth: "undecided"}
    for at_least, verdict in cases.items():
        judged = judge(one, frame, Claim("reliability", at_least), 0.95)
        assert (judged.verdict, judged.decided_at) == (verdict, None)
        assert "cycles fixed beforehand, judged once" in judged.why
    assert judge(one, frame, Claim("no_silent_leftover", 0.9), 0.95).verdict == "supported"
    assert judge(one, frame, Claim("data_safety", 0.9), 0.95).verdict == "supported"
    other = judge(one, frame, Claim("no_restore", 0.5), 0.95)
    assert other.verdict == "not measured"
    assert "say nothing of no_restore" in other.why


def test_a_designed_claim_can_be_refuted(tmp_path: Path) -> None:
    """Where any fault fails the cycle the truth is 89.5%: what lies above is refuted, by the bound.

    The interval is that of the failures turned round: its upper end excludes the claim.
    """
    results = run_of(tmp_path, records(bool), claims=["reliability >= 0.999"])
    one, frame = results.conditions[0], results.cycles("one")
    truth = 0.99**3 * 0.98**4
    refuted = judge(one, frame, Claim("reliability", 0.999), 0.95)
    interval = refuted.interval
    assert (refuted.verdict, refuted.decided_at, refuted.next) == ("refuted", None, None)
    assert 0 < interval.lower < interval.estimate < interval.upper < 0.999
    assert interval.lower < truth < interval.upper
    assert f"at most {percent(interval.upper, 'ROUND_CEILING')} at the rates" in refuted.why
    just_above, just_below = interval.upper + 1e-9, interval.upper - 1e-9
    assert judge(one, frame, Claim("reliability", just_above), 0.95).verdict == "refuted"
    assert judge(one, frame, Claim("reliability", just_below), 0.95).verdict == "undecided"
    (told,) = summarise(results)["conditions"]
    assert (told["verdict"], told["claims"][0]["next"]) == ("refuted", None)


def test_both_bounds_of_a_designed_claim_are_judged(tmp_path: Path) -> None:
    """Supported where the interval lies within them, refuted where it lies beyond either."""
    results = run_of(tmp_path, records(bool))
    one, frame = results.conditions[0], results.cycles("one")
    cases = {
        (0.5, 0.99): "supported", (0.99, 0.999): "refuted", (0.5, 0.6): "refuted",
        (0.5, 0.895): "undecided",
    }  # fmt: skip
    for (least, most), verdict in cases.items():
        judged = judge(one, frame, Claim("reliability", least, at_most=most), 0.95)
        assert judged.verdict == verdict, (least, most)


def test_an_open_designed_claim_names_no_cycle(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """Its cycles are judged once, when all have run: no number of them is waited for."""
    claim = f"reliability >= {1 - 0.99 * true_at(RATES, meets):.12g}"
    (one,) = summarise(run_of(tmp_path, whole, claims=[claim]))["conditions"]
    assert (one["claims"][0]["verdict"], one["claims"][0]["next"]) == ("undecided", None)


def test_enumerated_strata_by_hand(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """One struck slot of seven, weighed by its odds; of a set that failed once in two, half."""
    odds = {"io_error": 0.01 / 0.99, "timeout": 0.02 / 0.98}
    first = odds["io_error"] / (3 * odds["io_error"] + 4 * odds["timeout"])
    found = found_in(run_of(tmp_path / "a", records(lambda struck: set(struck) == {0})))
    assert found["strata"][0]["failures"] == 0
    assert found["strata"][1]["share"] == pytest.approx(first)
    once = next(one for one in whole[2:] if len(one.faults) == 1)  # the first of its two
    assert once.faults[0].kind == "io_error"
    halved = [replace(one, outcome="dirty_known") if one is once else one for one in whole]
    found = found_in(run_of(tmp_path / "b", halved))
    assert (found["strata"][1]["failures"], found["strata"][1]["exact"]) == (1, False)
    assert found["strata"][1]["share"] == pytest.approx(first / 2)


def test_a_summary_shows_no_raw_share(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """Reliability and data safety are those at the rates, and so is the verdict."""
    results = run_of(tmp_path, whole, claims=["reliability >= 0.9"])
    (one,) = summarise(results)["conditions"]
    truth = 1 - true_at(RATES, meets)
    for measure in ("reliability", "data_safety"):
        assert one[measure]["method"] == "stratified_chernoff"
    assert one["reliability"]["lower"] <= truth <= one["reliability"]["upper"]
    assert one["reliability"]["lower"] > 0.99
    assert one["verdict"] == "supported"


def test_losing_the_baseline_is_told_apart(tmp_path: Path) -> None:
    """Where every failure loses the baseline, data safety is no better than reliability."""
    results = run_of(tmp_path, records(failing="baseline_lost"))
    found = shares(results.conditions[0], results.cycles("one"), 0.95)
    assert found["data_safety"] == found["reliability"]


def test_the_frontier_is_where_the_bounds_cross(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """At holds_to the upper bound is 0.001 and at breaks_from the lower, off the grid too."""
    found = found_in(run_of(tmp_path, whole))
    frontier, points = found["frontier"], found["curve"]
    assert 1e-4 < frontier["holds_to"] < frontier["breaks_from"] < 0.3
    for point in points:
        assert (point["upper"] <= 0.001) == (point["rate"] <= frontier["holds_to"])
        assert (point["lower"] > 0.001) == (point["rate"] >= frontier["breaks_from"])
    assert frontier["holds_to"] not in {point["rate"] for point in points}
    # to the last digit: a hair further on either side it no longer does
    for end, edge, sign in (("upper", "holds_to", 1), ("lower", "breaks_from", -1)):
        inside = bound_at(tmp_path / "run", frontier[edge], end) - 0.001
        beyond = bound_at(tmp_path / "run", frontier[edge] * (1 + sign * 1e-6), end) - 0.001
        assert sign * inside <= 0 < sign * beyond


def bound_at(folder: Path, rate: float, end: str) -> float:
    """Give a bound of the failure probability where the highest of the rates is this one."""
    results = Results(folder)
    odds = rate / (1 - rate) * 0.98 / 0.02 * 0.01 / 0.99
    rates = {"timeout": rate, "io_error": odds / (1 + odds)}
    faults = {kind: {"rate": rates[kind], "lasting": LASTING[kind]} for kind in RATES}
    found = stratified(results.conditions[0] | {"faults": faults}, results.cycles("one"), 0.95)
    assert found is not None
    return float(found["at_rate"][end])


def test_a_frontier_beyond_the_ends_is_said_so(tmp_path: Path) -> None:
    """Where nothing fails it holds to the highest rate tried; where all fails it breaks at once."""
    never = found_in(run_of(tmp_path / "a", records(lambda _: False)))["frontier"]
    always = found_in(run_of(tmp_path / "b", records(lambda _: True)))["frontier"]
    assert never["breaks_from"] is None
    assert never["holds_to"] is not None
    assert (always["holds_to"], always["breaks_from"]) == (None, 1e-4)


def test_others_have_no_strata(tmp_path: Path) -> None:
    """A condition without strata gives None and {}; one whose strata have no slots yet as well."""
    results = make_run(tmp_path / "run", [cycle(0)])
    one, frame = results.conditions[0], results.cycles("one")
    assert stratified(one, frame, 0.95) is None
    assert shares(one, frame, 0.95) == {}
    unplanned = one | {"strata": {"cycles": 100}}
    assert stratified(unplanned, frame, 0.95) is None
    assert judge(unplanned, frame, Claim("reliability", 0.5), 0.95).verdict == "not measured"
