"""The JSON Schema of an experiment's file, for editors: ``harness list --schema`` prints it."""

from __future__ import annotations

from typing import Any

from harness.experiment.written.descriptions import DESCRIPTIONS
from harness.experiment.written.designs import FOUND
from harness.experiment.written.settings import Experiment
from harness.experiment.written.sweeping import MOST_POINTS, SCALES
from harness.faults import LASTING

NOT_WRITTEN: dict[str, tuple[str, ...]] = {  # what is found out by itself, and no file may say
    "Condition": ("sweep",),
    "ProjectSetting": ("home",),
    "StrataSetting": FOUND,
    "BudgetSetting": ("sharing",),
}
FILE = "experiment.schema.json"  # as `harness init` names it in the file's first line


def schema() -> dict[str, Any]:
    """Return the JSON Schema of an experiment file, every key with its description."""
    result = Experiment.model_json_schema(mode="validation")
    tables = result["$defs"]
    _leave_out_found(tables)
    everything = tables["Condition"]["properties"]
    everything["each"] = {"$ref": "#/$defs/Each"}
    for name in ("FaultSetting", "CauseSetting"):
        tables[name]["properties"]["lasting"] = {
            "anyOf": [
                {"enum": list(LASTING)},
                {"type": "object", "propertyNames": {"enum": list(LASTING)}},
            ]
        }
        tables[name].pop("required", None)  # a condition may take what it lacks from defaults
    tables["ProjectSetting"].pop("required", None)
    result["properties"]["defaults"] = {"type": "object", "additionalProperties": False}
    spaced = _spaced()
    tables["Each"] = _each(spaced)
    for name, keys in DESCRIPTIONS.items():
        table = {"Experiment": result, "Spaced": spaced}.get(name) or tables[name]
        for key, words in keys.items():
            table["properties"][key]["description"] = words
    result["properties"]["defaults"]["properties"] = {
        key: value for key, value in everything.items() if key not in ("name", "each")
    }
    return result


def _leave_out_found(tables: dict[str, Any]) -> None:
    for table, keys in NOT_WRITTEN.items():
        for key in keys:
            del tables[table]["properties"][key]
    del tables["Swept"]


def _each(spaced: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of ``each``."""
    axis = [{"type": "array", "minItems": 1}, spaced, {"$ref": "#/$defs/Each"}]
    return {
        "type": "object",
        "description": DESCRIPTIONS["Condition"]["each"],
        "additionalProperties": {"anyOf": axis},
    }


def _spaced() -> dict[str, Any]:
    """Return the JSON Schema of values at equal distances."""
    number = {"type": "number"}
    return {
        "type": "object",
        "description": "Values at equal distances, or at equal ratios.",
        "additionalProperties": False,
        "required": ["from", "to", "points"],
        "properties": {
            "from": dict(number),
            "to": dict(number),
            "points": {"type": "integer", "minimum": 2, "maximum": MOST_POINTS},
            "scale": {"enum": list(SCALES), "default": SCALES[0]},
        },
    }


__all__ = ["FILE", "NOT_WRITTEN", "schema"]
