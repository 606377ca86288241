"""Evaluate one row of the claims table: what was measured, its interval, the verdict and why.

A row asks for a *measure* of a *condition*. One with a bound is a claim, and has the verdict of
`harness.analysis.verdict` like any other; a set point, a control and a row that claims nothing have
a word of their own in its place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.analysis.judged import VERDICTS as OF_CLAIMS
from harness.analysis.judged import Judged
from harness.analysis.measures import MEASURES, Evidence, Row, trials
from harness.analysis.verdict import interval_of, judge
from harness.experiment.written.claimed import Claim
from harness.experiment.written.family import is_control, row_claim
from harness.statistics.digits import percent, percent_interval
from harness.statistics.intervals import clopper_pearson

__all__ = ["VERDICTS", "evaluate"]

VERDICTS = (*OF_CLAIMS, "set point", "control", "no claim")


def evaluate(row: Row, evidence: Evidence | None, confidence: float = 0.95) -> dict[str, Any]:
    """Return the evaluated row; ``evidence`` is None where the condition did not run.

    ``confidence`` is that of the verdict.

    The keys are those of the claims table in summary.json: claim, claimed, condition, measure,
    at_least, at_most (as the row has them), measured, estimate, lower, upper (shares, None where
    nothing was measured), interval_method (see `statistics.intervals`), verdict, decided_at_cycle,
    confidence (of the verdict; None where none was given), why, next (where it is supported if
    nothing else fails, or None).
    """
    texts = ("claim", "claimed", "condition", "measure")
    kept: dict[str, Any] = {key: str(row.get(key) or "") for key in texts}
    kept |= {key: row.get(key) for key in ("at_least", "at_most")}
    judged = _judged(row, evidence, confidence)
    known = judged.verdict != "not measured"
    share = judged.interval
    measured = f"{percent(share.estimate)} {percent_interval(share.lower, share.upper)}"
    measured = f"{judged.shown}; {measured}" if judged.shown else measured
    why = (judged.why, str(row.get("note") or ""))
    return kept | {
        "measured": measured if known else "-",
        "estimate": share.estimate if known else None,
        "lower": share.lower if known else None,
        "upper": share.upper if known else None,
        "interval_method": share.method if known else None,
        "verdict": judged.verdict,
        "decided_at_cycle": judged.decided_at,
        "confidence": confidence if row_claim(row) is not None and known else None,
        "why": "; ".join(filter(None, why)),
        "next": judged.next,
    }


def _judged(row: Row, evidence: Evidence | None, confidence: float) -> Judged:
    if not row.get("condition"):
        return _unmeasured("no condition of this experiment measures it")
    if evidence is None or not evidence.cycles:
        return _unmeasured(f"no cycle of condition {row['condition']!r} was run")
    if row["measure"] not in MEASURES:
        return _unmeasured(f"no measure is called {row['measure']!r}; known: {', '.join(MEASURES)}")
    claim = row_claim(row)
    if claim is not None:
        return judge(claim, evidence, confidence)
    measured = _share(row, evidence)
    if measured.verdict == "not measured":
        return measured
    if row.get("set_point"):
        return _set_point(measured, evidence, row.get("at_least"))
    if is_control(row) and row.get("at_least") is not None:
        return _control(row, evidence, confidence)
    why = "; ".join([*measured.doubts, "nothing is claimed that could be judged"])
    return replace(measured, verdict="no claim", why=why)


def _share(row: Row, evidence: Evidence) -> Judged:
    """Return what was measured of a row that claims nothing."""
    tried = trials(row["measure"], None, evidence, str(row.get("claimed") or ""))
    if isinstance(tried, str):
        return _unmeasured(tried)
    doubts = (*evidence.doubts(), *tried.doubts)
    return Judged(interval_of(tried, evidence), "no claim", None, "", doubts, shown=tried.shown)


def _unmeasured(why: str) -> Judged:
    return Judged(clopper_pearson(0, 0), "not measured", None, why)


def _set_point(measured: Judged, evidence: Evidence, target: float | None) -> Judged:
    """A rate was solved for to get here: where the run landed is no support for any claim."""
    why = "the fault rate was solved for this figure"
    if target is not None and not measured.interval.lower <= target <= measured.interval.upper:
        why = f"the fault rate was solved for {percent(target)}, which the interval misses"
    return replace(measured, verdict="set point", why="; ".join([*evidence.doubts(), why]))


def _control(row: Row, evidence: Evidence, confidence: float) -> Judged:
    """Say what the verdict would be, which is what a control shows; nobody claims it."""
    claim = Claim(row["measure"], float(row["at_least"]), at_most=row.get("at_most"))
    judged = judge(claim, evidence, confidence)
    why = f"as a claim it would be {judged.verdict}: {judged.why}"
    return replace(judged, verdict="control", decided_at=None, why=why, next=None)
