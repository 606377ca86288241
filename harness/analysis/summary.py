"""Compute summary.json and cycles.parquet from a run's stored cycles."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.analysis.claims import MEASURES, Evidence, Judged, evaluate, judge
from harness.analysis.curves import curves
from harness.analysis.dependence import common, dependence
from harness.analysis.distributions import distributions
from harness.analysis.results import (
    LEDGER,
    OUTCOMES,
    PARQUET,
    SUMMARY,
    TIMINGS,
    Results,
    ledger,
)
from harness.analysis.stratified import stratified
from harness.analysis.together import expected_both, together
from harness.analysis.unsaid import unsaid
from harness.errors import MeasurementError, UsageError
from harness.experiment.settings import planned_kinds
from harness.experiment.store import CYCLES, RUN, read_run
from harness.statistics.intervals import Interval, clopper_pearson
from harness.statistics.timings import quantiles

VERSION = 1
TO_REPLAY = ("baseline_lost", "dirty_silent", "harness_error")  # the worst first
TO_REPLAY_MOST = 5  # cycles named of each condition
DETAIL_MOST = 300  # characters of what went wrong


class Stored(NamedTuple):
    """What reports are made from."""

    summary: dict[str, Any]
    run: dict[str, Any]


def load(folder: Path) -> Stored:
    """Return summary and run.json of ``folder``, computed anew where the stored one is older.

    A published run may have only the two JSON files. UsageError where there is no run.
    """
    folder = Path(folder)
    run = read_run(folder)
    summary = _fresh(folder)
    return Stored(summarise(Results(folder)) if summary is None else summary, run)


def read_summary(path: Path) -> dict[str, Any]:
    """Read a summary.json; UsageError when it cannot be read or is of another version."""
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if not isinstance(summary, dict) or summary.get("version") != VERSION:
        raise UsageError(f"{path}: not written by this version")
    return summary


def summarise(results: Results) -> dict[str, Any]:
    """Compute what summary.json holds, all of it valid JSON (what is not known is None).

    For each condition its counts, shares with intervals, verdict, timings in ms, faults, and what
    the modules beside this one say of it (None where they have nothing to say): whether cleanup
    and recovery failed together (`together`, `dependence`), what a cleanup of the user's own left
    unsaid (`unsaid`), the failure probability at any rate (`stratified`); the curves over what
    was swept (`curves`); the evaluated rows of the claims table; and the story of the first cycle
    of each condition that keeps any.
    """
    return _summary(results, _frames(results))


def write(results: Results) -> dict[str, Any]:
    """Write cycles.parquet, then summary.json, each whole or not at all; return the summary.

    MeasurementError when one of them cannot be written.
    """
    frames = _frames(results)
    summary = _summary(results, frames)
    with _whole(results.folder / PARQUET) as half:
        _write_parquet(half, frames)
    with _whole(results.folder / SUMMARY) as half:
        text = json.dumps(summary, indent=1, allow_nan=False, ensure_ascii=False)
        half.write_text(text + "\n", encoding="utf-8")
    return summary


def _frames(results: Results) -> dict[str, pd.DataFrame]:
    return {one["name"]: results.cycles(one["name"]) for one in results.conditions}


def _summary(results: Results, frames: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    experiment = results.experiment
    confidence = experiment.get("confidence", 0.95)
    rows = list(experiment.get("rows", ()))
    known, conditions = {}, []
    for one in results.conditions:
        name = one["name"]
        struck = ledger(frames[name]["faults"])
        known[name] = _evidence(one, frames[name], struck, confidence)
        wall_s = (results.run.get("wall_s_by_condition") or {}).get(name)
        conditions.append(
            _condition(one, known[name], struck, _claims(one, rows), wall_s)
            | {"together": _apart(one, results.conditions, frames)}
            | {"unsaid": unsaid(one, frames[name])}
            | {"dependence": dependence(one, frames[name], confidence)}
            | {"strata": stratified(one, frames[name], confidence)}
            | {"distributions_ms": distributions(frames[name])}
            | {"sweep": one.get("sweep")}
        )
    return {
        "version": VERSION,
        "experiment": experiment["name"],
        "conditions": conditions,
        "dependence": common(conditions, confidence),
        "curves": curves(results.conditions, conditions, confidence),
        "rows": [evaluate(row, known.get(row["condition"])) for row in rows],
        "stories": [
            _told(one, *found, frames[one["name"]])
            for one in results.conditions
            if (found := results.story(one["name"])) is not None
        ],
    }


def _apart(
    condition: Mapping[str, Any],
    conditions: list[dict[str, Any]],
    frames: Mapping[str, pd.DataFrame],
) -> dict[str, Any] | None:
    counts = together(condition, frames[condition["name"]])
    return counts and counts | expected_both(condition, counts, conditions, frames)


def _told(
    condition: Mapping[str, Any], cycle: int, story: dict[str, Any], frame: pd.DataFrame
) -> dict[str, Any]:
    """Return a story with what stands beside it in the stored cycle."""
    row = frame[frame["cycle"] == cycle].iloc[0]
    timings_ms = {phase: _known(row[f"{phase}_ms"]) for phase in TIMINGS}
    return {
        "condition": condition["name"],
        "cycle": cycle,
        "outcome": str(row["outcome"]),
        "demands": condition["demands"],
        "cleanup": condition.get("cleanup"),
        "backup_bytes": int(row["backup_bytes"]),
        "timings_ms": {phase: ms for phase, ms in timings_ms.items() if ms is not None},
        "story": story,
    }


def _evidence(
    condition: Mapping[str, Any], frame: pd.DataFrame, struck: Mapping[str, Any], confidence: float
) -> Evidence:
    return Evidence(
        frame,
        demands=condition["demands"],
        recoveries=condition.get("recoveries") or (),
        size_bytes=(condition.get("workload") or {}).get("size_bytes"),
        not_fired=[
            kind
            for kind, must_fire in planned_kinds(condition).items()
            if must_fire and not struck.get(kind, {}).get("fired")
        ],
        confidence=confidence,
        over_http=condition.get("connection") == "backend",
    )


def _condition(
    condition: Mapping[str, Any],
    evidence: Evidence,
    struck: Mapping[str, dict[str, int]],
    claims: list[tuple[str, float]],
    wall_s: float | None,
) -> dict[str, Any]:
    """Return one condition's part of summary.json."""
    frame, number = evidence.frame, len(evidence.frame)
    judged = [_judged(evidence, measure, at_least) for measure, at_least in claims]
    faults = {kind: dict.fromkeys(LEDGER, 0) for kind in planned_kinds(condition)}
    verdict, decided_at = _together(judged)
    return {
        "name": condition["name"],
        "policy": condition.get("policy"),
        "cycles": number,
        "outcomes": {outcome: int((frame["outcome"] == outcome).sum()) for outcome in OUTCOMES},
        "clean": {
            "demands": condition["demands"],
            "rows": int(frame["rows"].sum()),
            "exact": int(frame["exact"].sum()),
        },
        "reliability": _share(_judged(evidence, "reliability", None).interval),
        "data_safety": _share(_judged(evidence, "data_safety", None).interval),
        "claimed": " and ".join(f"{measure} >= {least:g}" for measure, least in claims) or None,
        "verdict": verdict,
        "decided_at_cycle": decided_at,
        "timings_ms": {
            phase: {
                key: int(value) if key == "count" else _known(value)
                for key, value in quantiles(frame[f"{phase}_ms"].to_numpy()).items()
            }
            for phase in TIMINGS
        },
        "faults": {**faults, **struck},
        "cycles_per_second": _rate(frame, wall_s),
        "to_replay": _to_replay(frame),
    }


def _claims(condition: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """Return what is claimed of a condition: by itself, else by the rows of the claims table.

    Of the rows only a reliability that cycles can prove counts: no set point, and not 100%.
    """
    own = [text.partition(">=") for text in condition.get("claims") or ()]
    if own:
        return [(measure.strip(), float(at_least)) for measure, _, at_least in own]
    mine = [
        row["at_least"]
        for row in rows
        if row["condition"] == condition["name"]
        and row.get("measure") == "reliability"
        and not row.get("set_point")
        and row.get("at_least") not in (None, 1)
    ]
    return [("reliability", float(at_least)) for at_least in dict.fromkeys(mine)]


def _judged(evidence: Evidence, measure: str, at_least: float | None) -> Judged:
    trials = MEASURES[measure](evidence, {})
    if isinstance(trials, str):
        return Judged(clopper_pearson(0, 0, evidence.confidence), "not measured", None, trials)
    return judge(trials, evidence, at_least)


def _together(judged: list[Judged]) -> tuple[str | None, int | None]:
    """Take several verdicts as one: one refuted refutes, all must be supported to support."""
    if not judged:
        return None, None
    refuted = [one.decided_at or 0 for one in judged if one.verdict == "refuted"]
    if refuted:
        return "refuted", min(refuted)
    if all(one.verdict == "supported" for one in judged):
        return "supported", max(one.decided_at or 0 for one in judged)
    return "undecided", None


def _rate(frame: pd.DataFrame, wall_s: float | None) -> float | None:
    """Cycles per second of wall time; where that was not kept, of one worker."""
    seconds = wall_s or float(np.nansum(frame["cycle_ms"].to_numpy())) / 1000
    return len(frame) / seconds if seconds > 0 else None


def _to_replay(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Name the first cycles of the worst outcomes: what people will want to look at."""
    bad = pd.concat([frame[frame["outcome"] == outcome] for outcome in TO_REPLAY])
    first = bad[["cycle", "outcome", "detail"]].head(TO_REPLAY_MOST)
    return [
        {"cycle": int(cycle), "outcome": str(outcome), "detail": detail[:DETAIL_MOST]}
        for cycle, outcome, detail in first.itertuples(index=False)
    ]


def _share(interval: Interval) -> dict[str, Any]:
    return {
        key: _known(value) if isinstance(value, float) else value
        for key, value in interval._asdict().items()
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _fresh(folder: Path) -> dict[str, Any] | None:
    """Return the stored summary unless something it was made from is newer."""
    path = folder / SUMMARY
    if not path.exists():
        return None
    sources = [folder / RUN, folder / CYCLES, folder / f"{CYCLES}-wal"]
    if (folder / CYCLES).exists() and any(
        source.stat().st_mtime_ns >= path.stat().st_mtime_ns
        for source in sources
        if source.exists()
    ):
        return None
    return read_summary(path)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a path to write to that becomes ``path`` in one step when all went well."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield half
        half.replace(path)
    except OSError as error:
        raise MeasurementError(f"{path}: cannot be written: {error}") from error
    finally:
        half.unlink(missing_ok=True)


def _write_parquet(path: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write all cycles with typed columns, a row group for each condition."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and reading needs none
    from pyarrow import parquet  # noqa: PLC0415 - the same

    word = pa.dictionary(pa.int32(), pa.string())
    whole, yes = ("left_behind", "backup_bytes", "payload_bytes", "grown_bytes"), pa.bool_()
    schema = pa.schema(
        [("condition", word), ("cycle", pa.int64()), ("outcome", word)]
        + [(name, yes) for name in ("rows", "exact", "says_clean", "cleanup_ok", "shadow_ok")]
        + [("restored_by", word)]
        + [(name, pa.int64()) for name in whole]
        + [(f"{phase}_ms", pa.float64()) for phase in TIMINGS]
        + [("faults", pa.string()), ("detail", pa.string())]
    )
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for name, frame in frames.items():
            filled = frame.assign(condition=name, outcome=frame["outcome"].astype(object))
            writer.write_table(pa.Table.from_pandas(filled, schema, preserve_index=False))
