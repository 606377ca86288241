"""A budget is told with what it left open."""

from __future__ import annotations

from harness.reports.words.budget import sentence

GOT = {
    "near": {"cycles": 80, "end": "decided", "needs": 0},
    "far": {"cycles": 100, "end": "beyond the budget", "needs": 6647},
}


def test_what_could_not_be_decided_is_named_with_what_it_takes() -> None:
    """Cycles, and the conditions that take more than are left."""
    assert sentence({"budget": {"cycles": 12000, "seconds": None, "got": GOT}}) == (
        "12,000 cycles that the conditions shared; "
        "not decided within it: far (at the soonest 6,647 more might)"
    )


def test_a_budget_by_time_says_that_it_is_not_the_same_twice() -> None:
    """Only of a budget of cycles is the number of each condition reproducible."""
    assert "not as many of each" in sentence({"budget": {"cycles": None, "seconds": 90, "got": {}}})


def test_a_run_without_says_nothing() -> None:
    """Older runs have no budget."""
    assert sentence({}) == ""
