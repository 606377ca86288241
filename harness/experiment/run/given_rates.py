"""Rates and designs of another run of the same experiment, in place of solving for them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.experiment.run import machine
from harness.experiment.run.place import Baselines
from harness.experiment.run.same_baseline import BASELINES
from harness.experiment.written.configuration import Experiment, differing_keys
from harness.results.folder import check_same

OPTION = "--rates-of"


def read(folder: Path, experiment: Experiment) -> dict[str, Any]:
    """Return run.json of the run in ``folder``, whose rates are to be taken.

    UsageError where it is of another experiment, seed or version, or has no rates yet.
    """
    run = check_same(folder, experiment)
    if run.get("rates") is None:
        raise UsageError(
            f"{OPTION} {folder}: was interrupted before its rates were known; go on with it by "
            "--resume first"
        )
    if differing := _other_versions(run):
        raise UsageError(
            f"{OPTION} {folder}: its rates were found by other versions ({differing}); use the "
            "same ones here, or leave the option out to solve for them anew"
        )
    return run


def refuse_other_versions(folder: Path, run: Mapping[str, Any]) -> None:
    """Raise UsageError where a shard would go on with other versions than it says it has."""
    if differing := _other_versions(run):
        raise UsageError(
            f"{folder}: this shard was begun with other versions ({differing}), and one of two "
            "cannot be merged; go on with the same ones, or begin it anew with --overwrite"
        )


def _other_versions(run: Mapping[str, Any]) -> str:
    return "; ".join(differing_keys(run.get("versions") or {}, machine.versions()))


def given(folder: Path, experiment: Experiment, baselines: Baselines) -> dict[str, Any]:
    """Return the same, once the baselines are there: UsageError where its baseline is another."""
    run = read(folder, experiment)
    before = run.get(BASELINES) or {}
    for condition in experiment.conditions:
        known = before.get(condition.name)
        if known is not None and known != baselines.fingerprint(condition):
            raise UsageError(
                f"{OPTION} {folder}: condition {condition.name!r} had another baseline there, and "
                "rates found on one say nothing of another; bring the same database, or leave the "
                "option out to solve for them anew"
            )
    return run
