import copy
from pathlib import Path
from typing import Any

from harness.analysis.summary import summarise
from harness.reports.published.findings.shown import failure_scenario, naive_copy
from harness.results.reading import Results
from tests.reports.rows import ended, judged, summary


def copied(connected: dict[str, Any], verdict: str = "control") -> dict[str, dict[str, Any]]:
    """Make the controls of the naive copy; closed it never fails."""
    rows = [
        judged(f"control: naive copy, application {how}", verdict, condition=how)
        for how in ("closed", "connected")
    ]
    return {"summary_claims": summary([ended("closed", restored=200), connected], rows)}


def test_the_copy_is_worse_only_where_it_is_shown() -> None:
    """180 of 200 left dirty without a word are worse; one that says so is no difference shown."""
    strong = naive_copy(copied(ended("connected", cleaned=20, dirty_silent=180)))
    assert strong == (
        "A restore by copying the file back, as a control: application closed, no failure in 200 "
        "cycles; application connected, 180 failures in 200 cycles: 180 dirty without a word "
        "(worse)."
    )
    weak = naive_copy(copied(ended("connected", cleaned=199, dirty_known=1)))
    assert weak.endswith("1 failure in 200 cycles: 1 dirty and said so (no difference shown).")


def test_what_is_no_control_is_not_told_as_one() -> None:
    """A row that was not measured, or a run that is not there, gives no sentence."""
    assert naive_copy(copied(ended("connected", cleaned=1), "not measured")) == naive_copy({}) == ""


def test_the_scenario_ends_as_it_ended(stories: Path) -> None:
    """Counts and end are the story's, one that ends dirty is told so, and none is a rate."""
    told = summarise(Results(stories))
    kept = next(one for one in told["stories"] if one["outcome"] == "restored"
                and one["story"]["cleanup"] and one["story"]["found"])  # fmt: skip
    said = failure_scenario({"failure_scenario": {"stories": [kept]}})
    for table in kept["story"]["cleanup"]["tables"]:
        assert f"{table['table']} {table['removed']} reported as deleted" in said
    assert "restored to a clean state. One cycle shows what can happen, not how often." in said
    worse = copy.deepcopy(kept) | {"outcome": "dirty_silent"}
    weak = failure_scenario({"failure_scenario": {"stories": [worse]}})
    assert "DIRTY at the end, and the guard says it is clean. One cycle" in weak
    assert failure_scenario({}) == ""
