"""The context: what a user's own code is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.processes.context import Context


def test_a_command_is_told_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside what this process's own environment holds; an address can be pasted."""
    monkeypatch.setenv("OF_ITS_OWN", "yes")
    told = Context(Path("/a b/db"), 1, 2, "http://127.0.0.1:9").environment()
    assert told["OF_ITS_OWN"] == "yes"
    assert told["DATABASE_PATH"] == told["HARNESS_DATABASE"] == "/a b/db"
    assert told["DATABASE_URL"] == "sqlite:////a%20b/db"
    assert (told["HARNESS_CYCLE"], told["HARNESS_SEED"]) == ("1", "2")
    assert told["BACKEND_URL"] == "http://127.0.0.1:9"
    assert "BACKEND_URL" not in Context(Path("/db"), 1, 2).environment()


def test_sql_may_bind_cycle_and_seed() -> None:
    """No more than these."""
    assert Context(Path("/db"), 1, 2).bindings() == {"cycle": 1, "seed": 2}
