"""What an experiment may set: every table of the file, its keys, their defaults and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Strict,
    Tag,
    ValidationError,
    model_validator,
)

from harness.databases.engines import engine_of
from harness.errors import ConfigurationError, UnknownName
from harness.experiment.written.budget import BudgetSetting
from harness.experiment.written.claim_texts import ClaimText, Measure
from harness.experiment.written.claimed import checked_confidence
from harness.experiment.written.designs import FEWEST_DRAWN, StrataSetting, Swept
from harness.experiment.written.document import nearest
from harness.experiment.written.kinds import planned_kinds
from harness.experiment.written.parts import Name, Number, Part, Whole, named
from harness.experiment.written.project import Doing, ProjectSetting
from harness.faults import LASTING
from harness.faults.schedule.plan import most_in_bursts
from harness.workloads import JournalMode


def _shares(value: Any) -> Any:
    """Turn ``"phase"`` or ``{attempt = 0.25, phase = 0.75}`` into shares that sum to 1."""
    choice = ", ".join(f'"{word}"' for word in LASTING)
    shares = {value: 1.0} if isinstance(value, str) else value
    if not isinstance(shares, dict) or not shares:
        raise ValueError(f"must be one of {choice}, or a table of shares for them")
    for word, share in shares.items():
        if word not in LASTING:
            raise ValueError(f"{word!r} is not how long a fault lasts; choose from {choice}")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError(f"the share of {word!r} must be a number from 0 to 1, not {share!r}")
    total = math.fsum(shares.values())
    if not math.isclose(total, 1, abs_tol=_ROUNDED):
        # scaled in silence, a mistyped share would be another experiment than the one written
        written = " + ".join(f"{share:g}" for share in shares.values())
        raise ValueError(f"the shares must add up to 1, and {written} = {total:g}")
    return {word: float(shares[word]) / total for word in LASTING if shares.get(word)}


_ROUNDED = 1e-9  # what the sum of shares may be off by their rounding
Lasting = Annotated[dict[str, float], BeforeValidator(_shares)]
Phase = Literal["backup", "create", "cleanup", "verify", "restore", "dispose"]  # steps.PHASES
Phases = Annotated[tuple[Phase, ...], Field(min_length=1)]
FaultName = Annotated[str, named("faults")]


MOST_STORIES = 1000
RECOVERIES = engine_of("a file").default_recoveries[-1:]  # one: what is measured is its own
PROJECT_BUSY_MS = 1000  # that a project's statements, and the guard, wait for a lock


def too_many_stories(cycles: int) -> str:
    """Say why so many cycles cannot all keep their stories."""
    return (
        f"{cycles} cycles are too many to keep the whole story of each; "
        f"run at most {MOST_STORIES}, or leave story out"
    )


class SetBy(Part):
    """A rate that a calibration solves for, times a factor."""

    set_by: str
    times: Annotated[Number, Field(gt=0)] = 1.0


# The tags appear in pydantic's errors among the keys; nobody's key is in such brackets.
def _kind_of_rate(value: Any) -> str:
    return "[table]" if isinstance(value, dict | SetBy) else "[number]"


Rate = Annotated[
    Annotated[float, Strict(), Field(ge=0, le=1), Tag("[number]")]
    | Annotated[SetBy, Tag("[table]")],
    Discriminator(_kind_of_rate),
]


def _kind_of_attempts(value: Any) -> str:
    return "[all]" if isinstance(value, str) else "[list]"


Attempts = Annotated[
    Annotated[Literal["all"], Tag("[all]")]
    | Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], Field(min_length=1), Tag("[list]")],
    Discriminator(_kind_of_attempts),
]


class FaultSetting(Part):
    """How often a fault strikes a slot, and how long it holds."""

    rate: Rate
    lasting: Lasting = Field(default_factory=lambda: {"attempt": 1.0})
    phases: Phases | None = None  # where to strike; left out: where the fault itself says
    burst: Annotated[Number, Field(ge=1)] | None = None  # mean run of struck requests

    @property
    def most(self) -> float:
        """The highest rate there can be."""
        return 1.0 if self.burst is None else most_in_bursts(self.burst)


class CauseSetting(Part):
    """What makes several faults strike in the same cycles."""

    rate: Annotated[Number, Field(ge=0, le=1)]
    faults: Annotated[tuple[FaultName, ...], Field(min_length=1)]
    lasting: Lasting = Field(default_factory=lambda: {"phase": 1.0})
    phases: Phases = ("cleanup", "restore")


class StrikeSetting(Part):
    """A fault that strikes in every cycle, where the experiment says."""

    fault: FaultName
    phase: Phase = "cleanup"
    on: Annotated[str, Field(min_length=1)]  # a table of the test data, or a recovery
    number: Annotated[Whole, Field(ge=1)] = 1  # which of that table, in the order made
    attempts: Attempts = (1,)
    lasting: Literal["attempt", "phase", "cycle"] = "attempt"


class WorkloadSetting(Part):
    """The baseline and the test data."""

    kind: Annotated[str, named("workloads")] = "platform"
    test_data: str = "simple"
    size_bytes: Annotated[Whole, Field(ge=4096)] = 2_691_072
    journal_mode: JournalMode = "wal"


class RetrySetting(Part):
    """The application's retries."""

    attempts: Annotated[Whole, Field(ge=1)] = 3
    first_ms: Annotated[Number, Field(ge=0)] = 0.2
    factor: Annotated[Number, Field(ge=1)] = 2.0
    longest_ms: Annotated[Number, Field(ge=0)] = 5.0
    jitter: Annotated[Number, Field(ge=0, le=1)] = 0.0


class ApiSetting(Part):
    """How long the client waits for the backend, and the backend for the database."""

    # less than the 10 s for which the proxy can hold a request
    timeout_ms: Annotated[Number, Field(gt=0, le=9000)] = 200.0
    backend_busy_timeout_ms: Annotated[Whole, Field(ge=0, le=9000)] = 1000


class Condition(Part):
    """One setting of workload, faults and guard."""

    name: Name
    cycles: Annotated[Whole, Field(ge=1)] = 4000
    demands: Literal["rows", "exact"] = "exact"
    policy: Literal["cleanup_only", "restore_only", "hybrid_trusting", "hybrid_verified"] = (
        "hybrid_verified"
    )
    recoveries: Annotated[tuple[Annotated[str, named("recovery")], ...], Field(min_length=1)] = (
        RECOVERIES
    )
    cleanup: Doing = "sql"  # a name that is known; of a project also its own, or "none"
    connection: Literal["closed", "held", "backend"] = "closed"
    busy_timeout_ms: Annotated[Whole, Field(ge=0)] = 2  # of a project: PROJECT_BUSY_MS
    workload: WorkloadSetting = WorkloadSetting()
    project: ProjectSetting | None = None  # a user's own, in place of the workload
    retry: RetrySetting = RetrySetting()
    api: ApiSetting = ApiSetting()
    story: Annotated[bool, Strict()] = False  # keep the whole story of each cycle
    strikes: tuple[StrikeSetting, ...] = ()
    causes: dict[Name, CauseSetting] = Field(default_factory=dict)
    faults: dict[FaultName, FaultSetting] = Field(default_factory=dict)
    claims: tuple[ClaimText, ...] = ()
    # of the cycles that need no restore, the share that is run once more with one in any case
    shadow: Annotated[Number, Field(ge=0, le=1)] = 0.0
    strata: StrataSetting | None = None  # cycles with a set number of faults, not at a rate
    sweep: Swept | None = None  # where ``each`` put it; not for files to say

    @model_validator(mode="before")
    @classmethod
    def _as_patient_as_drivers(cls, values: Any) -> Any:
        """Have a project's own code wait for locks as people's drivers do, unless it says how."""
        if isinstance(values, dict) and values.get("project") is not None:
            return {"busy_timeout_ms": PROJECT_BUSY_MS, **values}
        return values

    def resolved(self, rates: Mapping[str, float]) -> Condition:
        """Return the same condition with plain rates; ``rates`` holds each calibration's."""
        faults = {
            kind: setting
            if not isinstance(setting.rate, SetBy)
            else setting.model_copy(
                update={"rate": min(setting.most, rates[setting.rate.set_by] * setting.rate.times)}
            )
            for kind, setting in self.faults.items()
        }
        return self.model_copy(update={"faults": faults})

    def with_cycles(self, cycles: int) -> Condition:
        """Return the same condition with ``cycles`` cycles, with strata so many drawn ones."""
        update: dict[str, Any] = {"cycles": cycles}
        if self.strata is not None:
            update["strata"] = self.strata.model_copy(update={"cycles": cycles})
        return self.model_copy(update=update)

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

    def kinds(self) -> tuple[str, ...]:
        """Every kind of fault that is to strike: at a rate above 0, by a cause, by the script."""
        planned = planned_kinds(self.model_dump(mode="json"))
        return tuple(kind for kind, must_fire in planned.items() if must_fire)


class Calibration(Part):
    """Solve for the rate at which ``condition`` is reliable ``target`` of the time."""

    target: Annotated[Number, Field(gt=0, lt=1)]
    condition: str
    cycles: Annotated[Whole, Field(ge=1)] = 3000


class ClaimsRow(Part):
    """A row of the table claimed / measured / verdict; `harness.analysis.claims` evaluates it.

    With a bound it is a claim (`harness.experiment.written.family`), but for a set point and a
    control.
    """

    claim: str
    claimed: str
    condition: str = ""  # left out: nothing here measures it, and the table says so
    measure: Measure = "reliability"
    at_least: Annotated[Number, Field(gt=0, le=1)] | None = None
    at_most: Annotated[Number, Field(gt=0, lt=1)] | None = None  # beside at_least: two bounds
    set_point: bool = False
    # shows that the instrument sees what it must, and claims nothing; left out: if called so
    control: bool | None = None
    note: str = ""


class Experiment(Part):
    """An experiment, every default filled in and every condition spelled out."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    seed: Annotated[Whole, Field(ge=0)] = 1
    cycles: Annotated[Whole, Field(ge=1)] = 4000
    budget: BudgetSetting | None = None  # shared by all conditions, in place of cycles for each
    confidence: Annotated[Number, AfterValidator(checked_confidence)] = 0.95
    question: str = ""
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1)]
    calibrations: dict[str, Calibration] = Field(default_factory=dict)
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
        """Return the same experiment with ``cycles`` cycles in every condition, and no budget.

        Of a condition with strata, so many are drawn beside those that are enumerated.
        ConfigurationError when that is more than a condition can keep the stories of, or fewer
        than strata can be drawn with.
        """
        for condition in self.conditions:
            if condition.story and cycles > MOST_STORIES:
                raise ConfigurationError(
                    f"condition {condition.name!r}: story: {too_many_stories(cycles)}"
                )
            if condition.strata is not None and cycles < FEWEST_DRAWN:
                raise ConfigurationError(
                    f"condition {condition.name!r}: strata.cycles: {cycles} are too few; "
                    f"draw at least {FEWEST_DRAWN}"
                )
        conditions = tuple(condition.with_cycles(cycles) for condition in self.conditions)
        return self.model_copy(update={"cycles": cycles, "budget": None, "conditions": conditions})

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
        for key in ("cycles", "budget", "question", "confidence", "rows"):
            del values[key]
        for condition in values["conditions"]:
            del condition["cycles"], condition["claims"], condition["sweep"]
            _leave_out_later(condition)
        return values


def _leave_out_later(condition: dict[str, Any]) -> None:
    """Leave out the keys that runs stored earlier did not know, where they say nothing.

    Such a run is the same experiment still, and may be resumed.
    """
    plain = Condition(name="any").model_dump(mode="json")
    for key in ("api", "story", "strikes", "causes", "project", "shadow", "strata"):
        if condition[key] == plain[key]:
            del condition[key]
    if "project" in condition:
        del condition["project"]["home"]  # the same wherever the files lie
    if condition["retry"]["jitter"] == plain["retry"]["jitter"]:
        del condition["retry"]["jitter"]
    for setting in condition["faults"].values():
        for key in ("phases", "burst"):
            if setting[key] is None:
                del setting[key]
