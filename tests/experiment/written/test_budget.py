"""A budget as it stands in the file."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.experiment.written.budget import FLOOR, BudgetSetting


def test_a_budget_is_cycles_or_seconds_above_nothing() -> None:
    """A table of known keys; the floor is room for the cheapest claims."""
    assert BudgetSetting(cycles=1).first == ()
    assert BudgetSetting(seconds=0.5).cycles is None
    for wrong in ({"cycles": 0}, {"seconds": 0.0}, {"minutes": 2}):
        with pytest.raises(ValidationError):
            BudgetSetting.model_validate(wrong)
    assert FLOOR >= 1
