"""Cycles are counted by policy, and controls, set points and designed cycles never among them."""

from __future__ import annotations

from typing import Any

from harness.reports.words.tally import POLICIES, tallies
from tests.reports.samples import claim, condition
from tests.stored_runs import row


def summary(*conditions: dict[str, Any], rows: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """Return as much of a summary as is counted."""
    return {"conditions": conditions, "rows": rows}


def test_a_policy_is_counted_by_itself() -> None:
    """Two conditions of one policy are one tally, in the order of how much a policy does."""
    found = tallies(
        summary(
            condition("a", 3, 10),
            condition("b", 1, 20),
            condition("c", 5, 30, policy="cleanup_only"),
            condition("never run", 0, 0),
        )
    )
    assert [(one.name, one.conditions, one.cycles) for one in found] == [
        ("cleanup_only", 1, 30), ("hybrid_verified", 2, 30),
    ]  # fmt: skip
    assert found[1].outcomes["dirty_silent"] == 4
    assert found[1].about == POLICIES["hybrid_verified"]


def test_what_must_not_be_counted_stands_apart() -> None:
    """A control, a set point and cycles with a set number of faults are no policy's."""
    rows = (
        row(condition="control", claim="control: seen", control=True, verdict="control"),
        row(condition="solved", claim="solved", verdict="set point"),
        row(condition="both", claim="solved", verdict="set point"),
        row(condition="both", claim="real", verdict="refuted", claim_number=0),
    )
    names = ("control", "solved", "both")
    bare = [condition(name, 1, 10, claims=[]) for name in names]
    designed = condition("designed", 1, 10, claims=[claim([], 10)], strata={"k": 1})
    found = tallies(summary(*bare, designed, rows=rows))
    assert [(one.name, one.cycles, one.apart) for one in found] == [
        ("hybrid_verified", 10, False), ("controls", 10, True), ("set points", 10, True),
        ("by number of faults", 10, True),
    ]  # fmt: skip
