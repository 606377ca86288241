"""Checks that need a whole condition, or the whole experiment: names, and what can happen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness import registry
from harness.errors import UnknownName
from harness.experiment.written import budget_checks, shadow_checks, strata_checks
from harness.experiment.written.document import Keys, Problem, nearest
from harness.experiment.written.project import AUTO, NONE
from harness.experiment.written.project_checks import (
    of_project,
    own_processes,
    own_requests,
    own_slots,
)
from harness.experiment.written.recoveries import advice, of_another_engine
from harness.experiment.written.settings import (
    MOST_STORIES,
    CauseSetting,
    ClaimsRow,
    Condition,
    Experiment,
    FaultSetting,
    SetBy,
    StrikeSetting,
    too_many_stories,
)
from harness.faults import Shape
from harness.faults.schedule.plan import slots_in, struck_together
from harness.steps import Entity


def of_all(experiment: Experiment) -> Iterator[Problem]:
    """Everything that is wrong though every key by itself is right."""
    yield from _duplicates(experiment)
    yield from _references(experiment)
    yield from budget_checks.of_budget(experiment)
    yield from strata_checks.of_calibrations(experiment)
    yield from strata_checks.of_rows(experiment)
    for index, condition in enumerate(experiment.conditions):
        for problem in _of_one(condition):
            yield replace(
                problem, keys=("conditions", index, *problem.keys), condition=condition.name
            )


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
        yield from _bounds(index, row)
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


def _bounds(index: int, row: ClaimsRow) -> Iterator[Problem]:
    """Refuse bounds that no share can keep, or that would be left unread."""
    if row.at_most is not None and (row.at_least is None or row.at_least >= row.at_most):
        message = "needs an at_least below it; what should be rare is claimed by its mirror"
        yield Problem(("rows", index, "at_most"), message)
    if row.measure == "bytes_added" and row.at_least is not None:
        message = "bytes_added is judged by the figure in claimed; leave this out"
        yield Problem(("rows", index, "at_least"), message)


def _set_by(condition: Condition) -> set[str]:
    settings = condition.faults.values()
    return {setting.rate.set_by for setting in settings if isinstance(setting.rate, SetBy)}


def _nobody(
    keys: tuple[int | str, ...], what: str, name: str, known: tuple[str, ...], inside: str = ""
) -> Problem:
    choices = f"known: {', '.join(known)}" if known else "there are none"
    message = f"no {what} is called {name!r}; {nearest(name, known)}{choices}"
    return Problem(keys, message, inside)


def _of_one(condition: Condition) -> Iterator[Problem]:
    """What is wrong with one condition; the keys begin inside it."""
    wrong = list(_doings(condition))
    yield from wrong
    if wrong:
        return
    if condition.story and condition.cycles > MOST_STORIES:
        yield Problem(("story",), too_many_stories(condition.cycles))
    if condition.shadow and (why := shadow_checks.why_never(condition)):
        yield Problem(("shadow",), why)
    yield from _engine(condition)
    if condition.project is None:
        yield from _recoveries(condition)
        yield from _connection(condition)
    yield from strata_checks.of_strata(condition)
    shape = shape_of(condition)
    for name, setting in condition.faults.items():
        yield from _burst(("faults", name), name, setting)
        if setting.rate != 0:
            yield from _fault(("faults", name), name, setting, shape)
    for name, cause in condition.causes.items():
        if cause.rate != 0:
            yield from _cause(("causes", name), cause, shape)
    for number, strike in enumerate(condition.strikes):
        yield from _strike(("strikes", number), strike, shape)


def _doings(condition: Condition) -> Iterator[Problem]:
    """Refuse test data and cleanups that nobody knows, or that do not load."""
    unusable = _unusable(condition)
    if unusable:
        yield Problem(("cleanup",), unusable)
        return
    if condition.project is not None:
        yield from of_project(condition)
        return
    test_data, kind = condition.workload.test_data, condition.workload.kind
    shapes = tuple(registry.find("workloads", kind).shapes)
    if test_data not in shapes:
        yield _nobody(("workload", "test_data"), f"test data of {kind!r}", test_data, shapes)
    known = registry.names("cleanup")
    if not isinstance(condition.cleanup, str):
        yield Problem(("cleanup",), "statements are for a [project]; name a cleanup")
    elif condition.cleanup not in known:
        yield _nobody(("cleanup",), "cleanup", condition.cleanup, known)


def _unusable(condition: Condition) -> str | None:
    """Say why a cleanup of somebody's own that is known by name cannot be used."""
    name = condition.cleanup
    if isinstance(name, str) and name in registry.names("cleanup"):
        try:
            registry.find("cleanup", name)
        except UnknownName as error:
            return str(error)
    return None


def _engine(condition: Condition) -> Iterator[Problem]:
    """Refuse recoveries that know no database such as this one."""
    if others := of_another_engine(condition.recoveries):
        yield Problem(("recoveries",), others)


def _recoveries(condition: Condition) -> Iterator[Problem]:
    """Refuse a chain of which no recovery can ever work on the condition's baseline."""
    mode = condition.workload.journal_mode
    chain = {name: registry.find("recovery", name) for name in condition.recoveries}
    unfit = [name for name, kind in chain.items() if mode not in kind.journal_modes]
    if len(unfit) == len(chain) and condition.policy != "cleanup_only":
        message = f"{', '.join(unfit)} cannot back up a database in journal mode {mode!r}"
        yield Problem(("recoveries",), f"{message}; {advice(journal_mode=mode)}")


def _connection(condition: Condition) -> Iterator[Problem]:
    """Refuse a cleanup without the backend it asks, and test data that its API cannot make."""
    if condition.connection != "backend":
        if registry.find("cleanup", str(condition.cleanup)).over == "http":
            message = f'{condition.cleanup} asks a backend; set connection = "backend"'
            yield Problem(("cleanup",), f"{message}, or choose a cleanup that works by SQL")
        return
    made = registry.find("workloads", condition.workload.kind).over_http
    if condition.workload.test_data not in made:
        can = f"it can make {', '.join(made)}" if made else "it has no API"
        message = f"the backend's API cannot make {condition.workload.test_data!r}; {can}"
        yield Problem(
            ("workload", "test_data"), f'{message}; choose of these, or connection = "closed"'
        )


def _burst(place: Keys, kind: str, setting: FaultSetting) -> Iterator[Problem]:
    """Refuse bursts of what knows none, and those that no channel of two states has."""
    if setting.burst is None:
        return
    if not registry.find("faults", kind).in_bursts:
        message = f"{kind} does not strike requests, so it comes in no bursts; leave this out"
        yield Problem((*place, "burst"), message)
    if set(setting.lasting) != {"attempt"}:
        message = 'a burst is made of single requests: lasting must be "attempt"'
        yield Problem((*place, "lasting"), message)
    if not isinstance(setting.rate, SetBy) and setting.rate > setting.most:
        message = f"bursts of {setting.burst:g} on average leave room for a rate of at most"
        message = f"{message} {setting.most:.4f}, not {setting.rate:g}; lower it or raise burst"
        yield Problem((*place, "rate"), message)


def _fault(place: Keys, kind: str, setting: FaultSetting, shape: Shape) -> Iterator[Problem]:
    """Refuse faults that can never strike, and phases they can never strike in."""
    if setting.phases is None:
        fault = registry.find("faults", kind)
        why = fault.why_never(shape) or _never(kind, shape, fault.phases)
        if why:
            message = f"{kind} can never strike here: {why}; set its rate to 0 or leave it out"
            yield Problem((*place, "rate"), message)
        return
    for number, phase in enumerate(setting.phases):
        why = _never(kind, shape, (phase,))
        if why:
            message = f"{kind} can never strike in {phase!r} here: {why}"
            yield Problem((*place, "phases", number), message)


def _cause(place: Keys, cause: CauseSetting, shape: Shape) -> Iterator[Problem]:
    for number, kind in enumerate(cause.faults):
        if not struck_together(kind, shape, cause.phases):
            why = _never(kind, shape, cause.phases) or "no first attempt is struck"
            message = f"{kind} can never strike here: {why}; change phases or take it out"
            yield Problem((*place, "faults", number), message)


def _strike(place: Keys, strike: StrikeSetting, shape: Shape) -> Iterator[Problem]:
    """Refuse what can be told without a database; planning tells the rest."""
    why = _never(strike.fault, shape, (strike.phase,))
    if why:
        message = f"{strike.fault} can never strike in {strike.phase!r} here: {why}"
        yield Problem((*place, "phase"), message)
    elif strike.phase in ("backup", "restore") and strike.on not in shape.recoveries:
        recoveries = tuple(shape.recoveries)
        yield _nobody((*place, "on"), "recovery of this condition", strike.on, recoveries)
    elif strike.phase in ("backup", "restore") and strike.number != 1:
        message = f"there is one {strike.on} and no number {strike.number}; leave this out"
        yield Problem((*place, "number"), message)
    if strike.attempts != "all" and max(strike.attempts) > shape.attempts:
        message = f"there are {shape.attempts} attempts, and never a number {max(strike.attempts)}"
        yield Problem((*place, "attempts"), f"{message}; raise retry.attempts or lower this")


def _never(kind: str, shape: Shape, phases: tuple[str, ...]) -> str | None:
    """Say why ``kind`` can never strike in ``phases`` (() for any); None when it can.

    What a fault says itself is of the phases it strikes in unless told otherwise.
    """
    if slots_in(kind, shape, phases):
        return None
    fault = registry.find("faults", kind)
    elsewhere = tuple(dict.fromkeys(slot.phase for slot in fault.slots(shape)))
    if elsewhere:
        return f"it has no slot in {' or '.join(phases)}; it has in: {', '.join(elsewhere)}"
    return str(fault.why_never(shape) or fault.contract)


def shape_of(condition: Condition) -> Shape:
    """What a cycle may do, as far as can be told without a database: more rather than less."""
    row = Entity("any", (("id", 1),))
    project = condition.project
    cleans = condition.policy != "restore_only" and condition.cleanup != NONE
    listed = project is None or (project.create == AUTO and condition.cleanup == "sql")
    backend = project is None and condition.connection == "backend"
    return Shape(
        operations=(row, replace(row, before=())) if listed else (),
        cleans=cleans,
        backs_up=condition.policy != "cleanup_only",
        recoveries=condition.recoveries,
        attempts=condition.retry.attempts,
        restricted=frozenset({row.table}),
        creates=(f"create {row.table} 1",) if backend else (),
        cleans_over_http=backend
        and cleans
        and registry.find("cleanup", str(condition.cleanup)).over == "http",
        own=own_slots(condition),
        own_processes=own_processes(condition),
        own_requests=own_requests(condition),
    )
