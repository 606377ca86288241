"""Claims decided together, what shadow restores say, and the curves: tables and their sentences.

Each is given as (title, headings, rows, sentences, columns that hold figures), which is what a
Table of harness.reports.words.tables is made of. A run that says nothing of them gives none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.reports.words import by_strata
from harness.reports.words.shares import Shown, brackets, number, share, stated_share

INDEPENDENCE = "Do cleanup and restore fail independently?"


def shown(summary: Mapping[str, Any]) -> list[Shown]:
    """Return every table there is something to put into."""
    tables = [_claims(summary), _dependence(summary), *_curves(summary), *by_strata.tables(summary)]
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
        strata = condition.get("strata") or {}
        sentences += [f"{condition['name']}: {said}" for said in by_strata.frontiers(strata)]
    return sentences


def named(curve: Mapping[str, Any]) -> str:
    """Name a curve by its sweep and what tells it from its sisters."""
    series = ", ".join(
        "+".join(map(str, value)) if isinstance(value, list) else str(value)
        for value in (curve.get("series") or {}).values()
    )
    return f"{curve['name']}, {series}" if series else str(curve["name"])


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
    about = " ".join(
        [
            "All claims of a run hold together with the confidence asked for.",
            *brackets(
                stated.get("interval_method") if stated["estimate"] is not None else None
                for condition in summary["conditions"]
                for stated in condition.get("claims") or ()
            ),
        ]
    )
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
    ends = f"[{number(lower, '0')}, {number(upper, 'no limit')}]"
    middle = "-" if estimate is None and not lower else number(estimate, "no limit")
    return f"{middle} {ends}"


def _curves(summary: Mapping[str, Any]) -> Iterator[Shown]:
    """Give a table for each curve, its frontier above it."""
    for curve in summary.get("curves") or ():
        label = curve.get("label") or curve.get("key") or "x"
        rows = [
            (
                number(point["x"], "-") if isinstance(point["x"], int | float) else str(point["x"]),
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
