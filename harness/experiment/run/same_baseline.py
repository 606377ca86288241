"""What makes a run's baseline known again: the content of a user's own database, and its place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import MeasurementError, UsageError
from harness.experiment.run.place import Baselines
from harness.experiment.written.configuration import Condition, Experiment

# Keys of run.json. Runs from before they were noted have neither.
BASELINES = "baselines"  # of each condition on a project, of a shard of each: its fingerprint
BEGUN_IN = "begun_in"  # the folder it was begun in, relative to its own; paths are relative to it


def noted(
    experiment: Experiment, folder: Path, baselines: Baselines, *, every: bool = False
) -> dict[str, Any]:
    """Return what run.json has to say so that the baselines can be known again.

    ``every``: those that are built too, for a shard is merged with others from other machines.
    """
    return {
        BASELINES: {
            condition.name: baselines.fingerprint(condition)
            for condition in experiment.conditions
            if every or condition.project is not None
        },
        BEGUN_IN: os.path.relpath(Path.cwd(), folder.resolve()),
    }


def refuse_another(
    run: Mapping[str, Any], folder: Path, experiment: Experiment, baselines: Baselines
) -> str:
    """Raise UsageError where a run's database has changed; a word where nobody can tell, else "".

    Its verdict would be one claim over two baselines.
    """
    noted_of = run.get(BASELINES, {})
    own = [one for one in experiment.conditions if one.project is not None or one.name in noted_of]
    if own and BASELINES not in run:
        return (
            f"{folder} was begun before runs noted their baselines: whether the database has "
            "changed since, nobody can tell"
        )
    for condition in own:
        if changed(run, condition, baselines):
            raise UsageError(
                f"{folder}: {_database(condition)}, the database of condition "
                f"{condition.name!r}, has changed since this run began: its cycles would be of two "
                "baselines. Put back what it was, or begin anew with another --output"
            )
    return ""


def refuse_replay_of_another(
    run: Mapping[str, Any], folder: Path, condition: Condition, baselines: Baselines
) -> None:
    """Raise MeasurementError where a condition's database has changed since its run."""
    if changed(run, condition, baselines):
        raise MeasurementError(
            f"{folder}: {_database(condition)}, the database of condition {condition.name!r}, has "
            "changed since this run: on another baseline it would be another cycle. Put back what "
            "it was, then replay"
        )


def changed(run: Mapping[str, Any], condition: Condition, baselines: Baselines) -> bool:
    """Whether a condition's database is known to hold something else than when its run began."""
    before = run.get(BASELINES, {}).get(condition.name)
    return before is not None and before != baselines.fingerprint(condition)


def at_its_place(condition: Condition, run: Mapping[str, Any], folder: Path) -> Condition:
    """Return a stored condition whose project is found from any working folder."""
    project = condition.project
    if project is None or BEGUN_IN not in run:
        return condition
    home = Path(folder).resolve() / run[BEGUN_IN] / project.home  # where that is absolute, so is it
    place = project.model_copy(update={"home": os.path.normpath(home)})
    return condition.model_copy(update={"project": place})


def _database(condition: Condition) -> str:
    return "the baseline" if condition.project is None else str(condition.project.path)
