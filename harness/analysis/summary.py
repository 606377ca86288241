"""Compute summary.json and cycles.parquet from a run's stored cycles."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

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
from harness.results.columns import Columns, OfStored
from harness.results.folder import VERSION
from harness.results.reading import LEDGER, OUTCOMES, PARQUET, SUMMARY, TIMINGS, Results, ledger
from harness.results.stored_summary import Stored, read_summary, sealed, stored_or_anew
from harness.statistics.intervals import clopper_pearson
from harness.statistics.timings import Counted, Ordered, in_order, quantiles_of

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
    return _summary(results, _columns(results))


def write(results: Results) -> dict[str, Any]:
    """Write cycles.parquet, then summary.json, each whole or not at all; return the summary.

    MeasurementError when one of them cannot be written.
    """
    columns = _columns(results)
    with _whole(results.folder / PARQUET) as half, ThreadPoolExecutor(1) as beside:
        # a third of the work, and it holds the interpreter for none of it
        writing = beside.submit(parquet.write, half, columns)
        summary = _summary(results, columns)
        writing.result()
    summary = sealed(results.folder, summary)
    with _whole(results.folder / SUMMARY) as half:
        text = json.dumps(summary, indent=1, allow_nan=False, ensure_ascii=False)
        half.write_text(text + "\n", encoding="utf-8")
    return summary


def _columns(results: Results) -> dict[str, Columns]:
    return {
        condition["name"]: results.columns(condition["name"]) for condition in results.conditions
    }


def _summary(results: Results, cycles: Mapping[str, Columns]) -> dict[str, Any]:
    experiment = results.experiment
    confidence = confidence_of(results)
    rows = list(experiment.get("rows", ()))
    claims = family(experiment, confidence)
    known, conditions = {}, []
    for condition in results.conditions:
        name = condition["name"]
        columns = cycles[name]
        struck = ledger(columns["faults"])
        known[name] = evidence_of(condition, columns, confidence, struck, results.run)
        wall_s = (results.run.get("wall_s_by_condition") or {}).get(name)
        conditions.append(
            _condition(condition, known[name], struck, wall_s)
            | _claimed(judged_claims(condition, known[name], claims))
            | {"together": _apart(condition, results.conditions, cycles)}
            | {"unsaid": unsaid(condition, columns)}
            | {"dependence": _dependence(condition, known[name])}
            # of designed cycles not what failed of them
            | shares(condition, columns, confidence)
            | {"strata": _strata(condition, columns, confidence)}
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
            _told(condition, *story, cycles[condition["name"]])
            for condition in results.conditions
            if (story := results.story(condition["name"])) is not None
        ],
    }


def _strata(
    condition: Mapping[str, Any], columns: Columns, confidence: float
) -> dict[str, Any] | None:
    strata = stratified(condition, columns, confidence)
    return None if strata is None else asdict(strata)


def _dependence(condition: Mapping[str, Any], evidence: Evidence) -> dict[str, Any] | None:
    return dependence(condition, evidence.columns, evidence.confidence, fixed=evidence.fixed)


def _apart(
    condition: Mapping[str, Any],
    conditions: list[dict[str, Any]],
    cycles: Mapping[str, Columns],
) -> dict[str, Any] | None:
    counts = together(condition, cycles[condition["name"]])
    return counts and counts | expected_both(condition, counts, conditions, cycles)


def _told(
    condition: Mapping[str, Any], cycle: int, story: dict[str, Any], columns: Columns
) -> dict[str, Any]:
    """Return a story with what stands beside it in the stored cycle."""
    at = int(np.flatnonzero(columns["cycle"] == cycle)[0])
    timings_ms = {phase: _known(columns[f"{phase}_ms"][at]) for phase in TIMINGS}
    return {
        "condition": condition["name"],
        "cycle": cycle,
        "outcome": OUTCOMES[columns["outcome"][at]],
        "demands": condition["demands"],
        "cleanup": condition.get("cleanup"),
        "backup_bytes": int(columns["backup_bytes"][at]),
        "timings_ms": {phase: ms for phase, ms in timings_ms.items() if ms is not None},
        "story": story,
    }


def _condition(
    condition: Mapping[str, Any],
    evidence: Evidence,
    struck: Mapping[str, dict[str, int]],
    wall_s: float | None,
) -> dict[str, Any]:
    """Return one condition's part of summary.json."""
    faults = {kind: dict.fromkeys(LEDGER, 0) for kind in planned_kinds(condition)}
    columns, cycles = evidence.columns, evidence.cycles
    ended = np.bincount(columns["outcome"], minlength=len(OUTCOMES)).tolist()
    return {
        "name": condition["name"],
        "policy": condition.get("policy"),
        "cycles": cycles,
        "outcomes": dict(zip(OUTCOMES, ended, strict=True)),
        "clean": {
            "demands": condition["demands"],
            "rows": int(columns["rows"].sum()),
            "exact": int(columns["exact"].sum()),
        },
        **{measure: _share(evidence, measure) for measure in SHARES},
        **_timed(columns),
        "faults": {**faults, **struck},
        "doubts": evidence.doubts(),
        "cycles_per_second": _rate(columns, wall_s),
        "to_replay": _to_replay(columns),
    }


def _timed(columns: Columns) -> dict[str, Any]:
    """Return how long each step took, and how those times are distributed."""
    ordered = {phase: _in_order(columns, phase) for phase in TIMINGS}
    return {
        "timings_ms": {phase: _quantiles(values) for phase, values in ordered.items()},
        "cpu_ms": {phase: _quantiles(_in_order(columns, f"{phase}_cpu")) for phase in TIMINGS},
        "distributions_ms": distributions(ordered),
    }


def _in_order(columns: Columns, duration: str) -> Ordered:
    """Return how long a step took, in order of size; what is stored in whole numbers is counted."""
    if isinstance(columns, OfStored):
        return Counted(columns.stored[f"{duration}_us"])
    return in_order(columns[f"{duration}_ms"])


def _quantiles(ordered_ms: Ordered) -> dict[str, float | None]:
    return {
        key: int(value) if key == "count" else _known(value)
        for key, value in quantiles_of(ordered_ms).items()
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


def _rate(columns: Columns, wall_s: float | None) -> float | None:
    """Cycles per second of wall time; where that was not kept, of one worker."""
    seconds = wall_s or float(np.nansum(columns["cycle_ms"])) / 1000
    return len(columns["cycle"]) / seconds if seconds > 0 else None


def _to_replay(columns: Columns) -> list[dict[str, Any]]:
    """Name the first cycles of the worst outcomes: what people will want to look at."""
    named: list[dict[str, Any]] = []
    for outcome in TO_REPLAY:
        at = np.flatnonzero(columns["outcome"] == OUTCOMES.index(outcome))
        for place in at[: TO_REPLAY_MOST - len(named)]:
            detail = columns["detail"][place] or ""
            cycle = int(columns["cycle"][place])
            named.append({"cycle": cycle, "outcome": outcome, "detail": detail[:DETAIL_MOST]})
    return named


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
