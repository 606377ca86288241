"""Experiments as people write them: a TOML file, checked to the last key before anything runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from harness.experiment.written import budget_checks, checks
from harness.experiment.written.claimed import MEASURES, ROW_MEASURES, Claim, parse_claim
from harness.experiment.written.designs import FOUND
from harness.experiment.written.document import Document, Keys, Problem, nearest
from harness.experiment.written.schema import NOT_WRITTEN
from harness.experiment.written.settings import (
    ApiSetting,
    Calibration,
    CauseSetting,
    ClaimsRow,
    Condition,
    Experiment,
    FaultSetting,
    RetrySetting,
    SetBy,
    StrikeSetting,
    WorkloadSetting,
)
from harness.experiment.written.sweeping import multiply

__all__ = [
    "MEASURES",
    "ROW_MEASURES",
    "ApiSetting",
    "Calibration",
    "CauseSetting",
    "Claim",
    "ClaimsRow",
    "Condition",
    "Experiment",
    "FaultSetting",
    "RetrySetting",
    "SetBy",
    "StrikeSetting",
    "WorkloadSetting",
    "differing_keys",
    "load",
    "parse_claim",
]
_TAGS = ("[number]", "[table]", "[all]", "[list]", "[key]")  # pydantic's own, among the keys
_TYPES = {
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "bool_type": "true or false",
}


def load(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment; ``overrides`` are KEY=VALUE with dotted keys and TOML values.

    ConfigurationError lists every problem, one a line: file, line, key, what is wrong, what to
    write instead.
    """
    document = Document.read(path, overrides)
    values = dict(document.values)
    defaults = values.pop("defaults", {})
    problems: list[Problem] = []
    if not isinstance(defaults, dict):
        problems.append(Problem(("defaults",), "must be a table"))
        defaults = {}
    defaults = _without(defaults, "name", problems)
    problems += _ours(values.get("conditions"), defaults)
    conditions, sources = multiply(values.get("conditions", []), defaults, problems)
    most, wrong = budget_checks.before(values)
    problems += wrong
    cycles = most or values.get("cycles", 4000)
    if type(cycles) is not int or cycles < 1:
        cycles = 4000  # what is wrong is said once, of the key itself
    own = ["cycles" in condition for condition in conditions]
    values["conditions"] = [{"cycles": cycles, **condition} for condition in conditions]
    problems += _unused_defaults(defaults, conditions)
    _say_home(values["conditions"], path, problems)
    experiment = _validated(values, sources, problems)
    if experiment is not None:
        experiment = budget_checks.shared(experiment, own)
        problems += [problem.moved(sources) for problem in checks.of_all(experiment)]
    if problems or experiment is None:
        raise document.error(problems)
    return experiment


def _say_home(conditions: list[Any], path: Path, problems: list[Problem]) -> None:
    """Tell every project in which folder its file is: what it names is relative to that."""
    for index, condition in enumerate(conditions):
        project = condition.get("project")
        if not isinstance(project, dict):
            continue
        if "home" in project:
            keys = ("conditions", index, "project", "home")
            problems.append(Problem(keys, "is the folder of this file; leave it out"))
        condition["project"] = {**project, "home": str(path.parent)}


def _ours(written: Any, defaults: dict[str, Any]) -> Iterable[Problem]:
    """Refuse what a run finds out by itself: the place in a sweep, cycles by number of faults."""
    tables: list[tuple[Keys, Any]] = [(("defaults",), defaults)]
    for index, condition in enumerate(written if isinstance(written, list) else ()):
        tables.append((("conditions", index), condition))
    for keys, table in tables:
        if not isinstance(table, dict):
            continue
        if "sweep" in table:
            yield Problem((*keys, "sweep"), "is noted where each multiplies; leave it out")
        strata = table.get("strata")
        filled_in = [key for key in FOUND if key in strata] if isinstance(strata, dict) else []
        for key in filled_in:
            yield Problem((*keys, "strata", key), "is found by the pilot; leave it out")


def _without(table: dict[str, Any], key: str, problems: list[Problem]) -> dict[str, Any]:
    if key in table:
        problems.append(Problem(("defaults", key), "every condition has its own"))
    return {k: v for k, v in table.items() if k != key}


def _unused_defaults(defaults: dict[str, Any], conditions: list[Any]) -> Iterable[Problem]:
    """Check the defaults themselves where there is no condition to carry them."""
    unknown = set(defaults) - set(Condition.model_fields)
    if not conditions:
        for key in unknown:
            yield Problem(("defaults", key), _unknown(key, tuple(Condition.model_fields)))


def _validated(
    values: dict[str, Any], sources: Sequence[int], problems: list[Problem]
) -> Experiment | None:
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        errors = error.errors()
        places = [wrong["loc"] for wrong in errors] + [problem.keys for problem in problems]
        for wrong in errors:
            if wrong["type"] == "too_short" and _more_is_said(wrong["loc"], places):
                continue  # pydantic counts only the items that are right
            keys = tuple(k for k in wrong["loc"] if k not in _TAGS)
            refusal = Problem(keys, _sentence(wrong, keys), _condition_name(values, keys))
            problems.append(refusal.moved(sources))
        return None


def _more_is_said(place: Keys, places: list[Keys]) -> bool:
    """Whether ``places`` has another at, or within, ``place``."""
    return sum(other[: len(place)] == place for other in places) > 1


def _condition_name(values: dict[str, Any], keys: tuple[int | str, ...]) -> str:
    if len(keys) > 1 and keys[0] == "conditions" and isinstance(keys[1], int):
        condition = values["conditions"][keys[1]]
        return str(condition.get("name", "")) if isinstance(condition, dict) else ""
    return ""


def _sentence(error: Any, keys: tuple[int | str, ...]) -> str:
    """Say in people's words what pydantic found."""
    kind, value, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(str(keys[-1]), _keys_at(keys[:-1]))
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        choices = tuple(re.findall(r"'([^']*)'", context["expected"]))
        return f"{value!r} is none of {', '.join(choices)}; {nearest(str(value), choices)}".rstrip(
            "; "
        )
    if keys == ("conditions",):
        return 'an experiment needs at least one [[conditions]] with a name = "..."'
    message = error["msg"].replace("Input should be", "must be")
    message = message.replace("a valid integer", "an integer").replace("valid ", "")
    if kind in _TYPES:
        message = f"must be {_TYPES[kind]}"
    if kind == "too_short":
        return f"must hold at least {context['min_length']}"
    if keys == ("name",) and kind == "string_pattern_mismatch":
        message = "must be letters, digits, '_', '.' or '-', the first a letter or digit"
    return message if isinstance(value, dict | list) else f"{message}, not {value!r}"


def _unknown(key: str, known: tuple[str, ...]) -> str:
    return f"nobody knows this key; {nearest(key, known)}known: {', '.join(known)}"


def _keys_at(keys: Iterable[int | str]) -> tuple[str, ...]:
    """Return the keys that the table at ``keys`` may have."""
    model: type[BaseModel] = Experiment
    for key in keys:
        if isinstance(key, str) and key in model.model_fields:
            model = _model_in(model.model_fields[key].annotation) or model
    extra = {Experiment: ("defaults",), Condition: ("each",)}.get(model, ())
    hidden = NOT_WRITTEN.get(model.__name__, ())
    return (*(key for key in model.model_fields if key not in hidden), *extra)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def differing_keys(one: Any, other: Any, path: str = "") -> list[str]:
    """Name the dotted keys whose values differ between two JSON values."""
    if isinstance(one, list) and isinstance(other, list):
        one, other = dict(enumerate(one)), dict(enumerate(other))
    if not isinstance(one, dict) or not isinstance(other, dict):
        return [] if one == other else [f"{path} {json.dumps(one)} -> {json.dumps(other)}"]
    names: list[str] = []
    for key in [*one, *(k for k in other if k not in one)]:
        inner = f"{path}.{key}" if path else str(key)
        names += differing_keys(one.get(key), other.get(key), inner)
    return names
