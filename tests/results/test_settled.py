"""Only a planned number of cycles, all of them run and never looked at before, is a fixed one."""

from __future__ import annotations

import pytest

from harness.results.settled import fixed_beforehand, looked


@pytest.mark.parametrize(
    ("run", "planned", "cycles", "fixed"),
    [
        ({"looked": False}, 100, 100, True),
        ({}, 100, 100, True),  # of a run from before it was noted
        ({"looked": True}, 100, 100, False),  # it might have stopped at any of them
        ({"looked": False}, 100, 99, False),  # somebody ended it
        ({"looked": False}, None, 5, True),  # nobody wrote how many were planned
    ],
)
def test_what_counts_as_fixed(
    run: dict[str, bool], planned: int | None, cycles: int, fixed: bool
) -> None:
    """Stopping when decided makes no number fixed, and neither does an end before the plan's."""
    condition = {} if planned is None else {"cycles": planned}
    assert fixed_beforehand(run, condition, cycles) == fixed
    assert looked(run) == bool(run.get("looked"))


def test_who_shares_a_budget_has_no_fixed_number() -> None:
    """Its cycles depend on what was shown, by itself and others; those of the rest do not."""
    run = {"looked": False, "experiment": {"budget": {"sharing": ["open"]}}}
    assert not fixed_beforehand(run, {"name": "open", "cycles": 100}, 100)
    assert fixed_beforehand(run, {"name": "set point", "cycles": 100}, 100)
    assert not fixed_beforehand(run | {"looked": True}, {"name": "set point", "cycles": 9}, 9)
