"""Steps and their listeners."""

from __future__ import annotations

from harness.steps import PHASES, Step, nobody


def test_nobody_listens() -> None:
    """The default listener takes any step and does nothing."""
    assert all(nobody(Step(phase, "x", 1)) is None for phase in PHASES)  # type: ignore[func-returns-value]  # that it returns nothing is what is shown
