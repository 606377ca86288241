"""Checks of conditions with strata: what cycles with a set number of faults cannot have.

Their estimates hold only where every fault strikes each slot by itself, at a rate of its own; what
would break that is refused rather than left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.experiment.written.designs import StrataSetting
from harness.experiment.written.document import Problem
from harness.experiment.written.settings import Condition, Experiment, SetBy

_ALONE = "strata need faults that strike each slot by itself"


def of_strata(condition: Condition) -> Iterator[Problem]:
    """What is wrong with the strata of one condition; the keys begin inside it."""
    if condition.strata is None:
        return
    yield from _unfit(condition)
    yield from _faults(condition)
    yield from _range(condition.strata)


def of_calibrations(experiment: Experiment) -> Iterator[Problem]:
    """Refuse calibrations by cycles with strata, which are at no rate."""
    with_strata = {
        condition.name for condition in experiment.conditions if condition.strata is not None
    }
    for name, calibration in experiment.calibrations.items():
        if calibration.condition in with_strata:
            message = f"{calibration.condition!r} has strata, so its cycles are at no rate"
            keys = ("calibrations", name, "condition")
            yield Problem(keys, f"{message}; name a condition without")


def of_rows(experiment: Experiment) -> Iterator[Problem]:
    """Refuse rows about cycles with strata: a row is judged by how many of its cycles failed."""
    with_strata = {
        condition.name for condition in experiment.conditions if condition.strata is not None
    }
    for number, row in enumerate(experiment.rows):
        if row.condition in with_strata:
            message = f"{row.condition!r} has strata, so the share of its cycles that failed is no"
            message = f"{message} reliability; claim it in the condition's own claims"
            yield Problem(("rows", number, "condition"), message)


def _unfit(condition: Condition) -> Iterator[Problem]:
    for key in ("causes", "strikes"):
        if getattr(condition, key):
            yield Problem((key,), f"{_ALONE}; leave {key} or strata out")
    if condition.story:
        yield Problem(("story",), "no stories are kept of cycles with strata; leave one out")
    if condition.shadow:
        yield Problem(("shadow",), "restores are forced in cycles at a rate; leave this or strata")


def _faults(condition: Condition) -> Iterator[Problem]:
    if not condition.faults:
        yield Problem(("strata",), "there is no fault, so no slot to strike; give faults rates")
    for kind, fault in condition.faults.items():
        place = ("faults", kind)
        if fault.burst is not None:
            yield Problem((*place, "burst"), f"{_ALONE}; leave burst or strata out")
        if not isinstance(fault.rate, SetBy) and not 0 < fault.rate < 1:
            message = "strata need a rate above 0 and below 1: the proportions of the rates say"
            yield Problem((*place, "rate"), f"{message} which sets to draw, not {fault.rate:g}")


def _range(setting: StrataSetting) -> Iterator[Problem]:
    if setting.lowest_rate >= setting.highest_rate:
        message = f"must be below highest_rate, {setting.highest_rate:g}"
        yield Problem(("strata", "lowest_rate"), f"{message}, not {setting.lowest_rate:g}")
