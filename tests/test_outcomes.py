"""Outcomes, and the numbers they are stored by."""

from __future__ import annotations

from typing import get_args

from harness.outcomes import CODES, OUTCOMES, Outcome


def test_every_outcome_is_listed() -> None:
    """The list that is counted over and the type that is checked are the same."""
    assert get_args(Outcome) == OUTCOMES


def test_codes_of_stored_runs_never_change() -> None:
    """Every outcome has its own code, and those of runs stored before are what they were."""
    assert set(CODES) == set(OUTCOMES)
    assert sorted(CODES.values()) == list(range(len(OUTCOMES)))
    before = ("cleaned", "restored", "dirty_known", "dirty_silent", "baseline_lost")
    assert [CODES[outcome] for outcome in (*before, "harness_error")] == list(range(6))
