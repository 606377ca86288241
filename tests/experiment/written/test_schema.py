"""The JSON Schema: what an editor offers is what the loader accepts, and each key is explained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.experiment.written.schema import schema
from harness.experiment.written.settings import CauseSetting, Condition, StrikeSetting


def test_the_schema_knows_every_key() -> None:
    """An editor that follows the schema accepts what the loader accepts."""
    made = schema()
    assert json.loads(json.dumps(made)) == made
    assert set(Condition.model_fields) - {"name", "sweep"} == set(
        made["properties"]["defaults"]["properties"]
    )
    assert "each" in made["$defs"]["Condition"]["properties"]


def test_the_schema_describes_the_new_tables() -> None:
    """An editor offers their keys, and a cause may take what it does not set from the defaults."""
    tables = schema()["$defs"]
    assert set(tables["StrikeSetting"]["properties"]) == set(StrikeSetting.model_fields)
    assert tables["StrikeSetting"]["required"] == ["fault", "on"]
    assert set(tables["CauseSetting"]["properties"]) == set(CauseSetting.model_fields)
    assert "required" not in tables["CauseSetting"]
    assert {"enum": ["attempt", "phase", "cycle"]} in (
        tables["CauseSetting"]["properties"]["lasting"]["anyOf"]
    )
    connection = tables["Condition"]["properties"]["connection"]
    assert connection["enum"] == ["closed", "held", "backend"]


def keys_of(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a file may have, wherever in the schema, with what the schema says of it."""
    if isinstance(node, list):
        for number, inner in enumerate(node):
            yield from keys_of(inner, f"{place}[{number}]")
    elif isinstance(node, dict):
        for key, value in node.get("properties", {}).items():
            yield f"{place}.{key}", value
        for key, inner in node.items():
            if key != "default":
                yield from keys_of(inner, f"{place}/{key}")


def undescribed(made: dict[str, Any]) -> list[str]:
    """The keys of which a schema says nothing, or too little to be a sentence."""
    return [place for place, value in keys_of(made) if len(value.get("description", "")) < 10]


def test_every_key_is_described() -> None:
    """Each key has its sentence, and every table says what it is; one less is seen."""
    made = schema()
    assert len(list(keys_of(made))) > 100
    assert undescribed(made) == []
    assert [name for name, table in made["$defs"].items() if not table.get("description")] == []
    del made["$defs"]["FaultSetting"]["properties"]["burst"]["description"]
    assert undescribed(made) == ["/$defs/FaultSetting.burst"]
