"""What cycles with a set number of faults say of any rate: by all of them, and on an assumption."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.reports.words.shares import Shown, number, reliable, share
from harness.statistics import digits
from harness.statistics.digits import sure

ALIKE = "the same, if the same faults always end alike"


def tables(summary: Mapping[str, Any]) -> Iterator[Shown]:
    """Give the curve of each condition that was run by strata, thinned to what people read."""
    for condition in summary["conditions"]:
        strata = condition.get("strata")
        if not strata:
            continue
        conditional = {point["rate"]: point for point in _drawn(assumed(strata))}
        known = {point["rate"]: point for point in _drawn(strata)}
        rates = list(known or conditional)
        rows: list[tuple[str, ...]] = [
            (
                number(rate, "-"),
                *(share(reliable(at.get(rate, {}))) for at in (known, conditional)),
            )
            for rate in rates[:: max(1, len(rates) // 12)]
        ]
        about = " ".join(frontiers(strata))
        if not strata.get("steady", True):
            about = f"{about} Not steady: {strata.get('unsteady')}".strip()
        columns = 3 if conditional else 2
        headings = ("fault rate", "reliability", ALIKE)[:columns]
        title = f"Reliability of {condition['name']}, at any rate"
        rows = [row[:columns] for row in rows]
        yield Shown(title, headings, rows, about, frozenset(headings[:1]))


def frontiers(strata: Mapping[str, Any]) -> list[str]:
    """Say where the target holds by strata: by all cycles, then on the assumption, by its name."""
    said = [_frontier(strata["frontier"])] if strata.get("frontier") else []
    conditional = assumed(strata)
    if conditional.get("frontier"):
        name = f"{conditional['assumed'][:1].upper()}{conditional['assumed'][1:]}"
        said.append(f"{name}: {_frontier(conditional['frontier'])}")
    return said


def beside_brute_force(
    condition: Mapping[str, Any], summary: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str, str]]:
    """Give each measured point of the curves that a condition with strata estimates as well.

    Yields (rate, reliability measured, cycles, reliability by the strata at the same rate, the
    same if the same faults always end alike).
    """
    strata = condition.get("strata") or {}
    drawn = [_drawn(strata), _drawn(assumed(strata))]
    for curve in summary.get("curves") or ():
        for point in curve["points"] if curve.get("stratified") == condition["name"] else ():
            rate = point["x"]
            if not isinstance(rate, int | float) or point.get("reliability") is None:
                continue
            estimated = [_at_rate(known, rate) for known in drawn]
            if any(estimated):
                yield (
                    digits.number(rate),
                    share(point, "reliability"),
                    f"{point.get('cycles') or 0:,}",
                    share(reliable(estimated[0] or {})),
                    share(reliable(estimated[1] or {})),
                )


def assumed(strata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what holds on the assumption that the same faults always end alike; {} for nothing."""
    conditional: Mapping[str, Any] = strata.get("conditional") or {}
    return conditional


def _drawn(strata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the points of a curve by strata at which there is an estimate."""
    return [point for point in strata.get("curve") or () if point["estimate"] is not None]


def _at_rate(known: Sequence[Mapping[str, Any]], rate: float) -> dict[str, float] | None:
    """Read failure probabilities between two points of a curve: straight on scales of logarithms.

    None beyond the curve's ends.
    """
    for low, high in itertools.pairwise(known):
        if low["rate"] <= rate <= high["rate"]:
            part = math.log(rate / low["rate"]) / math.log(high["rate"] / low["rate"])
            return {
                key: _between(low[key], high[key], part) for key in ("estimate", "lower", "upper")
            }
    return None


def _between(low: float, high: float, part: float) -> float:
    if low <= 0 or high <= 0:
        return low + part * (high - low)
    return math.exp((1 - part) * math.log(low) + part * math.log(high))


def _frontier(frontier: Mapping[str, Any]) -> str:
    target = sure(frontier["target"])
    holds, breaks = frontier.get("holds_to"), frontier.get("breaks_from")
    held = f"{target} holds up to a rate of {digits.number(holds)}" if holds is not None else (
        f"no rate shows {target}"
    )  # fmt: skip
    broken = (
        f"is broken from {digits.number(breaks)} on"
        if breaks is not None
        else "no rate tried is shown to break it"
    )
    return f"{held}; {broken} ({sure(frontier.get('confidence', 0.95))} confidence)."
