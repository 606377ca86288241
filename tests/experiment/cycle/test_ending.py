"""How a trip ends: the guard's word, the truth, what a backend serves, and what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cleanup import CleanupReport
from harness.databases import Differences
from harness.experiment.cycle.ending import Ending, note, outcome_of
from harness.guard import GuardResult
from harness.results.records import CycleRecord
from harness.steps import Failure, Step
from harness.truth import Judgement

CLEAN, DIRTY = Judgement(True, True, False), Judgement(False, False, False)
LOST = Judgement(False, False, True)
ROWS = Judgement(True, False, False)


@pytest.mark.parametrize(
    ("ended", "judgement", "demands", "intact", "outcome"),
    [
        ("cleaned", CLEAN, "rows", True, "cleaned"),
        ("restored", CLEAN, "exact", True, "restored"),
        ("cleaned", ROWS, "rows", True, "cleaned"),
        ("cleaned", ROWS, "exact", True, "dirty_silent"),
        ("cleaned", DIRTY, "rows", True, "dirty_silent"),
        ("restored", DIRTY, "rows", True, "dirty_silent"),
        ("dirty", DIRTY, "rows", True, "dirty_known"),
        ("dirty", CLEAN, "rows", True, "dirty_known"),
        ("refused", CLEAN, "rows", True, "refused"),
        ("refused", CLEAN, "exact", True, "refused"),
        ("refused", ROWS, "rows", True, "dirty_known"),  # somebody has written to it
        ("refused", DIRTY, "rows", True, "dirty_known"),
        ("refused", LOST, "rows", True, "dirty_known"),
        ("refused", LOST, "rows", False, "baseline_lost"),
        ("dirty", LOST, "rows", True, "dirty_known"),
        ("dirty", LOST, "rows", False, "baseline_lost"),
        ("cleaned", LOST, "rows", False, "baseline_lost"),
        ("cleaned", LOST, "rows", True, "dirty_silent"),
        ("restored", LOST, "exact", False, "baseline_lost"),
    ],
)
def test_outcomes(
    ended: Any, judgement: Judgement, demands: str, intact: bool, outcome: str
) -> None:
    """The truth decides, at the grade demanded; the guard's word only names the kind of failure."""
    result = GuardResult(ended=ended, report=CleanupReport(), found=Differences())
    assert outcome_of(result, judgement, demands, intact=intact, served=None) == outcome
    assert outcome_of(result, judgement, demands, intact=intact, served=True) == outcome


@pytest.mark.parametrize("ended", ["cleaned", "restored", "dirty", "refused"])
def test_a_backend_that_serves_something_else_is_not_clean(ended: Any) -> None:
    """What was called clean is dirty_silent, and says why; what was not is dirty_known."""
    result = GuardResult(ended=ended, report=CleanupReport(), found=Differences())
    outcome = outcome_of(result, CLEAN, "rows", intact=True, served=False)
    clean = ended in ("cleaned", "restored")
    assert outcome == ("dirty_silent" if clean else "dirty_known")
    record = CycleRecord("a", 0, "harness_error")
    note(record, Ending(result, CLEAN, outcome, (), served=False, faults=()), "rows")
    assert ("serves something else" in record.detail) == clean


def test_what_failed_is_kept_and_of_a_clean_cycle_nothing_is_told() -> None:
    """Detail names the tests' and the guard's failures after what was there before."""
    failure = Failure(Step("cleanup", "delete bots 1", 1), "timeout", "BusyError: locked", 5)
    result = GuardResult(ended="dirty", failures=[failure], backup_bytes=7, restored_by=None)
    record = CycleRecord("a", 0, "harness_error", detail="before")
    note(record, Ending(result, DIRTY, "dirty_known", (failure,), served=None, faults=()), "rows")
    assert record.outcome == "dirty_known"
    assert record.detail == "before" + "; delete bots 1: BusyError: locked" * 2
    assert (record.cleanup_ok, record.backup_bytes) == (None, 7)
    clean = CycleRecord("a", 0, "harness_error")
    note(clean, Ending(result, CLEAN, "restored", (failure,), served=None, faults=()), "rows")
    assert clean.detail == ""
