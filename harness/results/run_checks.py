"""Whether run.json is what a run wrote: its shape, what must agree in it, and its checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, MeasurementError
from harness.experiment.written.claimed import checked_confidence

SUM = "sha256"  # the key that holds the checksum of all the others
_AGAIN = "put back the run.json that belongs to these cycles"


def checksum(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of JSON content, in hex, but for its own key and the order of keys."""
    kept = {key: value for key, value in content.items() if key != SUM}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parsed(path: Path) -> Any:
    """Return the JSON in a file; OSError or ValueError where there is none, or a nan in it."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no number")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def check_run(path: Path, run: Mapping[str, Any]) -> None:
    """Raise MeasurementError, which names the key, unless a run can have written this."""
    names = _names(path, run)
    for name in names:
        if names.count(name) > 1:
            raise _wrong(path, f"experiment.conditions: {name!a} is there twice")
    experiment = run["experiment"]
    try:
        checked_confidence(experiment.get("confidence", 0.95))
    except ValueError as error:
        raise _wrong(path, f"experiment.confidence: {error}") from error
    _check_seed(path, run)
    if SUM not in run:
        _check_older(path, experiment)
    elif run[SUM] != checksum(run):
        raise _wrong(path, f"{SUM}: it is not that of the other values")


def _names(path: Path, run: Mapping[str, Any]) -> list[str]:
    experiment = run.get("experiment")
    conditions = experiment.get("conditions") if isinstance(experiment, dict) else None
    if not isinstance(conditions, list) or not all(
        isinstance(condition, dict) and isinstance(condition.get("name"), str)
        for condition in conditions
    ):
        raise MeasurementError(f"{path}: holds no experiment, so no run wrote it; {_AGAIN}")
    return [condition["name"] for condition in conditions]


def _check_seed(path: Path, run: Mapping[str, Any]) -> None:
    """The seed stands in three places; a run that has not all of them is an older one."""
    places = {"seed": run, "experiment.seed": run["experiment"], "configured.seed":
              run.get("configured")}  # fmt: skip
    seeds = {key: content["seed"] for key, content in places.items()
             if isinstance(content, dict) and "seed" in content}  # fmt: skip
    for key, seed in seeds.items():
        if type(seed) is not int or seed < 0:
            raise _wrong(path, f"{key}: {seed!a} is no whole number from 0")
    if len(set(seeds.values())) > 1:
        listed = ", ".join(f"{key} is {seed}" for key, seed in seeds.items())
        raise _wrong(path, f"the seeds disagree: {listed}")


def _check_older(path: Path, experiment: Mapping[str, Any]) -> None:
    """Without a checksum every key is looked at: slow to import, and no run of today needs it."""
    from harness.experiment.written.configuration import Experiment  # noqa: PLC0415

    try:
        Experiment.from_json(experiment)
    except (HarnessError, TypeError, ValueError) as error:  # pydantic's are ValueErrors
        first = " ".join(str(error).split())[:300]
        raise _wrong(path, f"experiment: {first}") from error


def _wrong(path: Path, what: str) -> MeasurementError:
    return MeasurementError(
        f"{path}: {what}, so it was damaged or changed since a run wrote it; {_AGAIN}"
    )
