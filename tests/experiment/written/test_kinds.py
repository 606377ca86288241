"""Which kinds of fault are planned, and which must fire."""

from __future__ import annotations

from typing import Any

import pytest

from harness.experiment.written.configuration import Condition
from harness.experiment.written.kinds import planned_kinds


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ({}, {}),
        ({"faults": None, "causes": None, "strikes": None}, {}),
        ({"faults": {"a": {"rate": 0.0}, "b": {"rate": 0.1}}}, {"a": False, "b": True}),
        ({"causes": {"c": {"rate": 0.1, "faults": ["a", "b"]}}}, {"a": True, "b": True}),
        ({"causes": {"c": {"rate": 0.0, "faults": ["a"]}}}, {"a": False}),
        (
            {"faults": {"a": {"rate": 0.1}}, "causes": {"c": {"rate": 0, "faults": ["a"]}}},
            {"a": True},
        ),
        ({"faults": {"a": {"rate": 0.0}}, "strikes": [{"fault": "a"}]}, {"a": True}),
    ],
)
def test_a_kind_must_fire_where_anything_plans_it(
    condition: dict[str, Any], kinds: dict[str, bool]
) -> None:
    """A rate above 0 of its own or of a cause, or a strike, is a plan; a rate of 0 is none."""
    assert planned_kinds(condition) == kinds


def test_a_condition_as_it_is_stored_is_read() -> None:
    """What the configuration writes to run.json has the keys that are read here."""
    values = {"faults": {"noop": {"rate": 0.5}}, "strikes": [{"fault": "timeout", "on": "bots"}]}
    condition = Condition.model_validate({"name": "a", **values})
    assert planned_kinds(condition.model_dump(mode="json")) == {"noop": True, "timeout": True}
