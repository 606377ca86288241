"""Compute summary.json and cycles.parquet from a run's stored cycles."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.analysis.claims import evaluate
from harness.analysis.curves import curves
from harness.analysis.dependence import common, dependence
from harness.analysis.distributions import distributions
from harness.analysis.judging import confidence_of, evidence_of, judged_claims
from harness.analysis.measures import Evidence, trials
from harness.analysis.silent_cleanups import unsaid
from harness.analysis.stratified import SHARES, shares, stratified
from harness.analysis.together import expected_both, together
from harness.analysis.verdict import combined, interval_of, of_run
from harness.errors import MeasurementError
from harness.experiment.written.family import family
from harness.experiment.written.kinds import planned_kinds
from harness.results import parquet
from harness.results.columns import Columns, framed
from harness.results.folder import VERSION
from harness.results.reading import LEDGER, OUTCOMES, PARQUET, SUMMARY, TIMINGS, Results, ledger
from harness.results.stored_summary import Stored, read_summary, sealed, stored_or_anew
from harness.statistics.intervals import clopper_pearson
from harness.statistics.timings import quantiles

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Stored", "load", "read_summary", "summarise", "write"]

TO_REPLAY = ("baseline_lost", "dirty_silent", "harness_error")  # the worst first
TO_REPLAY_MOST = 5  # cycles named of each condition
DETAIL_MOST = 300  # characters of what went wrong


def load(folder: Path) -> Stored:
    """Return summary and run.json of ``folder``, computed anew where the stored one is older.

    A published run may have only the two JSON files. UsageError where there is no run.
    """
    return stored_or_anew(
        Path(folder),
        _is_whole,
        lambda run: summarise(Results(run)),
    )


def _is_whole(summary: Mapping[str, Any]) -> bool:
    """Whether a summary says what one of today does.

    One without a verdict is from before rows were claims: `check` gives other verdicts than it. A
    curve by strata without its own bounds is from before they stood apart from an assumption's.
    """
    strata = [condition.get("strata") for condition in summary["conditions"]]
    return "verdict" in summary and all(each.get("at_rate") for each in strata if each)


def summarise(results: Results) -> dict[str, Any]:
    """Compute what summary.json holds, all of it valid JSON (what is not known is None).

    For each condition its counts, shares with intervals, verdict, timings in ms (on the wall, and
    what of it the processor computed), faults, and what
    the modules beside this one say of it (None where they have nothing to say): whether cleanup
    and recovery failed together (`together`, `dependence`), what a cleanup of the user's own left
    unsaid (`unsaid`), the failure probability at any rate (`stratified`); the curves over what
    was swept (`curves`); the evaluated rows of the claims table; and the story of the first cycle
    of each condition that keeps any.
    """
    columns = _columns(results)
    return _summary(results, columns, _frames(columns))


def write(results: Results) -> dict[str, Any]:
    """Write cycles.parquet, then summary.json, each whole or not at all; return the summary.

    MeasurementError when one of them cannot be written.
    """
    columns = _columns(results)
    frames = _frames(columns)
    summary = _summary(results, columns, frames)
    with _whole(results.folder / PARQUET) as half:
        parquet.write(half, frames)
    summary = sealed(results.folder, summary)
    with _whole(results.folder / SUMMARY) as half:
        text = json.dumps(summary, indent=1, allow_nan=False, ensure_ascii=False)
        half.write_text(text + "\n", encoding="utf-8")
    return summary


def _columns(results: Results) -> dict[str, Columns]:
    return {
        condition["name"]: results.columns(condition["name"]) for condition in results.conditions
    }


def _frames(columns: Mapping[str, Columns]) -> dict[str, pd.DataFrame]:
    return {name: framed(of_condition) for name, of_condition in columns.items()}


def _summary(
    results: Results, columns: Mapping[str, Columns], frames: Mapping[str, pd.DataFrame]
) -> dict[str, Any]:
    experiment = results.experiment
    confidence = confidence_of(results)
    rows = list(experiment.get("rows", ()))
    claims = family(experiment, confidence)
    known, conditions = {}, []
    for condition in results.conditions:
        name = condition["name"]
        struck = ledger(frames[name]["faults"])
        known[name] = evidence_of(condition, columns[name], confidence, struck, results.run)
        wall_s = (results.run.get("wall_s_by_condition") or {}).get(name)
        conditions.append(
            _condition(condition, known[name], frames[name], struck, wall_s)
            | _claimed(judged_claims(condition, known[name], claims))
            | {"together": _apart(condition, results.conditions, frames)}
            | {"unsaid": unsaid(condition, frames[name])}
            | {"dependence": _dependence(condition, frames[name], known[name])}
            # of designed cycles not what failed of them
            | shares(condition, frames[name], confidence)
            | {"strata": _strata(condition, frames[name], confidence)}
            | {"distributions_ms": distributions(frames[name])}
            | {"sweep": condition.get("sweep")}
        )
    return {
        "version": VERSION,
        "experiment": experiment["name"],
        "verdict": of_run(conditions),
        "conditions": conditions,
        "dependence": common(conditions, confidence),
        "curves": curves(results.conditions, conditions, confidence, results.run),
        "rows": [
            evaluate(row, known.get(row["condition"]), claims.each)
            | {"claim_number": claims.number(row)}
            for row in rows
        ],
        "stories": [
            _told(condition, *story, frames[condition["name"]])
            for condition in results.conditions
            if (story := results.story(condition["name"])) is not None
        ],
    }


def _strata(
    condition: Mapping[str, Any], frame: pd.DataFrame, confidence: float
) -> dict[str, Any] | None:
    strata = stratified(condition, frame, confidence)
    return None if strata is None else asdict(strata)


def _dependence(
    condition: Mapping[str, Any], frame: pd.DataFrame, evidence: Evidence
) -> dict[str, Any] | None:
    return dependence(condition, frame, evidence.confidence, fixed=evidence.fixed)


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


def _condition(
    condition: Mapping[str, Any],
    evidence: Evidence,
    frame: pd.DataFrame,
    struck: Mapping[str, dict[str, int]],
    wall_s: float | None,
) -> dict[str, Any]:
    """Return one condition's part of summary.json."""
    faults = {kind: dict.fromkeys(LEDGER, 0) for kind in planned_kinds(condition)}
    return {
        "name": condition["name"],
        "policy": condition.get("policy"),
        "cycles": len(frame),
        "outcomes": {outcome: int((frame["outcome"] == outcome).sum()) for outcome in OUTCOMES},
        "clean": {
            "demands": condition["demands"],
            "rows": int(frame["rows"].sum()),
            "exact": int(frame["exact"].sum()),
        },
        **{measure: _share(evidence, measure) for measure in SHARES},
        "timings_ms": {phase: _quantiles(frame[f"{phase}_ms"]) for phase in TIMINGS},
        "cpu_ms": {phase: _quantiles(frame[f"{phase}_cpu_ms"]) for phase in TIMINGS},
        "faults": {**faults, **struck},
        "doubts": evidence.doubts(),
        "cycles_per_second": _rate(frame, wall_s),
        "to_replay": _to_replay(frame),
    }


def _quantiles(timings: pd.Series) -> dict[str, float | None]:
    return {
        key: int(value) if key == "count" else _known(value)
        for key, value in quantiles(timings.to_numpy()).items()
    }


def _claimed(claims: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the claims and, as one, their verdicts: one refuted refutes, all must be supported."""
    verdict = combined(claim["verdict"] for claim in claims)
    decided = [claim["decided_at_cycle"] for claim in claims if claim["verdict"] == verdict]
    # what is judged once, when all cycles have run, was decided at none of them
    at = [cycle for cycle in decided if cycle] if verdict in ("supported", "refuted") else []
    pick = min if verdict == "refuted" else max
    return {
        "claimed": " and ".join(claim["claim"] for claim in claims) or None,
        "verdict": verdict,
        "decided_at_cycle": pick(at, default=None),
        "claims": claims,
    }


def _rate(frame: pd.DataFrame, wall_s: float | None) -> float | None:
    """Cycles per second of wall time; where that was not kept, of one worker."""
    seconds = wall_s or float(np.nansum(frame["cycle_ms"].to_numpy())) / 1000
    return len(frame) / seconds if seconds > 0 else None


def _to_replay(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Name the first cycles of the worst outcomes: what people will want to look at."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and who reads a summary needs none

    bad = pd.concat([frame[frame["outcome"] == outcome] for outcome in TO_REPLAY])
    first = bad[["cycle", "outcome", "detail"]].head(TO_REPLAY_MOST)
    return [
        {"cycle": int(cycle), "outcome": str(outcome), "detail": detail[:DETAIL_MOST]}
        for cycle, outcome, detail in first.itertuples(index=False)
    ]


def _share(evidence: Evidence, measure: str) -> dict[str, Any]:
    tried = trials(measure, None, evidence)
    interval = (
        clopper_pearson(0, 0, evidence.confidence)
        if isinstance(tried, str)
        else interval_of(tried, evidence)
    )
    return {
        key: _known(value) if isinstance(value, float) else value
        for key, value in interval._asdict().items()
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


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
