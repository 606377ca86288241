"""Evaluate one row of the claims table: what was measured, its interval, the verdict and why.

A row asks for a *measure* of a *condition*. A measure says which cycles count and which of them
failed; everything else is the same for all: the share with its Clopper-Pearson interval, and the
sequential verdict in order of cycle number. What was not measured, a harness error, a fault that
never fired or a missing cycle can only take a `supported` away, never give one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.measures import MEASURES, Evidence, NotMeasured, Row, Trials, counted
from harness.statistics.digits import percent, percent_interval
from harness.statistics.intervals import Interval, clopper_pearson
from harness.statistics.sequential import decide

__all__ = ["MEASURES", "VERDICTS", "Evidence", "Judged", "Trials", "evaluate", "judge"]

VERDICTS = ("supported", "refuted", "undecided", "set point", "not measured")


@dataclass(frozen=True, slots=True)
class Judged:
    """A share, its interval, and the verdict on a claim that it is at least so much."""

    interval: Interval
    verdict: str
    decided_at: int | None  # the cycle that decided, counted from 1 among those counted
    why: str
    doubts: tuple[str, ...] = ()  # what keeps it from being supported; `why` says them too


def evaluate(
    row: Row, evidence: Evidence | None, confidence: float | None = None
) -> dict[str, Any]:
    """Return the evaluated row; ``evidence`` is None where the condition did not run.

    ``confidence`` is that of the verdict where it is one of several that are to hold together,
    and that of the interval when left out.

    The keys are those of the claims table in summary.json: claim, claimed, condition, measure,
    measured, estimate, lower, upper (shares, None where nothing was measured), verdict, why.
    """
    kept = {key: str(row.get(key) or "") for key in ("claim", "claimed", "condition", "measure")}
    nothing = {"measured": "-", "estimate": None, "lower": None, "upper": None}
    measure = MEASURES.get(kept["measure"])
    if not kept["condition"]:
        trials: Trials | NotMeasured = "no condition of this experiment measures it"
    elif evidence is None or not evidence.cycles:
        trials = f"no cycle of condition {kept['condition']!r} was run"
    elif measure is None:
        trials = f"no measure is called {kept['measure']!r}; known: {', '.join(MEASURES)}"
    else:
        trials = measure(evidence, row)
    if evidence is None or isinstance(trials, str):
        return kept | nothing | {"verdict": "not measured", "why": str(trials)}
    judged = judge(trials, evidence, row.get("at_least"), confidence)
    if kept["measure"] == "bytes_added":
        judged = _exact_figure(judged, trials)
    if row.get("set_point"):
        judged = _set_point(judged, evidence, row.get("at_least"))
    share = judged.interval
    measured = f"{percent(share.estimate)} {percent_interval(share.lower, share.upper)}"
    return kept | {
        "measured": f"{trials.shown}; {measured}" if trials.shown else measured,
        "estimate": judged.interval.estimate,
        "lower": judged.interval.lower,
        "upper": judged.interval.upper,
        "verdict": judged.verdict,
        "why": "; ".join(filter(None, (judged.why, str(row.get("note") or "")))),
    }


def judge(
    trials: Trials, evidence: Evidence, at_least: float | None, confidence: float | None = None
) -> Judged:
    """Judge the claim that the share of trials that did not fail is ``at_least`` so much.

    A harness error counts as a failure in the share, but refutes nothing: it says nothing about
    the guard.

    Args:
        trials: what the measure counts, in order of cycle number.
        evidence: what else the condition has to say.
        at_least: the share claimed; None where none is.
        confidence: of the verdict; that of the interval (``evidence.confidence``) when left out.

    Raises:
        ValueError: for a claim that is no share from 0 to 1.
    """
    failed = trials.failed[trials.counted]
    number, failures = len(failed), int(failed.sum())
    interval = clopper_pearson(number - failures, number, evidence.confidence)
    said = f"{counted(failures, 'failure')} in {number:,}"
    if trials.refused:
        said += f" ({trials.refused:,} of them refused: no backup, so no test was run)"
    if at_least is None:
        return Judged(interval, "undecided", None, f"{said}; nothing claimed that could be judged")
    real = failed & ~evidence.spoiled[trials.counted]
    if at_least == 1 and real.any():
        return Judged(interval, "refuted", int(np.argmax(real)) + 1, said)
    doubts = [*evidence.doubts(), *trials.doubts]
    unbroken = int(trials.counted[: evidence.unbroken].sum())
    decision = decide(real[:unbroken], float(at_least), confidence or evidence.confidence)
    if decision.verdict == "supported" and not doubts:
        return Judged(interval, "supported", decision.decided_at, _decided(said, decision))
    if decision.verdict == "refuted":
        return Judged(interval, "refuted", decision.decided_at, _decided(said, decision))
    if at_least == 1:
        bound = clopper_pearson(number - failures, number, evidence.confidence, "lower").lower
        said += f": at least {percent(bound, 'ROUND_FLOOR')} ({evidence.confidence:.0%})"
    elif not doubts:
        said += ": too few cycles to decide"
    return Judged(interval, "undecided", None, "; ".join([*doubts, said]), tuple(doubts))


def _decided(said: str, decision: Any) -> str:
    return f"{said}; decided at cycle {decision.decided_at:,}"


def _set_point(judged: Judged, evidence: Evidence, target: float | None) -> Judged:
    """A rate was solved for to get here: where the run landed is no support for any claim."""
    why = "the fault rate was solved for this figure"
    if target is not None and not judged.interval.lower <= target <= judged.interval.upper:
        why = f"the fault rate was solved for {percent(target)}, which the interval misses"
    return Judged(judged.interval, "set point", None, "; ".join([*evidence.doubts(), why]))


def _exact_figure(judged: Judged, trials: Trials) -> Judged:
    """A figure claimed to the byte is refuted when no cycle shows it, and otherwise open."""
    failed = trials.failed[trials.counted]
    if trials.doubts:
        return Judged(judged.interval, "undecided", None, "; ".join(trials.doubts))
    verdict = "refuted" if failed.all() else "undecided"
    why = f"{(~failed).sum():,} of {counted(len(failed), 'cycle')} show exactly this figure"
    return Judged(judged.interval, verdict, None, why)
