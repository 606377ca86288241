"""From a condition to the planner of its cycles: rates, bursts, causes, and what is scripted.

A script names its operations as people do ("the second of the bots"); here they are found among
the operations that a cycle really has. What names none is refused before the first cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from harness import registry
from harness.databases.sqlite import connect
from harness.errors import ConfigurationError
from harness.experiment.document import nearest
from harness.experiment.settings import Condition, StrikeSetting
from harness.faults import Shape, Slot
from harness.faults.plan import Cause, Chance, Planner, Scripted
from harness.faults.scene import restricted_tables
from harness.guard.policy import POLICIES
from harness.workloads import Workload


def shape_of(condition: Condition, workload: Workload, connection: Any) -> Shape:
    """Return what a cycle of ``condition`` does on the baseline that ``connection`` is open on."""
    workload.learn(connection)
    policy = POLICIES[condition.policy]
    return Shape(
        operations=tuple(workload.operations()),
        cleans=policy.cleans,
        backs_up=policy.backs_up,
        recoveries=tuple(condition.recoveries),
        attempts=condition.retry.attempts,
        restricted=restricted_tables(connection),
        creates=workload.calls() if condition.connection == "backend" else (),
        cleans_over_http=registry.find("cleanup", condition.cleanup).over == "http",
    )


def check_script(condition: Condition, seed: int, pristine: Path) -> None:
    """Refuse strikes for which the condition's own baseline and test data have no slot.

    ConfigurationError names the condition and the strike.
    """
    if not condition.strikes:
        return
    workload: Workload = registry.find("workloads", condition.workload.kind)(
        condition.workload.test_data, seed
    )
    connection = connect(pristine, immutable=True)
    try:
        shape = shape_of(condition, workload, connection)
    finally:
        connection.close()
    for number, strike in enumerate(condition.strikes):
        list(_scripted(f"condition {condition.name!r}: strikes.{number}", strike, shape))


def planner(condition: Condition, seed: int, shape: Shape) -> Planner:
    """Return the planner of a resolved condition's cycles.

    ConfigurationError names the condition and the strike when ``shape`` has no slot for it.
    """
    rates = condition.rates()
    chances = {
        kind: Chance(rates[kind], setting.lasting, setting.phases or (), setting.burst)
        for kind, setting in condition.faults.items()
    }
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
    if strike.phase != "cleanup":
        return strike.on
    labels = [one.label for one in shape.operations if one.table == strike.on]
    if not labels:
        tables = tuple(dict.fromkeys(one.table for one in shape.operations))
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
