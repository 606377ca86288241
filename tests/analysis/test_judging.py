"""The verdict on each claim, as summary.json has it, and what draws how it came about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.analysis import judging, stratified
from harness.analysis.judging import confidence_of, evidence_of, judged_claims
from harness.errors import UsageError
from harness.experiment.written.claimed import Claim, parse_claim
from harness.experiment.written.family import Family
from harness.results.records import CycleRecord
from harness.statistics.intervals import clopper_pearson
from harness.statistics.sequential import decide, refute_boundary, support_boundary
from tests.stored_runs import cycle, cycles, make_run, struck

KEYS = [
    "claim", "measure", "at_least", "at_most", "limit_ms", "verdict", "decided_at_cycle", "why",
    "doubts", "failures", "refused", "cycles", "estimate", "lower", "upper", "interval_confidence",
    "interval_method", "confidence", "method", "next", "path", "own",
]  # fmt: skip


def judged(
    folder: Path,
    records: Sequence[CycleRecord],
    claim: str | Claim,
    each: float = 0.95,
    **condition: Any,
) -> dict[str, Any]:
    """Judge one claim about stored cycles."""
    results = make_run(folder / "run", records)
    stated = results.conditions[0] | condition
    evidence = evidence_of(stated, results.columns("one"), 0.95)
    claim = parse_claim(claim) if isinstance(claim, str) else claim
    found = Family({"one": [claim]}, 0.95, each)
    (entry,) = judged_claims(stated, evidence, found)
    assert list(entry) == KEYS
    assert json.loads(json.dumps(entry, allow_nan=False)) == entry
    return entry


def test_a_supported_claim_and_the_way_there(folder: Path) -> None:
    """Two failures, where they were, both boundaries beyond them, and the cycle that decided."""
    bad = {99, 1999}
    outcomes = ["dirty_known" if n in bad else "cleaned" for n in range(10_000)]
    said = judged(folder, cycles(outcomes), "failures <= 0.001")
    failed = [n in bad for n in range(10_000)]
    assert (said["claim"], said["measure"]) == ("failures <= 0.001", "reliability")
    assert (said["verdict"], said["decided_at_cycle"]) == decide(failed, 0.999)
    assert (said["verdict"], said["next"]) == ("supported", None)
    assert (said["failures"], said["cycles"]) == (2, 10_000)
    interval = clopper_pearson(9998, 10_000, 0.95)
    assert (said["estimate"], said["lower"], said["upper"]) == interval[:3]
    assert (said["interval_method"], said["method"]) == (interval.method, judging.METHOD)
    assert said["path"]["failures_at"] == [100, 2000]
    counts = range(2 + judging.BEYOND + 1)
    support = [[k, support_boundary(k, 0.999, 0.95)] for k in counts]
    refute = [[k, refute_boundary(k, 0.999, 0.95)] for k in counts]
    assert said["path"]["support_boundary"] == support
    assert said["path"]["refute_boundary"] == [pair for pair in refute if pair[1]]


def test_no_way_leads_to_a_verdict_on_all(folder: Path) -> None:
    """One failure refutes 100%, whatever the error: there is no boundary to draw."""
    outcomes = ["cleaned", "dirty_known"] + ["cleaned"] * 8
    said = judged(folder, cycles(outcomes), Claim("reliability", 1.0))
    assert (said["verdict"], said["decided_at_cycle"]) == ("refuted", 2)
    assert said["path"] == {"failures_at": [], "support_boundary": [], "refute_boundary": []}


def test_the_level_is_that_of_the_verdict(folder: Path) -> None:
    """At a higher level the same cycles decide later; the interval keeps its own."""
    said = judged(folder, cycles(["cleaned"] * 700), "reliability >= 0.99", 0.9875)
    assert said["decided_at_cycle"] == decide([False] * 700, 0.99, 0.9875).decided_at
    assert (said["confidence"], said["interval_confidence"]) == (0.9875, 0.95)
    assert said["path"]["support_boundary"][0] == [0, support_boundary(0, 0.99, 0.9875)]


def test_what_is_open_says_when_it_would_be_supported(folder: Path) -> None:
    """The cycle, as the same cycles and good ones up to it really decide; none on the way down."""
    outcomes = ["dirty_known"] + ["cleaned"] * 3000
    said = judged(folder / "a", cycles(outcomes), "reliability >= 0.999")
    at = decide([True] + [False] * 20_000, 0.999).decided_at
    assert said["verdict"] == "undecided"
    assert said["next"] == f"supported at cycle {at:,} if nothing else fails"
    sinking = (["cleaned"] * 40 + ["dirty_known"]) * 2
    assert judged(folder / "b", cycles(sinking), "reliability >= 0.999")["next"] is None
    doubted = [*cycles(["cleaned"] * 50), cycle(60)]
    assert judged(folder / "c", doubted, "reliability >= 0.999")["next"] is None


def test_a_quantile_is_judged_by_the_cycles_that_took_the_step(folder: Path) -> None:
    """Cycle numbers count restores alone; the failures are the slow ones."""
    took_ms = [60.0 if n in (5, 6, 7) else 10.0 for n in range(40)]
    records = []
    for n, ms in enumerate(took_ms):
        records.append(cycle(2 * n, timings_ms={"backup": 1.0}))
        records.append(cycle(2 * n + 1, "restored", timings_ms={"backup": 1.0, "restore": ms}))
    said = judged(folder, records, "p99 of restore_ms <= 50")
    assert (said["measure"], said["at_least"], said["limit_ms"]) == ("restore_ms", 0.99, 50.0)
    assert (said["failures"], said["cycles"]) == (3, 40)
    assert said["path"]["failures_at"] == [6, 7, 8]
    assert said["verdict"] == decide([ms > 50 for ms in took_ms], 0.99).verdict


@pytest.mark.parametrize("text", ["restored_clean >= 0.9", "p99 of restore_ms <= 5"])
def test_what_was_not_measured_has_no_figures(folder: Path, text: str) -> None:
    """No restore: no share, no bounds, no verdict, and the reason."""
    said = judged(folder, cycles(["cleaned"] * 500), text)
    assert said["verdict"] == "not measured"
    assert said["estimate"] is said["lower"] is said["upper"] is said["next"] is None
    assert (said["failures"], said["cycles"]) == (0, 0)
    assert "restore" in said["why"]


def test_a_harness_error_draws_no_failure(folder: Path) -> None:
    """It counts in the share, supports nothing, and is no failure on the way to refuting."""
    said = judged(folder, cycles(["cleaned"] * 500 + ["harness_error"]), "reliability >= 0.9")
    assert (said["verdict"], said["failures"]) == ("undecided", 1)
    assert said["doubts"] == ["harness error in 1 cycle"]
    assert said["path"]["failures_at"] == []


def test_a_fault_that_never_fired_is_a_doubt(folder: Path) -> None:
    """What run.json plans at a rate above 0 must be in the ledger as fired."""
    faults = {"faults": {"timeout": {"rate": 0.5}}}
    missed = cycles(["cleaned"] * 500, faults=(struck("timeout", fired=False),))
    said = judged(folder / "a", missed, "reliability >= 0.9", **faults)
    assert (said["verdict"], said["doubts"]) == (
        "undecided",
        ["harness error: timeout never fired"],
    )
    fired = [*missed[:-1], cycle(499, faults=(struck("timeout"),))]
    assert judged(folder / "b", fired, "reliability >= 0.9", **faults)["verdict"] == "supported"


def test_a_path_has_its_bounds(folder: Path) -> None:
    """Of many failures the first 200 are named, and a boundary has no more points than that."""
    said = judged(folder, cycles(["dirty_known"] * 300), "reliability >= 0.5")
    assert (said["verdict"], said["failures"]) == ("refuted", 300)
    assert said["path"]["failures_at"] == list(range(1, 201))
    assert len(said["path"]["support_boundary"]) == judging.FAILURES_MOST
    assert len(said["path"]["refute_boundary"]) <= judging.FAILURES_MOST


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("reliability >= 0.5", "never allocated"),
        ("restored_clean >= 0.5", "say nothing of restored_clean"),
        ("p50 of cycle_ms <= 50", "how long a usual one takes"),
    ],
)
def test_the_share_of_designed_cycles_is_no_reliability(folder: Path, text: str, why: str) -> None:
    """5,000 good cycles with a set number of faults prove nothing by their own share."""
    records = cycles(["cleaned", "restored"] * 2500)
    assert judged(folder / "a", records, text)["verdict"] == "supported"
    said = judged(folder / "b", records, text, strata={})
    assert said["verdict"] == "not measured"
    assert why in said["why"]
    assert said["method"] == judging.STRATIFIED == stratified.METHOD
    assert said["estimate"] is said["next"] is None
    assert said["path"] == {"failures_at": [], "support_boundary": [], "refute_boundary": []}


def test_no_failure_of_designed_cycles_is_drawn(folder: Path) -> None:
    """Where their number is set, when they failed says nothing of how a verdict came about."""
    records = cycles(["dirty_known", "cleaned"] * 50)
    designed = judged(folder / "a", records, "reliability >= 0.5", strata={})
    assert (designed["cycles"], designed["failures"]) == (100, 50)
    assert designed["path"]["failures_at"] == []
    assert judged(folder / "b", records, "reliability >= 0.5")["path"]["failures_at"][:2] == [1, 3]


def test_designed_cycles_that_did_not_run_support_nothing(folder: Path) -> None:
    """An empty condition with strata is not measured, like any other."""
    said = judged(folder, [], "reliability >= 0.5", strata={"slots": {"timeout": 2}})
    assert (said["verdict"], said["why"]) == ("not measured", "nothing was measured")


def test_what_the_condition_claims_itself_is_known(folder: Path) -> None:
    """A claim of a row alone is told apart from one that the condition makes."""
    assert not judged(folder / "a", cycles(["cleaned"]), "reliability >= 0.5")["own"]
    own = {"claims": ["failures <= 0.5"]}
    assert judged(folder / "b", cycles(["cleaned"]), "reliability >= 0.5", **own)["own"]


def test_a_nonsense_confidence_is_named(folder: Path) -> None:
    """A stored run that asks for one at which nothing can be judged is refused with its file."""
    results = make_run(folder / "run")
    assert confidence_of(results) == 0.95
    for nonsense in (0.5, 1e-9, 1.0, True, "high", None):
        results.run["experiment"]["confidence"] = nonsense
        with pytest.raises(UsageError, match=r"run\.json: confidence must be more than 0\.5"):
            confidence_of(results)
