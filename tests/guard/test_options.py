"""What of a guard can be set."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.guard import Guard
from harness.guard.options import Options
from harness.guard.policy import POLICIES


def test_a_policy_is_given_by_name_or_itself() -> None:
    """Both mean the same."""
    policy = POLICIES["hybrid_trusting"]
    assert Options(policy="hybrid_trusting").when is Options(policy=policy).when is policy


def test_options_by_their_names_come_on_top(folder: Path) -> None:
    """Beside an object of options each can be given by itself; one there is not is refused."""
    guard = Guard(folder / "db", Options(grade="rows", archives=True), grade="exact")
    assert (guard.options.grade, guard.options.archives) == ("exact", True)
    with pytest.raises(TypeError):
        Guard(folder / "db", no_such_option=1)
