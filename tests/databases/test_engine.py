"""What is asked of an engine."""

from __future__ import annotations

import inspect

import pytest

from harness.databases import engines
from harness.databases.engine import Engine


@pytest.mark.parametrize("name", engines.built_in())
def test_every_engine_answers_all_of_it(name: str) -> None:
    """Each built-in engine has everything that is asked of one, under the name of its folder."""
    engine = engines.named(name)
    asked = {member for member, _ in inspect.getmembers(Engine, inspect.isfunction)}
    for member in {m for m in asked if not m.startswith("_")} | set(Engine.__annotations__):
        assert getattr(engine, member) is not None
    assert engine.name == name
