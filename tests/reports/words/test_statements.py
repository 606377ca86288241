from pathlib import Path

from harness import registry
from harness.analysis.claims import VERDICTS
from harness.analysis.summary import load
from harness.reports.words.statements import ERROR, Statement, soundness, statements, unmeasured
from tests.reports.measured import measured
from tests.stored_runs import cycles, make_run


def test_claims_come_first_then_rows_that_say_something_else(run: Path) -> None:
    """A row that is a claim of its condition's own is told once, as that claim."""
    summary = load(measured(run)).summary
    first = summary["conditions"][0]
    told = [one.claim for one in statements(first, summary)]
    assert told[:3] == ["reliability >= 0.99", "data_safety >= 0.99", "reliability >= 0.999"]
    assert "combined approach (99.9%)" in told
    summary["rows"][0]["claim_number"] = 2
    assert "combined approach (99.9%)" not in [one.claim for one in statements(first, summary)]
    first["claims"][2]["own"] = False
    told = [one.claim for one in statements(first, summary)]
    assert "combined approach (99.9%)" in told
    assert "reliability >= 0.999" not in told


def test_a_build_is_judged_by_claims_alone() -> None:
    """What is told of each verdict: only what claims nothing is skipped."""
    told = {
        word: Statement("one", "a claim", word, "", "", own=True).told
        for word in (*VERDICTS, "harness error")
    }
    assert told == {
        "supported": "passed", "not refuted": "passed", "refuted": "failed",
        "undecided": "failed", "not measured": "failed", "harness error": "error",
        "set point": "skipped", "control": "skipped", "no claim": "skipped",
    }  # fmt: skip
    assert Statement("", "a row of nobody", "not measured", "", "").told == "skipped"


def test_an_older_run_speaks_by_its_rows(run: Path) -> None:
    """Without `claims` the rows speak, and a condition without rows by what it claimed."""
    summary = load(run).summary
    first = summary["conditions"][0]
    first.pop("claims", None)
    assert [one.claim for one in statements(first, summary)] == [
        "combined approach (99.9%)", "solved (so much)"
    ]  # fmt: skip
    summary["rows"] = []
    (only,) = statements(first, summary)
    assert (only.claim, only.verdict) == ("reliability >= 0.999", "supported")
    assert only.measured == "100% [99.926%, 100%]"


def test_no_row_is_lost(run: Path) -> None:
    """What no condition measures is told by itself."""
    summary = load(run).summary
    assert unmeasured(summary) == []
    summary["rows"][3]["condition"] = ""
    assert [one.verdict for one in unmeasured(summary)] == ["not measured"]


def test_an_unsound_condition_is_an_error(folder: Path) -> None:
    """A harness error, a fault that never fired, no cycle and a gap are found."""
    faults = {"timeout": {"rate": 0.5}}
    conditions = [{"name": "one"}, {"name": "two", "faults": faults}, {"name": "three"}]
    conditions.append({"name": "four"})
    records = [
        *cycles(["cleaned", "harness_error"]),
        *cycles(["cleaned"], condition="two"),
        *cycles(["cleaned"] * 4, condition="four")[2:],
    ]
    made = make_run(folder / "run", records, conditions=conditions)
    summary = load(made.folder).summary
    found = [soundness(one) for one in summary["conditions"]]
    assert [one.verdict for one in found] == [ERROR] * 4
    assert [one.why for one in found] == [
        "harness error in 1 cycle",
        "harness error: timeout never fired: none of 1 cycle was to have it; run more, or "
        "raise its rate",
        "nothing was measured",
        "cycle 0 is missing",
    ]
    older = {k: v for k, v in summary["conditions"][0].items() if k != "doubts"}
    assert soundness(older).why == "harness error in 1 cycle"


def test_a_claim_that_nothing_measured_is_the_conditions_own(folder: Path) -> None:
    """A build is judged by it, so it is told apart from a row that is merely not there."""
    stated = {"name": "one", "claims": ["p99 of restore_ms <= 5"]}
    made = make_run(folder / "run", cycles(["cleaned"] * 3), conditions=[stated])
    summary = load(made.folder).summary
    (claim,) = statements(summary["conditions"][0], summary)
    assert (claim.verdict, claim.own) == ("not measured", True)
    junit = registry.find("reports", "junit")().render(made.folder)
    assert '<failure type="not measured"' in junit
    assert "::warning" in registry.find("reports", "github")().render(made.folder)
