"""The folder for what guards keep out of the tests' reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.guard.state_folder import VARIABLE, default_folder, state_folder


def test_a_variable_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is told where people ask where it comes from; a relative path is made whole."""
    monkeypatch.setenv(VARIABLE, "mine")
    assert state_folder() == (Path.cwd() / "mine", VARIABLE)
    assert default_folder() == Path.cwd() / "mine"
