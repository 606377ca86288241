"""Plan the cycles of conditions with strata: how many strata, and how many cycles for each.

A pilot of a few cycles a stratum says where failures vary, and only decides the allocation: its
cycles are not stored and not counted, because the numbers of cycles depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import ConfigurationError, MeasurementError
from harness.experiment.plan import strata
from harness.experiment.plan.rates import SUCCESSES, Measure
from harness.experiment.written.settings import Condition, Experiment
from harness.statistics.allocation import allocate, weights_between
from harness.statistics.strata import Stratum
from harness.statistics.struck import at_heights, most_struck

FLOOR = 30  # cycles of a sampled stratum at least, where there are enough


def designed(
    experiment: Experiment, slots: Callable[[Condition], Mapping[str, int]], measure: Measure
) -> Experiment:
    """Return the same experiment with the cycles of all its strata allocated.

    Args:
        experiment: with plain rates.
        slots: counts the slots of a condition by kind of fault.
        measure: runs cycles of a condition.

    Raises:
        ConfigurationError: too few cycles for the strata there are.
        MeasurementError: a cycle of a pilot is a harness error.
    """
    conditions = tuple(
        condition if condition.strata is None else _designed(condition, slots(condition), measure)
        for condition in experiment.conditions
    )
    return experiment.model_copy(update={"conditions": conditions})


def stored(experiment: Experiment, earlier: Mapping[str, Any]) -> Experiment:
    """Return the same experiment with its strata as the stored run ``earlier`` allocated them."""
    there = Experiment.from_json(earlier["experiment"])
    conditions = tuple(
        condition
        if condition.strata is None
        else condition.model_copy(
            update={
                "strata": there.condition(condition.name).strata,
                "cycles": there.condition(condition.name).cycles,
            }
        )
        for condition in experiment.conditions
    )
    return experiment.model_copy(update={"conditions": conditions})


def sentence(condition: Condition) -> str:
    """Say in a line what cycles were planned for a condition with strata."""
    setting = condition.strata
    if setting is None:
        return ""
    more = {k: cycles for k, cycles in setting.allocated.items() if k != "0"}
    slots, drawn = sum(setting.slots.values()), sum(more.values())
    every = "no slot" if setting.enumerate == 0 else f"every set of up to {setting.enumerate}"
    said = f"  {condition.name}: {slots} slots; {condition.cycles - drawn:,} cycles with {every}"
    if not drawn:
        return f"{said} struck"
    each = ", ".join(f"{k}: {cycles:,}" for k, cycles in more.items())
    return f"{said} struck, {drawn:,} cycles with more, by number struck {each}"


def _designed(condition: Condition, slots: Mapping[str, int], measure: Measure) -> Condition:
    """Run the pilot of one condition and allocate its cycles."""
    setting = condition.strata
    assert setting is not None  # noqa: S101 - asked by the caller
    kinds = strata.of_each(slots)
    rates = [condition.rates()[kind] for kind in kinds]
    _check_rates(condition, slots)
    highest = at_heights(rates, [setting.highest_rate])[0]
    first, most = setting.enumerate + 1, min(most_struck(highest), len(kinds))
    sampled = range(first, most + 1)
    if len(sampled) > setting.cycles:
        raise ConfigurationError(
            f"condition {condition.name!r}: strata.cycles: {setting.cycles} are too few: up to "
            f"{most} of {len(kinds)} slots are struck at once, which makes {len(sampled)} strata "
            "to draw cycles for; raise it, or lower highest_rate"
        )
    planned = setting.model_copy(update={"slots": dict(slots), "allocated": {}})
    allocated = {"0": setting.unstruck} if setting.unstruck else {}
    if sampled:
        failures = _pilot(_with(condition, planned), sampled, measure)
        weights = weights_between(rates, setting.lowest_rate, setting.highest_rate, most)
        cycles = allocate(
            weights[sampled.start :],
            [Stratum(k, setting.pilot, failures[k]) for k in sampled],
            setting.cycles,
            min(FLOOR, setting.cycles // len(sampled)),
        )
        allocated |= {str(k): int(n) for k, n in zip(sampled, cycles, strict=True)}
    return _with(condition, planned.model_copy(update={"allocated": allocated}))


def _check_rates(condition: Condition, slots: Mapping[str, int]) -> None:
    """Refuse a condition without slots, or of which a calibration found that all or none strike."""
    where = f"condition {condition.name!r}: strata"
    if not sum(slots.values()):
        raise ConfigurationError(
            f"{where}: none of {', '.join(condition.faults)} has a slot in its cycles, so there is "
            "nothing to strike; choose other faults, or leave strata out"
        )
    for kind in slots:
        rate = condition.rates()[kind]
        if not 0 < rate < 1:
            raise ConfigurationError(
                f"{where}: faults.{kind}.rate was solved for and is {rate:g}; strata need a rate "
                "above 0 and below 1: set it to a number, or leave strata out"
            )


def _with(condition: Condition, setting: Any) -> Condition:
    """Give a condition its strata, and as its cycles all that they make."""
    lasting = [condition.faults[kind].lasting for kind in strata.of_each(setting.slots)]
    total = strata.Numbering(setting, lasting).total
    return condition.model_copy(update={"strata": setting, "cycles": total})


def _pilot(condition: Condition, sampled: range, measure: Measure) -> dict[int, int]:
    """Run a few cycles of each sampled stratum; return the failures by stratum."""
    each = condition.strata.pilot if condition.strata else 0
    first = strata.PILOT
    records = measure(condition, range(first, first + each * len(sampled))) if each else []
    failures = dict.fromkeys(sampled, 0)
    for record in records:
        if record.outcome == "harness_error":
            raise MeasurementError(
                f"pilot of {condition.name!r}: cycle {record.cycle} is a harness error: "
                f"{record.detail}"
            )
        failures[sampled.start + (record.cycle - first) // each] += record.outcome not in SUCCESSES
    return failures
