"""A part of a run: a range of the cycles of every condition, run wherever there is room.

A cycle follows from experiment, seed, condition and number, so it is the same in any part. What a
part alone shows is no verdict: `harness merge` joins parts to a run, which is judged as any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.experiment.plan.strata import PILOT
from harness.results.shards import asked, named

if TYPE_CHECKING:
    from harness.experiment.written.configuration import Condition, Experiment


def check_numbers(cycles: int | range) -> None:
    """Raise UsageError for a number of cycles, or a range of them, that there cannot be."""
    if isinstance(cycles, int):
        if cycles < 1:
            raise UsageError(f"--cycles {cycles}: must be 1 or more")
        last = cycles - 1
    else:
        if cycles.start < 0 or cycles.step != 1:
            raise UsageError(f"--cycles {cycles.start}-{cycles.stop - 1}: numbers begin at 0")
        if not cycles:
            raise UsageError(f"--cycles {asked(cycles)}: ends before it begins")
        last = cycles.stop - 1
    if last >= PILOT:
        raise UsageError(f"--cycles {last:,}: no cycle has a number above {PILOT - 1:,}")


def of(experiment: Experiment, cycles: range, *, stop_when_decided: bool) -> Experiment:
    """Return the experiment as a shard has it: its cycles end where the range does.

    Cycles of strata are as designed, however many the range asks for.

    Raises:
        UsageError: something would end a condition early.
        ConfigurationError: that many cycles cannot all keep their stories.
    """
    why = (
        "a shard cannot stop early: a verdict goes by all cycles in order of their number, those "
        "of other shards too, and slow cycles are often the failing ones"
    )
    if stop_when_decided:
        raise UsageError(
            f"--stop-when-decided and --cycles {asked(cycles)}: {why}. Leave --stop-when-decided "
            "out; the run that harness merge makes says at which cycle it was decided"
        )
    if experiment.budget is not None:
        raise UsageError(
            f"--cycles {asked(cycles)}: the experiment shares a budget, which ends conditions as "
            f"they are decided, and {why}. Leave budget out of the file, and divide the cycles "
            "among shards"
        )
    plain = [condition for condition in experiment.conditions if condition.strata is None]
    if plain:  # what with_cycles refuses of them is refused here
        told = experiment.model_copy(update={"conditions": tuple(plain)}).with_cycles(cycles.stop)
        ended = {condition.name: condition for condition in told.conditions}
        conditions = tuple(ended.get(one.name, one) for one in experiment.conditions)
        experiment = experiment.model_copy(update={"cycles": cycles.stop, "conditions": conditions})
    return experiment


def of_condition(condition: Condition, cycles: int | range | None) -> range:
    """Return the cycles that are to be run of a condition, whose design is known.

    Args:
        condition: as the experiment that runs has it.
        cycles: what was asked for, see `RunOptions.cycles`.
    """
    if not isinstance(cycles, range):
        return range(condition.cycles)
    return range(min(cycles.start, condition.cycles), min(cycles.stop, condition.cycles))


def refuse_empty(experiment: Experiment, cycles: range) -> None:
    """Raise UsageError where no condition has any of these cycles: all are designed, and fewer."""
    if not any(of_condition(condition, cycles) for condition in experiment.conditions):
        most = max(condition.cycles for condition in experiment.conditions)
        raise UsageError(
            f"--cycles {asked(cycles)}: no condition has any of them; "
            f"their strata have {named(range(most))}"
        )
