"""The verdicts on what is claimed of a condition, as summary.json and `harness check` have them.

Several claims are judged together: each at the confidence of `confidence_each`, so that all
verdicts hold at once with the experiment's. The claims an experiment makes itself count as one
family, over all its conditions. A row of the claims table is judged by itself unless its condition
claims the very same, and a condition that claims nothing itself takes the claim of its row with the
row's own confidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.analysis.claims import Judged, judge
from harness.analysis.columns import Columns, framed
from harness.analysis.measures import Bools, Evidence, Trials, trials
from harness.analysis.results import ledger
from harness.experiment.claimed import Claim, confidence_each, own_claims
from harness.experiment.kinds import planned_kinds
from harness.guard.policy import POLICIES
from harness.statistics.intervals import clopper_pearson
from harness.statistics.sequential import (
    UNREACHABLE,
    log_e_refute,
    log_e_support,
    refute_boundary,
    support_boundary,
)

METHOD, STRATIFIED = "truncated-beta mixture e-process", "stratified_chernoff"
FAILURES_MOST = 200  # named of each claim, and as many points of a boundary
BEYOND = 10  # failures more than were seen to which the boundaries go on


def evidence_of(
    condition: Mapping[str, Any],
    columns: Columns,
    confidence: float,
    struck: Mapping[str, Mapping[str, int]] | None = None,
) -> Evidence:
    """Return what a condition has to say.

    Args:
        condition: as run.json has it.
        columns: its cycles, as Results.columns gives them.
        confidence: of the intervals.
        struck: what ``ledger`` counts in these cycles, where that is known already.
    """
    fired = ledger(columns["faults"]) if struck is None else struck
    return Evidence(
        columns,
        demands=condition.get("demands", "exact"),
        recoveries=condition.get("recoveries") or (),
        size_bytes=(condition.get("workload") or {}).get("size_bytes"),
        not_fired=[
            kind
            for kind, must_fire in planned_kinds(condition).items()
            if must_fire and not fired.get(kind, {}).get("fired")
        ],
        confidence=confidence,
        over_http=condition.get("connection") == "backend",
        backs_up=backs_up(condition),
    )


def backs_up(condition: Mapping[str, Any]) -> bool:
    """Whether the policy of a condition of run.json asks for a backup; unknown ones do."""
    policy = POLICIES.get(str(condition.get("policy")))
    return policy is None or policy.backs_up


def row_claims(condition: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Claim]:
    """Return what the rows of the claims table claim of a condition.

    Only a reliability that cycles can prove counts: no set point, and not 100%.
    """
    mine = [
        float(row["at_least"])
        for row in rows
        if row["condition"] == condition["name"]
        and row.get("measure") == "reliability"
        and not row.get("set_point")
        and row.get("at_least") not in (None, 1)
    ]
    return [Claim("reliability", at_least) for at_least in dict.fromkeys(mine)]


def of_experiment(
    experiment: Mapping[str, Any], confidence: float
) -> dict[str, tuple[list[Claim], float]]:
    """Return by condition what is claimed of it, and the confidence of each of the verdicts.

    Args:
        experiment: as run.json has it.
        confidence: with which all verdicts on the experiment's own claims are to hold.
    """
    conditions = experiment["conditions"]
    own = {one["name"]: own_claims(one) for one in conditions}
    each = confidence_each(confidence, sum(map(len, own.values())))
    rows = experiment.get("rows") or ()
    return {
        one["name"]: (own[one["name"]], each)
        if own[one["name"]]
        else (row_claims(one, rows), confidence)
        for one in conditions
    }


def confidence_of(
    row: Mapping[str, Any], stated: Mapping[str, tuple[list[Claim], float]]
) -> float | None:
    """Return the confidence of a row's verdict where its condition claims the very same.

    One thing cannot be supported in the claims table and undecided in `harness check`. None for
    other rows: they are judged by themselves. ``stated`` is what ``of_experiment`` gives.
    """
    claims, each = stated.get(row["condition"], ([], 0.0))
    same = [
        one
        for one in claims
        if (one.measure, one.at_least, one.limit_ms) == (row["measure"], row.get("at_least"), None)
    ]
    return each if same else None


def judged_claims(
    condition: Mapping[str, Any],
    evidence: Evidence,
    claims: Sequence[Claim],
    confidence_each: float,
    interval_confidence: float,
    *,
    path: bool = True,
) -> list[dict[str, Any]]:
    """Judge what is claimed of one condition.

    Args:
        condition: as run.json has it.
        evidence: what it has to say.
        claims: about it.
        confidence_each: of each verdict.
        interval_confidence: of the interval that stands beside it.
        path: whether to give what is needed to draw it (a millisecond for each failure).

    Returns:
        An entry of ``claims`` in summary.json for each claim: claim, measure, at_least, limit_ms,
        verdict (supported, refuted, undecided, not measured), decided_at_cycle (from 1, among
        those that count), why, doubts (sentences), failures and cycles (those that count),
        refused (how many of the failures are refusals),
        estimate, lower and upper (shares, None where nothing was measured), interval_confidence,
        confidence, method, next (a sentence or None), path.
    """
    evidence = replace(evidence, confidence=interval_confidence)
    return [_entry(condition, evidence, claim, confidence_each, path) for claim in claims]


def _entry(
    condition: Mapping[str, Any], evidence: Evidence, claim: Claim, each: float, path: bool
) -> dict[str, Any]:
    found = trials(claim.measure, claim.limit_ms, evidence)
    failed, real = _failed(found, evidence)
    designed = condition.get("strata") is not None
    if designed and evidence.cycles:
        judged = _by_strata(condition, evidence, claim, each)
    elif isinstance(found, str):
        judged = Judged(_nothing(evidence), "not measured", None, found)
    else:
        judged = judge(found, evidence, claim.at_least, each)
    drawn = path and not designed
    return {
        "claim": str(claim),
        "measure": claim.measure,
        "at_least": claim.at_least,
        "limit_ms": claim.limit_ms,
        "verdict": judged.verdict,
        "decided_at_cycle": judged.decided_at,
        "why": judged.why,
        "doubts": list(judged.doubts),
        "failures": int(failed.sum()),
        "refused": 0 if isinstance(found, str) else found.refused,
        "cycles": len(failed),
        "estimate": _known(judged.interval.estimate),
        "lower": _known(judged.interval.lower) if judged.verdict != "not measured" else None,
        "upper": _known(judged.interval.upper) if judged.verdict != "not measured" else None,
        "interval_confidence": judged.interval.confidence,
        "confidence": each,
        "method": STRATIFIED if designed else METHOD,
        "next": None if designed else _next(judged, real, claim, each),
        "path": _path(real if drawn else real[:0], claim, each, drawn),
    }


def _failed(found: Trials | str, evidence: Evidence) -> tuple[Bools, Bools]:
    """Return which of the cycles that count failed, and which of them by no harness error."""
    if isinstance(found, str):
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    failed = found.failed[found.counted]
    return failed, failed & ~evidence.spoiled[found.counted]


def _by_strata(
    condition: Mapping[str, Any], evidence: Evidence, claim: Claim, each: float
) -> Judged:
    """Judge by what the strata say together: the share of designed cycles is no reliability."""
    if claim.limit_ms is not None:
        why = "cycles with a set number of faults say nothing of how long a usual one takes"
        return Judged(_nothing(evidence), "not measured", None, why)
    from harness.analysis import stratified  # noqa: PLC0415 - with pandas, slow to import

    judged = stratified.judge(
        condition, framed(evidence.columns), claim.measure, claim.at_least, each
    )
    doubts = evidence.doubts()
    if judged.verdict != "supported" or not doubts:
        return judged
    why = "; ".join([*doubts, judged.why])
    return replace(judged, verdict="undecided", decided_at=None, why=why, doubts=tuple(doubts))


def _next(judged: Judged, real: Bools, claim: Claim, each: float) -> str | None:
    """Say where an open claim is supported if nothing else fails, unless it is being refuted."""
    if judged.verdict != "undecided" or judged.doubts:
        return None
    failures, cycles = int(real.sum()), len(real)
    if log_e_refute(failures, cycles, claim.at_least) > log_e_support(
        failures, cycles, claim.at_least
    ):
        return None
    at = support_boundary(failures, claim.at_least, each)
    return None if at >= UNREACHABLE else f"supported at cycle {at:,} if nothing else fails"


def _path(real: Bools, claim: Claim, each: float, drawn: bool) -> dict[str, Any]:
    """Return what draws how the verdict came about: failures by cycle, and both boundaries."""
    at = np.flatnonzero(real)[:FAILURES_MOST] + 1
    counts = range(min(FAILURES_MOST, len(at) + BEYOND + 1) if drawn else 0)
    support = ((count, support_boundary(count, claim.at_least, each)) for count in counts)
    refute = ((count, refute_boundary(count, claim.at_least, each)) for count in counts)
    return {
        "failures_at": [int(cycle) for cycle in at],
        "support_boundary": [[k, cycle] for k, cycle in support if cycle < UNREACHABLE],
        "refute_boundary": [[k, cycle] for k, cycle in refute if 0 < cycle < UNREACHABLE],
    }


def _nothing(evidence: Evidence) -> Any:
    return clopper_pearson(0, 0, evidence.confidence)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
