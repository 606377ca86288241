"""From a condition to the planner of its cycles: rates, bursts, causes, and what is scripted.

A script names its operations as people do ("the second of the bots"); here they are found among
the operations that a cycle really has. What names none is refused before the first cycle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from harness import registry
from harness.databases.engines import engine_of
from harness.errors import ConfigurationError, UsageError
from harness.experiment.plan import strata
from harness.experiment.plan.project_workload import OwnProject
from harness.experiment.plan.strata import StrataPlanner
from harness.experiment.written.document import nearest
from harness.experiment.written.project import AUTO, NONE
from harness.experiment.written.project_checks import is_own, own_processes, own_requests, own_slots
from harness.experiment.written.settings import Condition, StrikeSetting
from harness.faults import Shape, Slot
from harness.faults.reach.scene import restricted_tables
from harness.faults.schedule.plan import Cause, Chance, Planner, Scripted, slots_in
from harness.guard.policy import POLICIES
from harness.test_rows.schema import read_schema, restricted
from harness.workloads import Workload


def shape_of(condition: Condition, workload: Workload, connection: Any) -> Shape:
    """Return what a cycle of ``condition`` does on the baseline that ``connection`` is open on."""
    workload.learn(connection)
    policy = POLICIES[condition.policy]
    own = is_own(condition)
    listed = condition.project is None or condition.cleanup == "sql"
    return Shape(
        operations=tuple(workload.operations()) if listed else (),
        cleans=policy.cleans and condition.cleanup != NONE,
        backs_up=policy.backs_up,
        recoveries=tuple(condition.recoveries),
        attempts=condition.retry.attempts,
        # what the faults of a cleanup of the user's own can do for any schema is more
        restricted=restricted(read_schema(connection)) if own else restricted_tables(connection),
        creates=workload.calls() if condition.connection == "backend" else (),
        cleans_over_http=_over(condition) == "http",
        connected=_stays_connected(condition),
        own=own_slots(condition),
        own_processes=own_processes(condition),
        own_requests=own_requests(condition),
    )


def _stays_connected(condition: Condition) -> bool:
    project = condition.project
    return condition.connection != "closed" or (project is not None and bool(project.backend))


def _over(condition: Condition) -> str:
    if condition.cleanup == NONE or is_own(condition):
        return ""
    return str(registry.find("cleanup", str(condition.cleanup)).over)


def workload_of(condition: Condition, seed: int) -> Workload:
    """Make the condition's workload: one that is known, or the user's own project."""
    if condition.project is not None:
        return OwnProject(condition.project, seed)
    made: Workload = registry.find("workloads", condition.workload.kind)(
        condition.workload.test_data, seed
    )
    return made


def check_script(condition: Condition, seed: int, pristine: Path) -> None:
    """Refuse strikes for which the condition's own baseline and test data have no slot.

    Also a schema for which ``create = "auto"`` finds no rows, and strata of too many sets.
    ConfigurationError names the condition and the strike, or the project's create.
    """
    auto = condition.project is not None and condition.project.create == AUTO
    if not condition.strikes and not auto and condition.strata is None:
        return
    shape = _shape_at(condition, seed, pristine)
    for number, strike in enumerate(condition.strikes):
        list(_scripted(f"condition {condition.name!r}: strikes.{number}", strike, shape))
    if condition.strata is not None:
        lasting = [condition.faults[kind].lasting for kind, _ in _slots(condition, shape)]
        try:
            strata.check_number(condition.strata, lasting)
        except ConfigurationError as error:
            raise ConfigurationError(f"condition {condition.name!r}: {error}") from error


def slots_by_kind(condition: Condition, seed: int, pristine: Path) -> dict[str, int]:
    """Count the slots of ``condition`` on its own baseline and test data, by kind of fault."""
    slots = _slots(condition, _shape_at(condition, seed, pristine))
    return dict(Counter(kind for kind, _ in slots))


def _shape_at(condition: Condition, seed: int, pristine: Path) -> Shape:
    """Return the shape of a condition's cycles on its own baseline."""
    workload = workload_of(condition, seed)
    connection = engine_of(pristine).connect(pristine, immutable=True)
    try:
        return shape_of(condition, workload, connection)
    except UsageError as error:
        where = f"condition {condition.name!r}: project.create"
        raise ConfigurationError(f"{where}: {error}") from error
    finally:
        connection.close()


def _slots(condition: Condition, shape: Shape) -> list[tuple[str, Slot]]:
    """List every (kind, slot) that may be struck, in the order in which strata number them."""
    return [
        (kind, slot)
        for kind in sorted(condition.faults)
        for slot in slots_in(kind, shape, condition.faults[kind].phases or ())
    ]


def planner(condition: Condition, seed: int, shape: Shape) -> Planner | StrataPlanner:
    """Return the planner of a resolved condition's cycles.

    ConfigurationError names the condition and the strike when ``shape`` has no slot for it.
    """
    rates = condition.rates()
    chances = {
        kind: Chance(rates[kind], setting.lasting, setting.phases or (), setting.burst)
        for kind, setting in condition.faults.items()
    }
    if condition.strata is not None:
        slots = _slots(condition, shape)
        return StrataPlanner(seed, condition.name, slots, chances, condition.strata)
    causes = {
        name: Cause(cause.rate, cause.faults, cause.lasting, cause.phases)
        for name, cause in condition.causes.items()
    }
    script = [
        scripted
        for number, strike in enumerate(condition.strikes)
        for scripted in _scripted(f"condition {condition.name!r}: strikes.{number}", strike, shape)
    ]
    return Planner(seed, condition.name, shape, chances, causes, script)


def _scripted(place: str, strike: StrikeSetting, shape: Shape) -> Iterator[Scripted]:
    operation = _operation(place, strike, shape)
    own: list[Slot] = registry.find("faults", strike.fault).slots(shape)
    here = {s.attempt: s for s in own if (s.phase, s.operation) == (strike.phase, operation)}
    if not here:
        in_phase = dict.fromkeys(s.operation for s in own if s.phase == strike.phase)
        _refuse(
            f"{place}: {strike.fault} has no slot for {operation!r} in {strike.phase}",
            operation,
            tuple(in_phase),
        )
    for attempt in here if strike.attempts == "all" else dict.fromkeys(strike.attempts):
        if attempt not in here:
            tries = ", ".join(map(str, here))
            raise ConfigurationError(
                f"{place}.attempts: {strike.fault} cannot strike attempt {attempt} at "
                f"{operation!r} in {strike.phase}, only {tries}"
            )
        yield Scripted(strike.fault, here[attempt], strike.lasting)


def _operation(place: str, strike: StrikeSetting, shape: Shape) -> str:
    """Name the operation that ``strike`` means."""
    if strike.phase == "create":
        return f"create {strike.on} {strike.number}"
    if strike.phase != "cleanup" or strike.on in {slot.operation for slot in shape.own}:
        return strike.on
    labels = [operation.label for operation in shape.operations if operation.table == strike.on]
    if not labels:
        tables = tuple(dict.fromkeys(operation.table for operation in shape.operations))
        _refuse(f"{place}.on: the test data has no {strike.on!r}", strike.on, tables)
    if strike.number > len(labels):
        raise ConfigurationError(
            f"{place}.number: the test data has {len(labels)} of {strike.on!r}, "
            f"and no number {strike.number}"
        )
    return labels[strike.number - 1]


def _refuse(what: str, name: str, known: Sequence[str]) -> NoReturn:
    choices = f"known: {', '.join(known)}" if known else "it has none there"
    raise ConfigurationError(f"{what}; {nearest(name, known)}{choices}")
