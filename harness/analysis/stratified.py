"""The failure probability at any fault rate, from cycles with a set number of faults.

What was struck in a cycle follows from its number (`harness.analysis.design`). The enumerated
strata count as exact where every set of all of them was seen to end alike each time; else their
cycles are a sample as any other's, each of the weight of its set. That a set always ends as it was
seen to end is taken for granted by the curve and said with it. A verdict does not take it for
granted: there all cycles are a sample. Where a cycle is missing or the instrument failed there is
no estimate at all: what is missing may be what failed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.design import Design, designed, incomplete
from harness.analysis.judged import Judged
from harness.analysis.measures import Evidence, Trials, trials
from harness.experiment.written.claimed import Claim
from harness.experiment.written.designs import StrataSetting
from harness.statistics.digits import percent, percent_interval, sure
from harness.statistics.intervals import Interval
from harness.statistics.strata import Estimate, Stratum, curve, enumerated, estimate, weighed
from harness.statistics.struck import at_heights, conditional_weights

METHOD = "stratified_chernoff"
TARGET = 0.999  # the reliability whose frontier is given
POINTS = 61  # of the curve
# what designed cycles tell of: which end is all that they have to say
MEASURES = ("reliability", "clean_end", "data_safety", "no_silent_leftover")
SHARES = ("reliability", "clean_end", "data_safety")  # of each condition in summary.json
Bools = NDArray[np.bool_]


def stratified(
    condition: Mapping[str, Any], frame: pd.DataFrame, confidence: float
) -> dict[str, Any] | None:
    """Return the strata and the curve of one condition; None where it has no strata.

    Args:
        condition: as run.json has it.
        frame: its cycles, as Results.cycles gives them.
        confidence: of each interval by itself.

    Returns:
        ``strata`` in summary.json: slots; drawn_at, rates by kind; enumerated, up to how many
        struck slots every set was run; steady and unsteady, whether every set ended alike each
        time and what did not, or why there is no estimate; strata; curve, failure probabilities
        (0..1) by the rate of the slots (of the kind with the highest, where they differ: the odds
        of the others keep their proportions); at_rate, the same at the condition's own; frontier,
        where a reliability of 0.999 holds and from where it is broken.

    Raises:
        MeasurementError: the ledger has other faults than were planned.
    """
    design = designed(condition)
    if design is None:
        return None
    whole: dict[str, Any] = {
        "slots": len(design.kinds),
        "drawn_at": {
            kind: float(rate) for kind, rate in zip(design.kinds, design.rates, strict=True)
        },
        "enumerated": design.numbering.enumerated,
    }
    why = incomplete(design, frame)
    if why:
        unknown = {"rate": design.rate, "estimate": None, "lower": 0.0, "upper": 1.0}
        nothing = {"strata": [], "curve": [], "at_rate": unknown}
        frontier = {"target": TARGET, "holds_to": None, "breaks_from": None}
        return (
            whole
            | {"steady": False, "unsteady": why}
            | nothing
            | {"frontier": frontier | {"confidence": confidence}}
        )
    strata, unsteady = _strata(design, frame, "reliability")
    at = estimate(strata, design.rates, design.rates, confidence)
    return whole | {
        "steady": not unsteady,
        "unsteady": unsteady,
        "strata": [_told(one, len(design.kinds)) for one in strata],
        "curve": _curve(design, strata, confidence),
        "at_rate": {
            "rate": design.rate,
            "estimate": at.estimate,
            "lower": at.lower,
            "upper": at.upper,
        },
        "frontier": _frontier(design, strata, confidence),
    }


def shares(
    condition: Mapping[str, Any], frame: pd.DataFrame, confidence: float
) -> dict[str, dict[str, Any]]:
    """Return the shares of a condition with strata at its own rates; {} where it has none.

    Of designed cycles the share that failed is no probability of anything. Returns SHARES as
    summary.json has them: estimate, lower, upper, confidence, method.
    """
    design = designed(condition)
    if design is None:
        return {}
    why = incomplete(design, frame)
    found = {measure: _share(design, frame, measure, confidence, why)[0] for measure in SHARES}
    return {
        measure: {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in interval._asdict().items()
        }
        for measure, interval in found.items()
    }


def judge(
    condition: Mapping[str, Any], frame: pd.DataFrame, claim: Claim, confidence: float
) -> Judged:
    """Judge a claim about a condition with strata at its own rates.

    Args:
        condition: as run.json has it.
        frame: its cycles.
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
    why = incomplete(design, frame)
    interval, why = _share(design, frame, claim.measure, confidence, why, steady=False)
    if math.isnan(interval.estimate):
        return Judged(interval, "undecided", None, why, (why,))
    at_most = 1.0 if claim.at_most is None else claim.at_most
    verdict = "undecided"
    if claim.at_least <= interval.lower and interval.upper <= at_most:
        verdict = "supported"
    elif interval.upper < claim.at_least or at_most < interval.lower:
        verdict = "refuted"
    said = (
        f"{_bounded(claim, interval)} at the rates of this condition "
        f"(at {sure(confidence)}) even if the same faults may end differently another time; "
        f"{len(frame):,} cycles fixed beforehand, judged once"
    )
    return Judged(interval, verdict, None, "; ".join(filter(None, [said, why])))


def _bounded(claim: Claim, interval: Interval) -> str:
    """Say what is shown, by the bound that decides."""
    if claim.at_most is not None:
        return f"within {percent_interval(interval.lower, interval.upper)}"
    if interval.upper < claim.at_least:
        return f"at most {percent(interval.upper, 'ROUND_CEILING')}"
    return f"at least {percent(interval.lower, 'ROUND_FLOOR')}"


def _share(
    design: Design,
    frame: pd.DataFrame,
    measure: str,
    confidence: float,
    why: str,
    *,
    steady: bool = True,
) -> tuple[Interval, str]:
    """Return the share that does not fail at the condition's own rates, and what to know of it.

    ``why`` says why there can be none, "" where there can.
    """
    if why:
        return Interval(math.nan, 0.0, 1.0, confidence, METHOD), why
    strata, unsteady = _strata(design, frame, measure, steady=steady)
    found: Estimate = estimate(strata, design.rates, design.rates, confidence)
    bounds = (1 - found.estimate, 1 - found.upper, 1 - found.lower)
    return Interval(*bounds, confidence, METHOD), unsteady


def _strata(
    design: Design, frame: pd.DataFrame, measure: str, *, steady: bool = True
) -> tuple[list[Stratum], str]:
    """Return what came of each stratum, and which set did not always end alike ("" for none).

    Where any set of any stratum ended unlike, none counts as exact: what made it do so may do so
    to all. Without ``steady`` none does in any case.
    """
    numbering = design.numbering
    failed = _failed(frame, measure)
    ended = pd.factorize(frame["outcome"])[0]
    ran = failed[: numbering.first_sampled].reshape(-1, numbering.repeats)
    first = ended[: numbering.first_sampled].reshape(ran.shape)
    alike = (first == first[:, :1]).all(axis=1)
    unstruck = design.setting.allocated.get("0", 0)  # they come first of the sampled
    at = numbering.first_sampled + unstruck
    alike[0] &= bool((ended[numbering.first_sampled : at] == ended[0]).all())
    sizes = np.array([len(variant.slots) for variant in numbering.variants])
    said = _unlike(design, alike, sizes)
    exact = steady and not said
    strata = []
    for k in range(numbering.enumerated + 1):
        places = np.flatnonzero(sizes == k)
        strata.append(_enumerated(design, k, places, ran[places], exact=exact))
    if unstruck and not exact:
        count = int(ran[0].sum() + failed[numbering.first_sampled : at].sum())
        strata[0] = Stratum(0, numbering.repeats + unstruck, count)
    for k, cycles in sorted((int(k), n) for k, n in design.setting.allocated.items() if k != "0"):
        strata.append(Stratum(k, cycles, int(failed[at : at + cycles].sum())))
        at += cycles
    return strata, said


def _failed(frame: pd.DataFrame, measure: str) -> Bools:
    """Tell which cycles failed, by the same measure as in any condition; shape (cycles,)."""
    columns = {name: frame[name].to_numpy() for name in ("cycle", "says_clean")}
    found = trials(
        measure, None, Evidence(columns | {"outcome": frame["outcome"].cat.codes.to_numpy()})
    )
    return found.failed if isinstance(found, Trials) else np.zeros(len(frame), dtype=bool)


def _unlike(design: Design, alike: Bools, sizes: NDArray[np.int64]) -> str:
    """Say why no enumerated stratum is exact; "" where nothing speaks against it.

    Where a set ended unlike, though it never failed, more than the set has a say in how it ends:
    that it did not fail this time is then no proof that it never does.
    """
    repeats = design.numbering.repeats
    if repeats == 1:
        return "every set was run once, so nothing shows that it always ends alike"
    unsteady = np.flatnonzero(~alike)
    if not len(unsteady):
        return ""
    first = int(unsteady[0]) * repeats
    if first == 0:
        return "cycles with no fault at all did not always end alike"
    return (
        f"cycles {first} to {first + repeats - 1} had the same faults and ended unlike "
        f"({sizes[unsteady[0]]} struck); so did {len(unsteady):,} of {len(alike):,} such repeats"
    )


def _enumerated(
    design: Design, k: int, places: NDArray[np.int64], ran: Bools, *, exact: bool
) -> Stratum:
    """Return an enumerated stratum.

    Args:
        design: what was planned.
        k: how many slots are struck.
        places: of its variants among all, shape (variants,).
        ran: what failed, shape (variants, repeats).
        exact: whether a set always ends as it did here; else its cycles are a sample.
    """
    weights = conditional_weights(design.rates, k).weights
    variants = [design.numbering.variants[place] for place in places]
    shares = np.array([variant.share for variant in variants])
    changed = [i > 0 and one.slots != variants[i - 1].slots for i, one in enumerate(variants)]
    sets = np.cumsum(changed)  # of each variant, the set that it is of
    if exact:
        failing = np.bincount(sets, weights=shares * ran[:, 0], minlength=len(weights))
        return enumerated(design.rates, k, np.clip(failing, 0, 1))
    repeats = design.numbering.repeats
    return weighed(k, ran.ravel(), np.repeat(weights[sets] * shares / repeats, repeats))


def _told(stratum: Stratum, slots: int) -> dict[str, Any]:
    share = stratum.share
    if share is None:
        share = stratum.failures / stratum.cycles if stratum.cycles else None
    return {
        "k": stratum.k,
        "cycles": stratum.cycles,
        "failures": stratum.failures,
        "exact": stratum.exact,
        "share": share,
        "sets": math.comb(slots, stratum.k),
    }


def _at(design: Design, strata: list[Stratum], rates: Sequence[float], confidence: float) -> Any:
    return curve(strata, at_heights(design.rates, rates), design.rates, confidence)


def _curve(design: Design, strata: list[Stratum], confidence: float) -> list[dict[str, Any]]:
    rates = _grid(design.setting)
    found = _at(design, strata, rates, confidence)
    names = ("rate", "estimate", "lower", "upper", "untested")
    return [
        dict(zip(names, map(float, point), strict=True))
        for point in zip(rates, *found, strict=True)
    ]


def _grid(setting: StrataSetting) -> list[float]:
    ends = setting.lowest_rate, setting.highest_rate
    inner = np.geomspace(*ends, POINTS)[1:-1]
    return [ends[0], *map(float, inner), ends[1]]


def _frontier(design: Design, strata: list[Stratum], confidence: float) -> dict[str, Any]:
    """Find up to where the target holds, and from where it is broken, between the points too."""
    rates = _grid(design.setting)
    found = _at(design, strata, rates, confidence)
    most = 1 - TARGET

    def holds(rate: float) -> bool:
        return bool(_at(design, strata, [rate], confidence).upper[0] <= most)

    def not_broken(rate: float) -> bool:
        return bool(_at(design, strata, [rate], confidence).lower[0] <= most)

    fails, open_ = np.flatnonzero(found.upper > most), np.flatnonzero(found.lower <= most)
    holds_to: float | None = rates[-1]
    if len(fails):
        first = int(fails[0])
        holds_to = None if first == 0 else _last(holds, rates[first - 1], rates[first])[0]
    breaks_from: float | None = rates[0]
    if len(open_):
        last = int(open_[-1])
        end = last == len(rates) - 1
        breaks_from = None if end else _last(not_broken, rates[last], rates[last + 1])[1]
    return {
        "target": TARGET,
        "holds_to": holds_to,
        "breaks_from": breaks_from,
        "confidence": confidence,
    }


def _last(true_at: Callable[[float], bool], low: float, high: float) -> tuple[float, float]:
    """Close in on where something true at ``low`` stops, by halving; (last true, first not)."""
    for _ in range(30):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if true_at(middle) else (low, middle)
    return low, high
