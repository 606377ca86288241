"""The failure probability at any fault rate, from cycles with a set number of faults.

What was struck in a cycle follows from its number (`harness.analysis.design`). All cycles are a
sample: that the same faults ended alike each time they were seen is no proof that they always do,
and where one cycle in 10,000 fails by chance an interval that takes it for one is too short. What
it would be on that assumption stands apart, under its name (`Conditional`). Where a cycle is
missing or the instrument failed there is no estimate at all: what is missing may be what failed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.design import Design, designed, incomplete
from harness.analysis.judged import Judged
from harness.analysis.rate_curve import TARGET, Frontier, Point, rate_curve
from harness.analysis.strata_outcomes import strata_of
from harness.experiment.written.claimed import Claim
from harness.results.columns import Columns
from harness.results.stored_summary import IF_ALIKE
from harness.statistics.digits import percent, percent_interval, sure
from harness.statistics.intervals import Interval
from harness.statistics.strata import Stratum, estimate

METHOD = "stratified_chernoff"
# what designed cycles tell of: which end is all that they have to say
MEASURES = ("reliability", "clean_end", "data_safety", "no_silent_leftover")
SHARES = ("reliability", "clean_end", "data_safety")  # of each condition in summary.json


@dataclass(frozen=True, slots=True)
class StratumShare:
    """What came of the cycles with k struck slots."""

    k: int
    cycles: int
    failures: int
    exact: bool  # whether every set was run, and ended alike each time
    share: float | None  # that failed, by weight (0..1); None where there was no cycle
    sets: int  # of k slots that there are


@dataclass(frozen=True, slots=True)
class AtRate:
    """The failure probability (0..1) at the condition's own rates."""

    rate: float  # of the kind with the highest
    estimate: float | None = None  # None: there can be none
    lower: float = 0.0
    upper: float = 1.0


@dataclass(frozen=True, slots=True)
class Conditional:
    """What holds if the same faults always end alike, as they did each time they were seen."""

    assumed: str  # the assumption, for people
    curve: list[Point]
    at_rate: AtRate
    frontier: Frontier


@dataclass(frozen=True, slots=True)
class Stratified:
    """``strata`` of a condition in summary.json, key by key."""

    slots: int
    drawn_at: dict[str, float]  # rates by kind
    enumerated: int  # up to how many struck slots every set was run
    steady: bool  # whether every set ended alike each time
    unsteady: str  # what did not, or why there is no estimate; "" where steady
    strata: list[StratumShare]
    curve: list[Point]
    at_rate: AtRate
    frontier: Frontier  # where a reliability of 0.999 holds, and from where it is broken
    conditional: Conditional | None  # None where the same faults were seen to end unlike


def stratified(
    condition: Mapping[str, Any], columns: Columns, confidence: float
) -> Stratified | None:
    """Return the strata and the curve of one condition; None where it has no strata.

    Args:
        condition: as run.json has it.
        columns: its cycles, as Results.columns gives them.
        confidence: of each interval by itself.

    Raises:
        MeasurementError: the ledger has other faults than were planned.
    """
    design = designed(condition)
    if design is None:
        return None
    slots, enumerated = len(design.kinds), design.numbering.enumerated
    drawn_at = {kind: float(rate) for kind, rate in zip(design.kinds, design.rates, strict=True)}
    why = incomplete(design, columns)
    if why:
        return Stratified(
            slots,
            drawn_at,
            enumerated,
            steady=False,
            unsteady=why,
            strata=[],
            curve=[],
            at_rate=AtRate(design.rate),
            frontier=Frontier(TARGET, None, None, confidence),
            conditional=None,
        )
    alike, unsteady = strata_of(design, columns, "reliability", steady=True)
    sampled, _ = strata_of(design, columns, "reliability", steady=False)
    drawn = rate_curve(design, sampled, confidence)
    return Stratified(
        slots,
        drawn_at,
        enumerated,
        steady=not unsteady,
        unsteady=unsteady,
        strata=[_share_of(stratum, slots) for stratum in alike],
        curve=drawn.points,
        at_rate=_at_rate(design, sampled, confidence),
        frontier=drawn.frontier,
        conditional=None if unsteady else _conditional(design, alike, confidence),
    )


def _conditional(design: Design, alike: Sequence[Stratum], confidence: float) -> Conditional:
    drawn = rate_curve(design, alike, confidence)
    at_rate = _at_rate(design, alike, confidence)
    return Conditional(IF_ALIKE, drawn.points, at_rate, drawn.frontier)


def _at_rate(design: Design, strata: Sequence[Stratum], confidence: float) -> AtRate:
    own = estimate(strata, design.rates, design.rates, confidence)
    return AtRate(design.rate, own.estimate, own.lower, own.upper)


def _share_of(stratum: Stratum, slots: int) -> StratumShare:
    share = stratum.share
    if share is None:
        share = stratum.failures / stratum.cycles if stratum.cycles else None
    sets = math.comb(slots, stratum.k)
    return StratumShare(stratum.k, stratum.cycles, stratum.failures, stratum.exact, share, sets)


def shares(
    condition: Mapping[str, Any], columns: Columns, confidence: float
) -> dict[str, dict[str, Any]]:
    """Return the shares of a condition with strata at its own rates; {} where it has none.

    Of designed cycles the share that failed is no probability of anything. Returns SHARES as
    summary.json has them: estimate, lower, upper, confidence, method.
    """
    design = designed(condition)
    if design is None:
        return {}
    why = incomplete(design, columns)
    intervals = {
        measure: _share(design, columns, measure, confidence, why)[0] for measure in SHARES
    }
    return {
        measure: {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in interval._asdict().items()
        }
        for measure, interval in intervals.items()
    }


def judge(
    condition: Mapping[str, Any], columns: Columns, claim: Claim, confidence: float
) -> Judged:
    """Judge a claim about a condition with strata at its own rates.

    Args:
        condition: as run.json has it.
        columns: its cycles.
        claim: of one of MEASURES; others are not measured.
        confidence: of the interval, and so of the verdict: each of its bounds has half the error.

    Returns:
        Supported when the interval lies within what is claimed, refuted when it lies outside, by
        bounds that hold also if a set may end one way now and another way then. The cycles are
        judged once, when all have run.
    """
    nothing = Interval(math.nan, 0.0, 1.0, confidence, METHOD)
    design = designed(condition)
    if claim.limit_ms is not None:
        why = "cycles with a set number of faults say nothing of how long a usual one takes"
        return Judged(nothing, "not measured", None, why)
    if claim.measure not in MEASURES:
        known = ", ".join(MEASURES)
        why = f"cycles with a set number of faults say nothing of {claim.measure}, only of {known}"
        return Judged(nothing, "not measured", None, why)
    if design is None:
        return Judged(nothing, "not measured", None, "its strata were never allocated")
    why = incomplete(design, columns)
    interval, why = _share(design, columns, claim.measure, confidence, why)
    if math.isnan(interval.estimate):
        return Judged(interval, "undecided", None, why, (why,))
    at_most = 1.0 if claim.at_most is None else claim.at_most
    verdict = "undecided"
    if claim.at_least <= interval.lower and interval.upper <= at_most:
        verdict = "supported"
    elif interval.upper < claim.at_least or at_most < interval.lower:
        verdict = "refuted"
    shown = (
        f"{_bounded(claim, interval)} at the rates of this condition "
        f"(at {sure(confidence)}) even if the same faults may end differently another time; "
        f"{len(columns['cycle']):,} cycles fixed beforehand, judged once"
    )
    return Judged(interval, verdict, None, "; ".join(filter(None, [shown, why])))


def _bounded(claim: Claim, interval: Interval) -> str:
    """Say what is shown, by the bound that decides."""
    if claim.at_most is not None:
        return f"within {percent_interval(interval.lower, interval.upper)}"
    if interval.upper < claim.at_least:
        return f"at most {percent(interval.upper, 'ROUND_CEILING')}"
    return f"at least {percent(interval.lower, 'ROUND_FLOOR')}"


def _share(
    design: Design, columns: Columns, measure: str, confidence: float, why: str
) -> tuple[Interval, str]:
    """Return the share that does not fail at the condition's own rates, and what to know of it.

    ``why`` says why there can be none, "" where there can.
    """
    if why:
        return Interval(math.nan, 0.0, 1.0, confidence, METHOD), why
    strata, unsteady = strata_of(design, columns, measure, steady=False)
    failing = estimate(strata, design.rates, design.rates, confidence)
    bounds = (1 - failing.estimate, 1 - failing.upper, 1 - failing.lower)
    return Interval(*bounds, confidence, METHOD), unsteady
