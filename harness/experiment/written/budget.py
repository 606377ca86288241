"""A budget: cycles, or seconds, that the conditions of an experiment share.

What a condition says for itself (``cycles``) it gets; the others share what is left: those that
claim something until their claims are decided, those that claim nothing a floor.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.experiment.written.parts import Number, Part, Whole

FLOOR = 100  # cycles of every condition that says none for itself, however open its claims
MOST = 1_000_000  # cycles that one condition may get of seconds


class BudgetSetting(Part):
    """What all conditions share; one of cycles and seconds."""

    cycles: Annotated[Whole, Field(ge=1)] | None = None  # that are stored, of all conditions
    seconds: Annotated[Number, Field(gt=0)] | None = None  # of the whole run, calibration included
    first: tuple[str, ...] = ()  # conditions that are served before all others, in this order
    # Found by reading the file, not for it to say:
    sharing: tuple[str, ...] = ()  # conditions that get as many cycles as decide their claims
