"""Claims decided together, what shadow restores say, and the curves: tables and their sentences.

Each is given as (title, headings, rows, sentences, columns that hold figures), which is what a
Table of harness.reports.words.tables is made of. A run that says nothing of them gives none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.statistics.digits import percent, percent_interval

INDEPENDENCE = "Do cleanup and restore fail independently?"


class Shown(NamedTuple):
    """What a table is made of, in the order of its fields."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    about: str = ""
    figures: frozenset[str] = frozenset()


def shown(summary: Mapping[str, Any]) -> list[Shown]:
    """Return every table there is something to put into."""
    tables = [_claims(summary), _dependence(summary), *_curves(summary), *_strata(summary)]
    return [table for table in tables if table.rows]


def dependence_sentences(summary: Mapping[str, Any]) -> list[str]:
    """Return what the run says of independence: all conditions together, then each by name."""
    common = summary.get("dependence") or {}
    sentences = [common["sentence"]] if common.get("sentence") else []
    for condition in summary["conditions"]:
        sentence = (condition.get("dependence") or {}).get("sentence")
        if sentence:
            sentences.append(f"{condition['name']}: {sentence}")
    return sentences


def frontier_sentences(summary: Mapping[str, Any]) -> list[str]:
    """Return how far each curve holds and from where it breaks."""
    sentences = []
    for curve in summary.get("curves") or ():
        sentence = (curve.get("frontier") or {}).get("sentence")
        if sentence:
            sentences.append(f"{named(curve)}: {sentence}")
    for condition in summary["conditions"]:
        frontier = (condition.get("strata") or {}).get("frontier")
        if frontier:
            sentences.append(f"{condition['name']}: {_frontier(frontier)}")
    return sentences


def named(curve: Mapping[str, Any]) -> str:
    """Name a curve by its sweep and what tells it from its sisters."""
    series = ", ".join(
        "+".join(map(str, value)) if isinstance(value, list) else str(value)
        for value in (curve.get("series") or {}).values()
    )
    return f"{curve['name']}, {series}" if series else str(curve["name"])


def beside_brute_force(
    condition: Mapping[str, Any], summary: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str]]:
    """Give each measured point of the curves that a condition with strata estimates as well.

    Yields (rate, reliability measured, cycles, reliability by the strata at the same rate).
    """
    estimates = (condition.get("strata") or {}).get("curve") or ()
    known = [at for at in estimates if at["estimate"] is not None]
    for curve in summary.get("curves") or ():
        for point in curve["points"] if curve.get("stratified") == condition["name"] else ():
            rate = point["x"]
            if not isinstance(rate, int | float) or point.get("reliability") is None:
                continue
            estimated = _at_rate(known, rate)
            if estimated is not None:
                yield (
                    f"{rate:.3g}",
                    share(point, "reliability"),
                    f"{point.get('cycles') or 0:,}",
                    share(_reliable(estimated)),
                )


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


def share(measured: Mapping[str, Any], key: str = "estimate") -> str:
    """Return ``99.95% [99.90%, 99.98%]``, or ``-`` where there is no estimate."""
    estimate, lower, upper = (measured.get(name) for name in (key, "lower", "upper"))
    if estimate is None:
        return "-"
    if lower is None or upper is None:
        return percent(estimate)
    return f"{percent(estimate)} {percent_interval(lower, upper)}"


def stated_share(claim: Mapping[str, Any]) -> str:
    """Return what was measured of a claim, as it is written: of ``<=`` the share that failed."""
    rare = "<=" in claim["claim"] and claim.get("limit_ms") is None
    if not rare or claim.get("estimate") is None:
        return share(claim)
    return share(_reliable(claim))


def _claims(summary: Mapping[str, Any]) -> Shown:
    rows = [
        (
            condition["name"],
            stated["claim"],
            stated_share(stated),
            _verdict(stated),
            "; ".join(filter(None, (stated["why"], stated.get("next")))),
        )
        for condition in summary["conditions"]
        for stated in condition.get("claims") or ()
        if stated.get("own", True)  # what rows alone claim stands among the rows
    ]
    about = "All claims of a run hold together with the confidence asked for."
    return Shown(
        "Claims of each condition",
        ("condition", "claim", "measured", "verdict", "why"),
        rows,
        about,
    )


def _verdict(stated: Mapping[str, Any]) -> str:
    at = stated.get("decided_at_cycle")
    return f"{stated['verdict']}{f' at cycle {at:,}' if at else ''}"


def _dependence(summary: Mapping[str, Any]) -> Shown:
    cells = ("both", "cleanup_only", "restore_only", "neither")
    rows = []
    for condition in summary["conditions"]:
        dependence = condition.get("dependence")
        if not dependence:
            continue
        rows.append(
            (
                condition["name"],
                *(f"{dependence['cells'][cell]:,}" for cell in cells),
                _ratio(dependence.get("odds_ratio") or {}),
                share(dependence.get("predicted") or {}),
                share(dependence.get("measured") or {}),
            )
        )
    headings = ("condition", "both failed", "cleanup failed", "restore failed", "neither failed",
                "odds ratio", "if independent", "measured")  # fmt: skip
    about = " ".join(f"{sentence}." for sentence in dependence_sentences(summary))
    title = INDEPENDENCE
    return Shown(title, headings, rows, about, frozenset(headings[1:5]))


def _ratio(ratio: Mapping[str, Any]) -> str:
    """Return ``3.2 [1.1, 9.0]``; an end that is not known is open."""
    if ratio.get("estimate") is None and ratio.get("lower") is None:
        return "-"
    estimate, lower, upper = (ratio.get(key) for key in ("estimate", "lower", "upper"))
    ends = f"[{_number(lower, '0')}, {_number(upper, 'no limit')}]"
    middle = "-" if estimate is None and not lower else _number(estimate, "no limit")
    return f"{middle} {ends}"


def _number(value: float | None, none: str) -> str:
    return none if value is None else f"{value:.3g}"


def _curves(summary: Mapping[str, Any]) -> Iterator[Shown]:
    """Give a table for each curve, its frontier above it."""
    for curve in summary.get("curves") or ():
        label = curve.get("label") or curve.get("key") or "x"
        rows = [
            (
                _number(point["x"], "-")
                if isinstance(point["x"], int | float)
                else str(point["x"]),
                f"{point['cycles']:,}",
                f"{point['failures']:,}",
                share(point, "reliability"),
                _predicted(point),
            )
            for point in curve["points"]
        ]
        headings = (label, "cycles", "failures", "reliability", "if independent")
        about = (curve.get("frontier") or {}).get("sentence") or ""
        figures = frozenset((label, "cycles", "failures"))
        yield Shown(f"Reliability of {named(curve)}", headings, rows, about, figures)


def _predicted(point: Mapping[str, Any]) -> str:
    ends = {end: point.get(f"predicted_{end}") for end in ("lower", "upper")}
    return share({"estimate": point.get("predicted"), **ends})


def _strata(summary: Mapping[str, Any]) -> Iterator[Shown]:
    """Give the curve of each condition that was run by strata, thinned to what people read."""
    for condition in summary["conditions"]:
        strata = condition.get("strata")
        if not strata:
            continue
        points = [point for point in strata["curve"] if point["estimate"] is not None]
        rows = [
            (_number(point["rate"], "-"), share(_reliable(point)))
            for point in points[:: max(1, len(points) // 12)]
        ]
        about = _frontier(strata["frontier"]) if strata.get("frontier") else ""
        if not strata.get("steady", True):
            about = f"{about} Not steady: {strata.get('unsteady')}".strip()
        headings = ("fault rate", "reliability")
        yield Shown(
            f"Reliability of {condition['name']}, at any rate", headings, rows, about,
            frozenset(headings[:1]),
        )  # fmt: skip


def _reliable(failing: Mapping[str, Any]) -> dict[str, float | None]:
    """Turn a failure probability into a reliability, its ends exchanged."""
    ends = {"estimate": "estimate", "lower": "upper", "upper": "lower"}
    return {
        key: None if failing.get(other) is None else 1 - failing[other]
        for key, other in ends.items()
    }


def _frontier(frontier: Mapping[str, Any]) -> str:
    target = percent(frontier["target"])
    holds, breaks = frontier.get("holds_to"), frontier.get("breaks_from")
    held = f"{target} holds up to a rate of {holds:.3g}" if holds is not None else (
        f"no rate shows {target}"
    )  # fmt: skip
    broken = (
        f"is broken from {breaks:.3g} on"
        if breaks is not None
        else "no rate tried is shown to break it"
    )
    return f"{held}; {broken} ({frontier.get('confidence', 0.95):.0%} confidence)."
