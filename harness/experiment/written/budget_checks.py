"""Who shares a budget, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.experiment.written.budget import FLOOR, MOST
from harness.experiment.written.document import Problem, nearest
from harness.experiment.written.family import family
from harness.experiment.written.settings import Condition, Experiment


def before(values: Mapping[str, Any]) -> tuple[int | None, list[Problem]]:
    """Return how many cycles a condition may get of a budget as written, and what is wrong.

    None where there is no budget.
    """
    written = values.get("budget")
    if not isinstance(written, dict):
        return None, []
    problems = []
    if "cycles" in values:
        message = "is said by the budget; leave this out, or give single conditions their cycles"
        problems.append(Problem(("cycles",), message))
    if "sharing" in written:
        problems.append(Problem(("budget", "sharing"), "is found by the run; leave it out"))
    if ("cycles" in written) == ("seconds" in written):
        problems.append(Problem(("budget",), "says either cycles or seconds"))
    cycles = written.get("cycles", MOST)
    return (cycles if type(cycles) is int and cycles > 0 else MOST), problems


def shared(experiment: Experiment, own: Sequence[bool]) -> Experiment:
    """Return the experiment with its budget's ``sharing`` filled in, and floors where due.

    Args:
        experiment: read from a file, with a budget or without.
        own: of each condition, whether it says its cycles for itself.
    """
    if experiment.budget is None:
        return experiment
    claims = family(experiment.to_json(), experiment.confidence).claims
    sharing: list[str] = []
    conditions = []
    for condition, says in zip(experiment.conditions, own, strict=True):
        given = condition
        if condition.strata is None and not says:
            if any(claim.shares_error for claim in claims[condition.name]):
                sharing.append(condition.name)
            else:
                given = condition.with_cycles(min(FLOOR, condition.cycles))
        conditions.append(given)
    budget = experiment.budget.model_copy(update={"sharing": tuple(sharing)})
    return experiment.model_copy(update={"conditions": tuple(conditions), "budget": budget})


def of_budget(experiment: Experiment) -> Iterator[Problem]:
    """What is wrong with a budget whose conditions are known."""
    budget = experiment.budget
    if budget is None:
        return
    names = [condition.name for condition in experiment.conditions]
    for number, name in enumerate(budget.first):
        if name not in names:
            message = f"no condition is called {name!r}; {nearest(name, names)}"
            yield Problem(("budget", "first", number), f"{message}known: {', '.join(names)}")
    if budget.cycles is not None and (least := least_cycles(experiment)) > budget.cycles:
        message = (
            f"{budget.cycles:,} are too few: the cycles that conditions say for themselves, and "
            f"{FLOOR} of each other, are {least:,} already; raise it or lower theirs"
        )
        yield Problem(("budget", "cycles"), message)


def least_cycles(experiment: Experiment) -> int:
    """Count the cycles that all conditions get in any case."""
    sharing = experiment.budget.sharing if experiment.budget else ()
    return sum(
        FLOOR if condition.name in sharing else cycles_of(condition)
        for condition in experiment.conditions
    )


def cycles_of(condition: Condition) -> int:
    """Return a condition's cycles; of strata that are not designed yet, those that are drawn."""
    return condition.cycles if condition.strata is None else condition.strata.cycles
