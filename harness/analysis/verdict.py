"""The one verdict on a claim, which everything that tells of one asks for.

The share with its interval, and the sequential verdict in order of cycle number. The interval is
Clopper-Pearson's where the number of cycles was fixed beforehand; of a condition that ended when it
was decided, or when somebody had seen enough, it is the one that holds wherever a run stops.
What was not measured, a harness error, a fault that never fired or a missing cycle can only take a
`supported` away, never give one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from harness.analysis.judged import GOOD, HARNESS_ERROR, Judged
from harness.analysis.measures import Bools, Evidence, Trials, counted, trials
from harness.experiment.written.claimed import Claim
from harness.statistics.anytime import anytime
from harness.statistics.digits import percent, sure
from harness.statistics.intervals import Interval, clopper_pearson
from harness.statistics.sequential import (
    UNREACHABLE,
    Decision,
    decide,
    log_e_refute,
    log_e_support,
    support_boundary,
)


class Side(NamedTuple):
    """One bound of a claim: a share of at least so much, and what speaks against it."""

    at_least: float
    failed: Bools
    said: str


def judge(claim: Claim, evidence: Evidence, confidence: float) -> Judged:
    """Judge a claim about one condition by its cycles.

    A harness error counts as a failure in the share, but refutes nothing: it says nothing about
    the guard.

    Args:
        claim: about the condition.
        evidence: what its cycles say.
        confidence: of the verdict; the interval has that of the evidence.
    """
    if evidence.cycles and evidence.designed is not None:
        return _by_strata(claim, evidence, confidence)
    tried = trials(claim.measure, claim.limit_ms, evidence, claim.figure)
    if isinstance(tried, str):
        return Judged(clopper_pearson(0, 0, evidence.confidence), "not measured", None, tried)
    failed = tried.failed[tried.counted]
    real = failed & ~evidence.spoiled[tried.counted]
    kept = Judged(
        interval_of(tried, evidence), "undecided", None, "",
        doubts=(*evidence.doubts(), *tried.doubts), shown=tried.shown, refused=tried.refused,
        failed=failed, real=real,
    )  # fmt: skip
    if claim.figure:
        return _of_figure(kept)
    if claim.at_least == 1:
        return _of_all(kept, evidence)
    return _sequential(claim, kept, tried, evidence, confidence)


def interval_of(tried: Trials, evidence: Evidence) -> Interval:
    """Return the share of trials that did not fail with its interval."""
    failed = tried.failed[tried.counted]
    cycles, confidence = len(failed), evidence.confidence
    held = cycles - int(failed.sum())
    if evidence.fixed:
        return clopper_pearson(held, cycles, confidence)
    return anytime(held, cycles, confidence)


def combined(verdicts: Iterable[str]) -> str | None:
    """Return what several verdicts come to; None for none.

    One refuted refutes; all must be supported, or of 100% not refuted; else it is undecided.
    """
    words = set(verdicts)
    if "refuted" in words:
        return "refuted"
    if words <= GOOD:
        return "supported" if "supported" in words else "not refuted" if words else None
    return "undecided"


def of_run(conditions: Iterable[Mapping[str, Any]]) -> str | None:
    """Return what a whole run comes to; None where nothing is claimed.

    ``conditions`` are those of summary.json: doubt about any of them, whether it claims something
    or not, is doubt about the instrument.
    """
    every = list(conditions)
    if any(condition["doubts"] for condition in every):
        return HARNESS_ERROR
    return combined(claim["verdict"] for condition in every for claim in condition["claims"])


def sides(claim: Claim, failed: Bools, real: Bools) -> list[Side]:
    """Return the bounds of a claim.

    Args:
        claim: with one bound or two.
        failed: which of the cycles that count failed.
        real: which of them by no harness error.
    """
    least = Side(claim.at_least, real, f"at least {percent(claim.at_least)}")
    if claim.at_most is None:
        return [least]
    # not to fail is what speaks against a share of at most so much
    return [least, Side(claim.not_failing, ~failed, f"at most {percent(claim.at_most)}")]


def confidence_of_side(claim: Claim, confidence: float) -> float:
    """Return the confidence of each bound: of two, each has half of the claim's error."""
    return confidence if claim.at_most is None else 1 - (1 - confidence) / 2


def settled(decisions: Sequence[Decision]) -> Decision:
    """Return what the decisions on the bounds of a claim come to, in the order of ``sides``."""
    refuted = [decision.decided_at for decision in decisions if decision.verdict == "refuted"]
    if refuted:
        return Decision("refuted", min(at for at in refuted if at is not None))
    supported = [decision.decided_at for decision in decisions if decision.verdict == "supported"]
    if len(supported) == len(decisions):
        return Decision("supported", max(at for at in supported if at is not None))
    return Decision("undecided", None)


def _sequential(
    claim: Claim, kept: Judged, tried: Trials, evidence: Evidence, confidence: float
) -> Judged:
    unbroken = int(tried.counted[: evidence.unbroken].sum())
    bounds = sides(claim, kept.failed, kept.real)
    each = confidence_of_side(claim, confidence)
    decisions = [decide(bound.failed[:unbroken], bound.at_least, each) for bound in bounds]
    decision = settled(decisions)
    said = f"{_failures(kept)}{_each_side(bounds, decisions)}"
    at = f"(at {sure(confidence)})"
    if decision.verdict == "refuted" or (decision.verdict == "supported" and not kept.doubts):
        why = f"{said}; decided at cycle {decision.decided_at:,} {at}"
        return replace(
            kept, verdict=decision.verdict, decided_at=decision.decided_at, why=why, doubts=()
        )
    if kept.doubts:
        return replace(kept, why="; ".join([*kept.doubts, said]))
    if decision.verdict == "undecided" and _sinking(claim, kept):
        said += ", more than claimed"
    why = f"{said}: too few cycles to decide {at}"
    return replace(kept, why=why, next=_next(claim, kept, confidence))


def _of_all(kept: Judged, evidence: Evidence) -> Judged:
    """Judge a claim of 100%: the first failure refutes it, and no number of cycles proves it."""
    if kept.real.any():
        first = int(np.argmax(kept.real)) + 1
        return replace(kept, verdict="refuted", decided_at=first, why=_failures(kept), doubts=())
    said = _failures(kept)
    if kept.doubts:
        return replace(kept, why="; ".join([*kept.doubts, said]))
    cycles, failures = len(kept.failed), int(kept.failed.sum())
    bounded = clopper_pearson if evidence.fixed else anytime
    bound = bounded(cycles - failures, cycles, evidence.confidence, "lower").lower
    why = f"at least {percent(bound, 'ROUND_FLOOR')} ({sure(evidence.confidence)}); {said}"
    return replace(kept, verdict="not refuted", why=why)


def _of_figure(kept: Judged) -> Judged:
    """Judge a figure claimed to the byte: refuted when no cycle shows it."""
    shows = int((~kept.failed).sum())
    why = f"{shows:,} of {counted(len(kept.failed), 'cycle')} show exactly this figure"
    if kept.real.all():
        return replace(kept, verdict="refuted", why=why, doubts=())
    if kept.doubts:
        return replace(kept, why="; ".join([*kept.doubts, why]))
    return replace(kept, verdict="not refuted", why=why)


def _by_strata(claim: Claim, evidence: Evidence, confidence: float) -> Judged:
    """Judge by what the strata say together: the share of designed cycles is no reliability."""
    from harness.analysis import stratified  # noqa: PLC0415 - slow to import

    assert evidence.designed is not None  # noqa: S101 - for the types
    judged = stratified.judge(evidence.designed, evidence.columns, claim, confidence)
    tried = trials(claim.measure, claim.limit_ms, evidence, claim.figure)
    if isinstance(tried, Trials):
        failed = tried.failed[tried.counted]
        real = failed & ~evidence.spoiled[tried.counted]
        judged = replace(judged, failed=failed, real=real, refused=tried.refused)
    doubts = evidence.doubts()
    if judged.verdict != "supported" or not doubts:
        return judged
    why = "; ".join([*doubts, judged.why])
    return replace(judged, verdict="undecided", decided_at=None, why=why, doubts=tuple(doubts))


def _next(claim: Claim, kept: Judged, confidence: float) -> str | None:
    """Say where an open claim is supported if nothing else fails.

    None where it is the likelier end that it is refuted, and of two bounds: failures support one.
    """
    if claim.at_most is not None or _sinking(claim, kept):
        return None
    at = support_boundary(int(kept.real.sum()), claim.at_least, confidence)
    return None if at >= UNREACHABLE else f"supported at cycle {at:,} if nothing else fails"


def _sinking(claim: Claim, kept: Judged) -> bool:
    """Whether an open claim of one bound would in the end be refuted if it goes on like this."""
    failures, cycles = int(kept.real.sum()), len(kept.real)
    if claim.at_most is not None or not cycles:
        return False
    return bool(
        failures / cycles > claim.failing
        or log_e_refute(failures, cycles, claim.at_least)
        > log_e_support(failures, cycles, claim.at_least)
    )


def _failures(kept: Judged) -> str:
    said = f"{counted(int(kept.failed.sum()), 'failure')} in {len(kept.failed):,}"
    if kept.refused:
        said += f" ({kept.refused:,} of them refused: no backup, so no test was run)"
    return said


def _each_side(bounds: Sequence[Side], decisions: Sequence[Decision]) -> str:
    """Say of each of two bounds what was decided of it; "" for one."""
    if len(bounds) == 1:
        return ""
    return "".join(
        f"; {side.said}: {decision.verdict}"
        + (f" at cycle {decision.decided_at:,}" if decision.decided_at else "")
        for side, decision in zip(bounds, decisions, strict=True)
    )
