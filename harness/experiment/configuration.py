"""Experiments as people write them: a TOML file, checked to the last key before anything runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    Tag,
    ValidationError,
)

from harness import registry
from harness.cleanup import Entity
from harness.errors import ConfigurationError, UnknownName
from harness.experiment.document import Document, Keys, Problem, multiply, nearest
from harness.faults import Shape
from harness.workloads import JournalMode

MEASURES = ("reliability", "data_safety")
# What a row may ask for: the keys of harness.claims.MEASURES, which is slow to import.
ROW_MEASURES = (
    *MEASURES,
    "no_restore",
    "nothing_left_behind",
    "restored_clean",
    "backup_under_1s",
    "backup_same_size",
    "bytes_added",
    "cleanup_reports_truth",
)
_TYPES = {"tuple_type": "a list", "dict_type": "a table", "model_type": "a table"}
LASTING = ("attempt", "phase", "cycle")
_CLAIM = re.compile(r"\s*([A-Za-z_]+)\s*(\S+?)\s*([0-9.eE+-]+)\s*")


class Claim(NamedTuple):
    """A statement about a condition: ``measure`` is at least ``at_least``."""

    measure: str  # one of MEASURES
    at_least: float  # 0 < at_least < 1

    def __str__(self) -> str:
        """Write the claim as people do."""
        return f"{self.measure} >= {self.at_least:g}"


def parse_claim(text: str) -> Claim:
    """Read "reliability >= 0.999"; ConfigurationError says what a claim looks like."""
    found = _CLAIM.fullmatch(text)
    form = f'a claim reads like "reliability >= 0.999" (measures: {", ".join(MEASURES)})'
    if not found or found[2] != ">=":
        raise ConfigurationError(f"claim {text!r} cannot be read; {form}")
    if found[1] not in MEASURES:
        hint = nearest(found[1], MEASURES)
        raise ConfigurationError(f"claim {text!r}: nothing measures {found[1]!r}; {hint}{form}")
    try:
        at_least = float(found[3])
    except ValueError:
        raise ConfigurationError(f"claim {text!r}: {found[3]!r} is no number; {form}") from None
    if not 0 < at_least < 1:
        raise ConfigurationError(
            f"claim {text!r}: the figure must lie between 0 and 1; "
            "no number of cycles can prove a probability of exactly 1"
        )
    return Claim(found[1], at_least)


def _claim(text: str) -> str:
    try:
        parse_claim(text)
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
    return text


def _named(package: str) -> AfterValidator:
    """Accept only names that the registry knows in ``package``."""

    def check(name: str) -> str:
        known = registry.names(package)
        if name not in known:
            hint = nearest(name, known)
            what = package.removesuffix("s")
            raise ValueError(f"no {what} is called {name!r}; {hint}known: {', '.join(known)}")
        return name

    return AfterValidator(check)


def _weights(value: Any) -> Any:
    """Turn ``"phase"`` or ``{attempt = 1, phase = 3}`` into weights that sum to 1."""
    choice = ", ".join(f'"{word}"' for word in LASTING)
    weights = {value: 1.0} if isinstance(value, str) else value
    if not isinstance(weights, dict) or not weights:
        raise ValueError(f"must be one of {choice}, or a table of weights for them")
    for word, weight in weights.items():
        if word not in LASTING:
            raise ValueError(f"{word!r} is not how long a fault lasts; choose from {choice}")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight >= 0:
            raise ValueError(f"the weight of {word!r} must be a number from 0, not {weight!r}")
    total = float(sum(weights.values()))
    if not 0 < total < float("inf"):
        raise ValueError("the weights must sum to more than 0")
    return {word: float(weights[word]) / total for word in LASTING if weights.get(word)}


def _measure(name: str) -> str:
    if name not in ROW_MEASURES:
        hint = nearest(name, ROW_MEASURES)
        raise ValueError(f"nothing measures {name!r}; {hint}known: {', '.join(ROW_MEASURES)}")
    return name


Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Name = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f]+$")]
Lasting = Annotated[dict[str, float], BeforeValidator(_weights)]


class _Part(BaseModel):
    """A frozen table of the file that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SetBy(_Part):
    """A rate that a calibration solves for, times a factor."""

    set_by: str
    times: Annotated[Number, Field(gt=0)] = 1.0


def _kind_of_rate(value: Any) -> str:
    return "table" if isinstance(value, dict | SetBy) else "number"


Rate = Annotated[
    Annotated[float, Strict(), Field(ge=0, le=1), Tag("number")] | Annotated[SetBy, Tag("table")],
    Discriminator(_kind_of_rate),
]


class FaultSetting(_Part):
    """How often a fault strikes a slot, and how long it holds."""

    rate: Rate
    lasting: Lasting = {"attempt": 1.0}


class WorkloadSetting(_Part):
    """The baseline and the test data."""

    kind: Annotated[str, _named("workloads")] = "platform"
    test_data: str = "simple"
    size_bytes: Annotated[Whole, Field(ge=4096)] = 2_691_072
    journal_mode: JournalMode = "wal"


class RetrySetting(_Part):
    """The application's retries."""

    attempts: Annotated[Whole, Field(ge=1)] = 3
    first_ms: Annotated[Number, Field(ge=0)] = 0.2
    factor: Annotated[Number, Field(ge=1)] = 2.0
    longest_ms: Annotated[Number, Field(ge=0)] = 5.0


class Condition(_Part):
    """One setting of workload, faults and guard."""

    name: Name
    cycles: Annotated[Whole, Field(ge=1)] = 4000
    demands: Literal["rows", "exact"] = "exact"
    policy: Literal["cleanup_only", "restore_only", "hybrid_trusting", "hybrid_verified"] = (
        "hybrid_verified"
    )
    recoveries: Annotated[tuple[Annotated[str, _named("recovery")], ...], Field(min_length=1)] = (
        "wal_pin",
    )
    cleanup: Annotated[str, _named("cleanup")] = "sql"
    connection: Literal["closed", "held"] = "closed"
    busy_timeout_ms: Annotated[Whole, Field(ge=0)] = 2
    workload: WorkloadSetting = WorkloadSetting()
    retry: RetrySetting = RetrySetting()
    faults: dict[Annotated[str, _named("faults")], FaultSetting] = {}
    claims: tuple[Annotated[str, AfterValidator(_claim)], ...] = ()

    def resolved(self, rates: Mapping[str, float]) -> Condition:
        """Return the same condition with plain rates; ``rates`` holds each calibration's."""
        faults = {
            kind: setting
            if not isinstance(setting.rate, SetBy)
            else setting.model_copy(
                update={"rate": min(1.0, rates[setting.rate.set_by] * setting.rate.times)}
            )
            for kind, setting in self.faults.items()
        }
        return self.model_copy(update={"faults": faults})

    def rates(self) -> dict[str, float]:
        """Each fault's rate as a plain number; ConfigurationError while one is still to be set."""
        plain: dict[str, float] = {}
        for kind, setting in self.faults.items():
            if isinstance(setting.rate, SetBy):
                raise ConfigurationError(
                    f"condition {self.name!r}: the rate of {kind} is still to be "
                    f"set by calibration {setting.rate.set_by!r}"
                )
            plain[kind] = setting.rate
        return plain


class Calibration(_Part):
    """Solve for the rate at which ``condition`` is reliable ``target`` of the time."""

    target: Annotated[Number, Field(gt=0, lt=1)]
    condition: str
    cycles: Annotated[Whole, Field(ge=1)] = 3000


class ClaimsRow(_Part):
    """One row of the table claimed / measured / verdict; ``harness.claims`` evaluates it."""

    claim: str
    claimed: str
    condition: str = ""  # left out: nothing here measures it, and the table says so
    measure: Annotated[str, AfterValidator(_measure)] = "reliability"
    at_least: Annotated[Number, Field(gt=0, le=1)] | None = None
    set_point: bool = False
    note: str = ""


class Experiment(_Part):
    """An experiment, every default filled in and every condition spelled out."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    seed: Annotated[Whole, Field(ge=0)] = 1
    cycles: Annotated[Whole, Field(ge=1)] = 4000
    confidence: Annotated[Number, Field(gt=0, lt=1)] = 0.95
    question: str = ""
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1)]
    calibrations: dict[str, Calibration] = {}
    rows: tuple[ClaimsRow, ...] = ()

    def condition(self, name: str) -> Condition:
        """Return the condition called ``name``; UnknownName gives the nearest choice."""
        for condition in self.conditions:
            if condition.name == name:
                return condition
        known = [condition.name for condition in self.conditions]
        hint = nearest(name, known)
        raise UnknownName(f"no condition is called {name!r}; {hint}known: {', '.join(known)}")

    def resolved(self, rates: Mapping[str, float]) -> Experiment:
        """Return the same experiment with plain rates: ``rates`` by name of calibration."""
        conditions = tuple(condition.resolved(rates) for condition in self.conditions)
        return self.model_copy(update={"conditions": conditions})

    def with_cycles(self, cycles: int) -> Experiment:
        """Return the same experiment with ``cycles`` cycles in every condition."""
        conditions = tuple(c.model_copy(update={"cycles": cycles}) for c in self.conditions)
        return self.model_copy(update={"cycles": cycles, "conditions": conditions})

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values; ``from_json`` reads it back."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Experiment:
        """Read what ``to_json`` wrote; ConfigurationError names what cannot be read."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise ConfigurationError("stored experiment: " + "; ".join(problems)) from error

    def identity(self) -> dict[str, Any]:
        """What makes it this experiment: all but how many cycles, and words for people."""
        values = self.to_json()
        for key in ("cycles", "question", "confidence", "rows"):
            del values[key]
        for condition in values["conditions"]:
            del condition["cycles"], condition["claims"]
        return values


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
    conditions, sources = multiply(values.get("conditions", []), defaults, problems)
    cycles = values.get("cycles", 4000)
    if type(cycles) is not int or cycles < 1:
        cycles = 4000  # what is wrong is said once, of the key itself
    values["conditions"] = [{"cycles": cycles, **condition} for condition in conditions]
    problems += _unused_defaults(defaults, conditions)
    experiment = _validated(values, sources, problems)
    if experiment is not None:
        problems += [
            problem.moved(sources)
            for problem in (*_duplicates(experiment), *_references(experiment), *_slots(experiment))
        ]
    if problems or experiment is None:
        raise document.error(problems)
    return experiment


def schema() -> dict[str, Any]:
    """Return the JSON Schema of an experiment file, for editors."""
    result = Experiment.model_json_schema(mode="validation")
    condition = result["$defs"]["Condition"]
    everything = condition["properties"]
    result["properties"]["defaults"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: value for key, value in everything.items() if key != "name"},
    }
    everything["each"] = {
        "type": "object",
        "description": "multiplies the condition: dotted key -> list of values",
    }
    setting = result["$defs"]["FaultSetting"]
    setting["properties"]["lasting"] = {
        "anyOf": [
            {"enum": list(LASTING)},
            {"type": "object", "propertyNames": {"enum": list(LASTING)}},
        ]
    }
    setting.pop("required", None)  # a condition may set one key and take the other from defaults
    return result


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
        places = [one["loc"] for one in errors] + [problem.keys for problem in problems]
        for one in errors:
            if one["type"] == "too_short" and _more_is_said(one["loc"], places):
                continue  # pydantic counts only the items that are right
            keys = tuple(k for k in one["loc"] if k not in ("number", "table", "[key]"))
            said = Problem(keys, _sentence(one, keys), _condition_name(values, keys))
            problems.append(said.moved(sources))
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
    return (*model.model_fields, *extra)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _duplicates(experiment: Experiment) -> Iterable[Problem]:
    seen: set[str] = set()
    for index, condition in enumerate(experiment.conditions):
        if condition.name in seen:
            message = f"two conditions are called {condition.name!r}"
            yield Problem(("conditions", index, "name"), message, condition.name)
        seen.add(condition.name)


def _references(experiment: Experiment) -> Iterable[Problem]:
    """Rows and calibrations name conditions, rates name calibrations."""
    conditions = tuple(condition.name for condition in experiment.conditions)
    calibrations = tuple(experiment.calibrations)
    for index, row in enumerate(experiment.rows):
        if row.condition and row.condition not in conditions:
            yield _nobody(("rows", index, "condition"), "condition", row.condition, conditions)
    for name, calibration in experiment.calibrations.items():
        key = ("calibrations", name, "condition")
        if calibration.condition not in conditions:
            yield _nobody(key, "condition", calibration.condition, conditions)
            continue
        used = _set_by(experiment.condition(calibration.condition))
        if name not in used:
            message = f"no fault of {calibration.condition!r} has its rate set by {name!r}"
            yield Problem(key, message)
        later = used.intersection(calibrations) - set(calibrations[: calibrations.index(name) + 1])
        if later:
            message = f"{calibration.condition!r} also needs {min(later)!r}: put that before"
            yield Problem(key, message)
    for index, condition in enumerate(experiment.conditions):
        for kind, setting in condition.faults.items():
            if isinstance(setting.rate, SetBy) and setting.rate.set_by not in calibrations:
                place = ("conditions", index, "faults", kind, "rate")
                yield _nobody(
                    place, "calibration", setting.rate.set_by, calibrations, condition.name
                )


def _set_by(condition: Condition) -> set[str]:
    settings = condition.faults.values()
    return {setting.rate.set_by for setting in settings if isinstance(setting.rate, SetBy)}


def _nobody(
    keys: tuple[int | str, ...], what: str, name: str, known: tuple[str, ...], inside: str = ""
) -> Problem:
    choices = f"known: {', '.join(known)}" if known else "there are none"
    message = f"no {what} is called {name!r}; {nearest(name, known)}{choices}"
    return Problem(keys, message, inside)


def _slots(experiment: Experiment) -> Iterable[Problem]:
    """Refuse faults that can never strike, and test data that the workload does not have."""
    for index, condition in enumerate(experiment.conditions):
        place = ("conditions", index)
        shapes = registry.find("workloads", condition.workload.kind).shapes
        if condition.workload.test_data not in shapes:
            yield _nobody(
                (*place, "workload", "test_data"),
                f"test data of {condition.workload.kind!r}",
                condition.workload.test_data,
                tuple(shapes),
                condition.name,
            )
            continue
        yield from _recoveries(condition, place)
        for kind, setting in condition.faults.items():
            why = _never(kind, condition) if setting.rate != 0 else None
            if why:
                message = f"{kind} can never strike here: {why}; set its rate to 0 or leave it out"
                yield Problem((*place, "faults", kind, "rate"), message, condition.name)


def _recoveries(condition: Condition, place: tuple[str, int]) -> Iterable[Problem]:
    """Refuse a chain of which no recovery can ever work on the condition's baseline."""
    mode = condition.workload.journal_mode
    chain = {name: registry.find("recovery", name) for name in condition.recoveries}
    unfit = [name for name, kind in chain.items() if mode not in kind.journal_modes]
    if len(unfit) == len(chain) and condition.policy != "cleanup_only":
        message = f"{', '.join(unfit)} cannot back up a database in journal mode {mode!r}"
        yield Problem((*place, "recoveries"), f"{message}; add online_backup", condition.name)


def _never(kind: str, condition: Condition) -> str | None:
    """Ask the fault why it can never strike in this condition; None when it can."""
    why: str | None = registry.find("faults", kind).why_never(_shape(condition))
    return why


def _shape(condition: Condition) -> Shape:
    """What a cycle may do, as far as can be told without a database: more rather than less."""
    row = Entity("any", (("id", 1),))
    return Shape(
        operations=(row, replace(row, before=())),
        cleans=condition.policy != "restore_only",
        backs_up=condition.policy != "cleanup_only",
        recoveries=condition.recoveries,
        attempts=condition.retry.attempts,
        restricted=frozenset({row.table}),
    )


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
