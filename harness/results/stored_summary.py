"""The summary that lies in a run's folder, read without computing anything: in no time.

It is believed only while the files it was made from are, by their content, still those: it keeps
the SHA-256 of each. Times of files say nothing: a clone, a copy and an unpacked archive set them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import MeasurementError, UsageError
from harness.results.folder import CYCLES, RUN, check_version, read_run
from harness.results.run_checks import SUM, checksum, parsed
from harness.results.shards import refuse_to_judge

SUMMARY, PARQUET = "summary.json", "cycles.parquet"
CONDITIONAL, IF_ALIKE = "conditional", "if the same faults always end alike"  # of strata
SOURCES = "made_from"  # the key of {file name: SHA-256 of its content}
_ANEW = "remove it: it is computed anew from the cycles"


class Stored(NamedTuple):
    """What reports are made from."""

    summary: dict[str, Any]
    run: dict[str, Any]


def sealed(folder: Path, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary as it is to be stored: with the sums of its sources, and its own."""
    names = [name for name in (RUN, CYCLES, PARQUET) if (folder / name).exists()]
    content = {**summary, SOURCES: {name: sha256_of(folder, name) for name in names}}
    return {**content, SUM: checksum(content)}


def read_summary(path: Path) -> dict[str, Any]:
    """Read a summary.json, an older one in the form of today's as far as it says so much.

    Raises:
        MeasurementError: it is damaged.
        UsageError: there is none, or it is of another version.
    """
    try:
        summary = parsed(path)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such file") from error
    except (OSError, ValueError) as error:
        raise MeasurementError(f"{path}: cannot be read: {error}; {_ANEW}") from error
    check_version(path, summary)
    if not isinstance(summary.get("conditions"), list) or not isinstance(summary.get("rows"), list):
        raise MeasurementError(f"{path}: holds no conditions or rows, so it is damaged; {_ANEW}")
    if SUM in summary and summary[SUM] != checksum(summary):
        raise MeasurementError(
            f"{path}: {SUM}: it is not that of the other values, so it was damaged or changed "
            f"since a run wrote it; {_ANEW}"
        )
    return {**summary, "conditions": [_assumed(entry) for entry in summary["conditions"]]}


def _assumed(condition: Any) -> Any:
    """Put what an older run took for granted under the assumption's name.

    Its curve by strata, and the bounds of its shares, hold only if the same faults always end
    alike; those that hold in any case nobody computed.
    """
    strata = condition.get("strata")
    if not strata or CONDITIONAL in strata or not strata.get("steady"):
        return condition
    taken = {key: strata.get(key) for key in ("curve", "at_rate", "frontier")}
    nothing: dict[str, Any] = {"curve": [], "at_rate": None, "frontier": None}
    conditional = {"assumed": IF_ALIKE, **taken}
    shares = {
        key: {**value, "lower": None, "upper": None}
        for key, value in condition.items()
        if isinstance(value, dict) and str(value.get("method")).startswith("stratified")
    }
    return {**condition, **shares, "strata": {**strata, **nothing, CONDITIONAL: conditional}}


def fresh(folder: Path) -> dict[str, Any] | None:
    """Return the summary stored in ``folder`` unless it was made from other files than these.

    None also where there is none. MeasurementError when it is damaged, or was made from another
    run.json and no cycles are there to compute it anew.
    """
    path = folder / SUMMARY
    if not path.exists():
        return None
    summary = read_summary(path)
    cycles = next((name for name in (CYCLES, PARQUET) if (folder / name).exists()), None)
    sources = summary.get(SOURCES)
    if not isinstance(sources, dict):
        believed = cycles is None or (cycles == PARQUET and _as_many(folder, summary))
        return summary if believed else None
    if all(_is(folder, name, sources) for name in (RUN, cycles) if name):
        return summary
    if cycles is None:
        raise MeasurementError(
            f"{folder / RUN}: is not the one that {SUMMARY} was made from, and there are no "
            "cycles to compute it anew; take both from where they were published"
        )
    return None


def stored_or_anew(
    folder: Path,
    is_whole: Callable[[Mapping[str, Any]], bool],
    summarise: Callable[[Path], dict[str, Any]],
) -> Stored:
    """Return what is stored, computed anew where there is no summary or it lacks some part.

    Of a run that was published without its cycles, what its summary says is all there is.

    Args:
        folder: of the run.
        is_whole: says of a summary whether it has the parts that are needed.
        summarise: computes one from the run in a folder.

    Raises:
        UsageError: there is no run, or a shard of one, which is judged once it is merged.
    """
    run = read_run(folder)
    refuse_to_judge(folder, run)
    found = fresh(folder)
    if found is not None and is_whole(found):
        return Stored(found, run)
    try:
        anew = summarise(folder)
    except UsageError:
        if found is None:
            raise
        return Stored(found, run)
    return Stored(anew | {"stories": anew["stories"] or (found or {}).get("stories") or []}, run)


def made_from(folder: Path, *names: str) -> bool:
    """Whether the summary in ``folder`` was made with exactly these files as they are now."""
    if not all((folder / name).exists() for name in (SUMMARY, *names)):
        return False
    try:
        sources = read_summary(folder / SUMMARY).get(SOURCES)
    except MeasurementError:
        return False
    return isinstance(sources, dict) and all(_is(folder, name, sources) for name in names)


def sha256_of(folder: Path, name: str) -> str:
    """Return the SHA-256 of a file in hex; of a database with what its -wal holds."""
    with (folder / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    log = folder / f"{name}-wal"
    if log.exists():
        digest.update(log.read_bytes())
    return digest.hexdigest()


def _is(folder: Path, name: str, sources: Mapping[str, Any]) -> bool:
    return sources.get(name) == sha256_of(folder, name)


def _as_many(folder: Path, summary: Mapping[str, Any]) -> bool:
    """Whether an older run's summary counts as many cycles as there are."""
    from harness.results.parquet import CyclesFile  # noqa: PLC0415 - slow to import

    conditions = {condition["name"]: condition["cycles"] for condition in summary["conditions"]}
    file = CyclesFile(folder / PARQUET, list(conditions))
    try:
        return file.counts() == {name: count for name, count in conditions.items() if count}
    finally:
        file.close()
