"""What is kept of a cycle."""

from __future__ import annotations

from typing import get_args

from harness.experiment.records import OUTCOMES, Outcome


def test_every_outcome_is_listed() -> None:
    """The list that is counted over and the type that is checked are the same."""
    assert get_args(Outcome) == OUTCOMES
