"""A run's folder: run.json, and whether a run may be begun, gone on with or read there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ConfigurationError, MeasurementError, UsageError
from harness.results.nearest_run import advice
from harness.results.run_checks import SUM, check_run, checksum, parsed

if TYPE_CHECKING:
    from harness.experiment.written.configuration import Experiment

RUN, CYCLES, REPORT = "run.json", "cycles.sqlite", "report.html"
VERSION = 1  # of run.json and summary.json


def fingerprint(experiment: Experiment) -> str:
    """Tell experiments apart: everything that decides what happens in a cycle, as one hash.

    How many cycles are wanted does not count: a run may be resumed with more.
    """
    identity = json.dumps(experiment.identity(), sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()


_ELSE = "go on with --resume, run anew with --overwrite, or name another folder with --output"


def refuse_used(folder: Path, otherwise: str = _ELSE) -> None:
    """Raise UsageError when ``folder`` holds results already, or can be no folder of results.

    Args:
        folder: where a run would begin.
        otherwise: what people can do where it holds some.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise UsageError(
            f"{folder} can be no folder: {there} is a file; name another with --output"
        )
    if (folder / RUN).exists() or (folder / CYCLES).exists():
        raise UsageError(
            f"{folder} already holds results, and nothing was overwritten; {otherwise}"
        )


def refuse_unused(folder: Path) -> None:
    """Raise UsageError when ``folder`` holds nothing that a run could go on with."""
    if not (folder / RUN).exists():
        what = "holds no run" if folder.exists() else "is not there"
        raise UsageError(
            f"{folder}: {what}, so there is nothing to --resume; name the run's folder with "
            "--output, or leave --resume out to begin"
        )
    if not (folder / CYCLES).exists() and any(folder.glob("*.parquet")):
        raise UsageError(
            f"{folder}: was published without its {CYCLES}, so it cannot be gone on with; "
            "run again with another --output"
        )


def check_same(folder: Path, experiment: Experiment) -> dict[str, Any]:
    """Return run.json of ``folder``; ConfigurationError when it is another experiment's."""
    run = read_run(folder)
    if run["fingerprint"] == fingerprint(experiment):
        return run
    from harness.experiment.written.configuration import (  # noqa: PLC0415 - slow, reading needs none
        Experiment,
        differing_keys,
    )

    there = Experiment.from_json(run["configured"])
    keys = differing_keys(there.identity(), experiment.identity())
    raise ConfigurationError(
        f"{folder} holds experiment {there.name!r} with seed {there.seed}, asked for is "
        f"{experiment.name!r} with seed {experiment.seed}; they differ in: {'; '.join(keys)}"
    )


def read_run(folder: Path) -> dict[str, Any]:
    """Read run.json; UsageError where there is no run, MeasurementError where it is damaged."""
    path = Path(folder) / RUN
    try:
        run = parsed(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"{folder} is not a run's folder: it has no {RUN}{advice(Path(folder))}"
        ) from None
    except (OSError, ValueError) as error:
        raise MeasurementError(f"{path}: cannot be read: {error}") from error
    check_version(path, run)
    check_run(path, run)
    return dict(run)


def check_version(path: Path, content: Any) -> None:
    """Raise UsageError unless ``content`` is what this version writes to ``path``."""
    version = content.get("version") if isinstance(content, dict) else None
    if version == VERSION:
        return
    if isinstance(version, int) and version > VERSION:
        raise UsageError(
            f"{path}: written by version {version} of the format; "
            f"this harness reads {VERSION}; upgrade it"
        )
    raise UsageError(f"{path}: not written by this version, nor by a newer one")


def write_run(folder: Path, run: Mapping[str, Any]) -> None:
    """Write run.json so that a reader, or the next start, sees all of it or the old one."""
    path = folder / RUN
    half = folder / f".{RUN}.{os.getpid()}"
    try:
        with half.open("w", encoding="utf-8") as file:
            json.dump({**run, SUM: checksum(run)}, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise MeasurementError(f"{path}: cannot be written: {error}") from error


def locked(folder: Path) -> int:
    """Keep every other run out of ``folder`` until the descriptor is closed (flock(2))."""
    import fcntl  # noqa: PLC0415 - only writing needs it: stored runs can be read where there is none

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise UsageError(f"{folder}: another run is writing there just now") from None
    return descriptor
