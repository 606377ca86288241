"""The verdicts on what is claimed of a condition, as summary.json and `harness check` have them.

All claims of an experiment are one family (`harness.experiment.written.family`), each judged at a
confidence at which all verdicts hold at once, and by one function (`harness.analysis.verdict`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.analysis.measures import Bools, Evidence
from harness.analysis.verdict import confidence_of_side, judge
from harness.errors import UsageError
from harness.experiment.written.claimed import Claim, checked_confidence, own_claims
from harness.experiment.written.family import Family
from harness.experiment.written.kinds import planned_kinds
from harness.guard.policy import POLICIES
from harness.results.columns import Columns
from harness.results.folder import RUN
from harness.results.reading import Results, ledger
from harness.results.settled import fixed_beforehand
from harness.statistics.sequential import UNREACHABLE, refute_boundary, support_boundary

METHOD, STRATIFIED = "truncated-beta mixture e-process", "stratified_chernoff"
FAILURES_MOST = 200  # named of each claim, and as many points of a boundary
BEYOND = 10  # failures more than were seen to which the boundaries go on


def confidence_of(results: Results) -> float:
    """Return the confidence that a stored run asks for; UsageError where there can be none such."""
    try:
        return checked_confidence(results.experiment.get("confidence", 0.95))
    except ValueError as error:
        raise UsageError(f"{results.folder / RUN}: confidence {error}") from None


def evidence_of(
    condition: Mapping[str, Any],
    columns: Columns,
    confidence: float,
    struck: Mapping[str, Mapping[str, int]] | None = None,
    run: Mapping[str, Any] | None = None,
) -> Evidence:
    """Return what a condition has to say.

    Args:
        condition: as run.json has it.
        columns: its cycles, as Results.columns gives them.
        confidence: of the intervals.
        struck: what ``ledger`` counts in these cycles, where that is known already.
        run: run.json, which says whether the number of cycles could depend on what they showed;
            without it they count as fixed beforehand.
    """
    fired = ledger(columns["faults"]) if struck is None else struck
    not_fired = [
        kind
        for kind, must_fire in planned_kinds(condition).items()
        if must_fire and not fired.get(kind, {}).get("fired")
    ]
    return Evidence(
        columns,
        demands=condition.get("demands", "exact"),
        recoveries=condition.get("recoveries") or (),
        size_bytes=(condition.get("workload") or {}).get("size_bytes"),
        not_fired=not_fired,
        not_drawn=[kind for kind in not_fired if not fired.get(kind, {}).get("planned")],
        confidence=confidence,
        over_http=condition.get("connection") == "backend",
        backs_up=_backs_up(condition),
        designed=condition if condition.get("strata") is not None else None,
        fixed=run is None or fixed_beforehand(run, condition, len(columns["cycle"])),
    )


def _backs_up(condition: Mapping[str, Any]) -> bool:
    """Whether the policy of a condition of run.json asks for a backup; unknown ones do."""
    policy = POLICIES.get(str(condition.get("policy")))
    return policy is None or policy.backs_up


def judged_claims(
    condition: Mapping[str, Any],
    evidence: Evidence,
    claimed: Family,
    *,
    path: bool = True,
) -> list[dict[str, Any]]:
    """Judge what is claimed of one condition, by itself and by the rows about it.

    Args:
        condition: as run.json has it.
        evidence: what it has to say.
        claimed: all that the experiment claims.
        path: whether to give what is needed to draw it (a millisecond for each failure).

    Returns:
        An entry of ``claims`` in summary.json for each claim: claim, measure, at_least, at_most,
        limit_ms, own (whether the condition itself claims it, not a row alone), verdict (supported,
        refuted, undecided, not refuted, not measured), decided_at_cycle (from 1, among those that
        count), why, doubts (sentences), failures and cycles (those that count), refused (how many
        of the failures are refusals), estimate, lower and upper (shares, None where nothing was
        measured), interval_confidence and interval_method (see `statistics.intervals`), confidence
        and method (of this verdict), next (a sentence or None), path.
    """
    own = own_claims(condition)
    return [
        _entry(evidence, claim, claimed.each, path) | {"own": claim in own}
        for claim in claimed.claims.get(condition["name"], [])
    ]


def _entry(evidence: Evidence, claim: Claim, each: float, path: bool) -> dict[str, Any]:
    judged = judge(claim, evidence, each)
    designed = evidence.designed is not None
    drawn = path and not designed and claim.shares_error
    known = judged.verdict != "not measured"
    return {
        "claim": str(claim),
        "measure": claim.measure,
        "at_least": claim.at_least,
        "at_most": claim.at_most,
        "limit_ms": claim.limit_ms,
        "verdict": judged.verdict,
        "decided_at_cycle": judged.decided_at,
        "why": judged.why,
        "doubts": list(judged.doubts),
        "failures": int(judged.failed.sum()),
        "refused": judged.refused,
        "cycles": len(judged.failed),
        "estimate": _known(judged.interval.estimate),
        "lower": _known(judged.interval.lower) if known else None,
        "upper": _known(judged.interval.upper) if known else None,
        "interval_confidence": judged.interval.confidence,
        "interval_method": judged.interval.method,
        "confidence": each,
        "method": STRATIFIED if designed else METHOD,
        "next": judged.next,
        "path": _path(judged.real if drawn else judged.real[:0], claim, each, drawn),
    }


def _path(real: Bools, claim: Claim, each: float, drawn: bool) -> dict[str, Any]:
    """Return what draws how the verdict came about: failures by cycle, and both boundaries.

    Of two bounds, the lower one supports no later than the claim, and the upper refutes no later.
    """
    at = np.flatnonzero(real)[:FAILURES_MOST] + 1
    counts = range(min(FAILURES_MOST, len(at) + BEYOND + 1) if drawn else 0)
    sure = confidence_of_side(claim, each)
    support = ((count, support_boundary(count, claim.at_least, sure)) for count in counts)
    refute = ((count, refute_boundary(count, claim.at_least, sure)) for count in counts)
    return {
        "failures_at": [int(cycle) for cycle in at],
        "support_boundary": [[k, cycle] for k, cycle in support if cycle < UNREACHABLE],
        "refute_boundary": [[k, cycle] for k, cycle in refute if 0 < cycle < UNREACHABLE],
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
