"""Shadows where there can be none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.experiment.writing import BACKEND, refused


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('policy = "cleanup_only"\nshadow = 0.5', "it needs both"),
        ('policy = "restore_only"\nshadow = 1', "it needs both"),
        ("shadow = 0.1\nstrata = { cycles = 100 }", "leave out one of the two"),
    ],
)
def test_where_there_can_be_none_the_key_is_refused(
    tmp_path: Path, settings: str, says: str
) -> None:
    """A policy without cleanup or backup, and strata, are told before anything runs."""
    message = refused(tmp_path, BACKEND.replace("story = true", settings, 1))
    assert "condition 'one': shadow: " in message
    assert says in message
