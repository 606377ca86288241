"""Whether the figure that is claimed is true: where, what failed, and up to which fault rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.words.answer import TARGET, Setting, headline, listed, settings, where
from harness.reports.words.shares import number
from harness.reports.words.statements import condition_called
from harness.reports.words.strength import became, because, cycles_of, ends, failures
from harness.statistics.digits import percent, sure

Summaries = Mapping[str, Mapping[str, Any]]

# The row that people come for, and the same without verification, in this order.
_MAIN = {
    "combined, verified": "with verification",
    "combined, trusting the report": "where the cleanup's report is trusted",
}
_DEFAULT_CHAIN = "default chain"  # in the name of a claim: as the guard is when nobody sets it
# The set points that the figure is computed from.
_SET = {
    "cleanup, simple operations": "cleanup alone succeeds {} of the time",
    "database restore, one attempt": "one attempt at a restore {}",
}


def is_it_true(runs: Summaries) -> str:
    """Answer in how many settings the figure holds, whether at its own figures, and where else."""
    found = settings(runs.values())
    if not found:
        return ""
    main = [one for claim in _MAIN for one in found if one.row["claim"] == claim]
    main += [one for one in found if _DEFAULT_CHAIN in one.row["claim"]]
    others = where([one for one in found if one not in main])
    least = sure(min(one.row["confidence"] for one in found))
    sentences = (
        headline(found),
        _at_its_own_figures(runs, main),
        f"Elsewhere {others}" if others else "",
        f"(Each verdict is given at {least} or more, so that all of a run hold together.)",
    )
    return " ".join(filter(None, sentences))


def _at_its_own_figures(runs: Summaries, main: Sequence[Setting]) -> str:
    if not main:
        return ""
    set_to = {
        _SET[row["claim"]].format(row["claimed"]): None
        for summary in runs.values()
        for row in summary.get("rows") or ()
        if row["claim"] in _SET and row["verdict"] == "set point"
    }
    at = f"Where {listed(list(set_to))}, " if set_to else "In the main setting "
    said = [
        f"it {became(one.row)} {_MAIN.get(one.row['claim'], f'for {one.name}')} ({because(*one)})"
        for one in main
    ]
    return f"{at}{listed(said)}."


def refusals(runs: Summaries) -> str:
    """Tell what failed because no backup could be had from what ended dirty."""
    failed = [
        one
        for one in settings(runs.values())
        if "refused" in one.condition["outcomes"] and failures(one.condition)
    ]
    alone = [one for one in failed if one.condition["outcomes"]["refused"] == failures(one[1])]
    mixed = [one for one in failed if one not in alone]
    if not any(one.condition["outcomes"]["refused"] for one in failed):
        return ""
    said = (
        "Where no backup can be had the guard refuses: no test is run, and the database is left "
        "alone. That counts as a failure above, and is no dirty end. In "
        f"{len(alone)} of the {len(failed)} settings with any failure each was a refusal"
    )
    if not mixed:
        return f"{said}."
    dirty = "; ".join(f"{one.name}: {ends(one.condition)}" for one in mixed)
    return f"{said}; not in the others: {dirty}."


def data_safety(runs: Summaries) -> str:
    """Say of each row on lost baselines how many there were, and what that does not exclude."""
    said = []
    for summary in runs.values():
        for row in summary.get("rows") or ():
            condition = condition_called(summary, row["condition"])
            if row["measure"] != "data_safety" or row["verdict"] == "not measured" or not condition:
                continue
            lost = condition["outcomes"]["baseline_lost"]
            least = condition["data_safety"]["lower"]
            shown = "" if lost else f", which shows {percent(least)} at least"
            said.append(
                f'"{row["claim"].removeprefix("data safety, ")}": that no baseline is ever lost '
                f"{became(row)} ({lost:,} lost in {cycles_of(condition['cycles'])}{shown})."
            )
    return " ".join(said)


def rates(runs: Summaries) -> str:
    """Say up to which fault rate the figure is shown, and from which it is broken."""
    curves = [
        curve
        for curve in (runs.get("curves") or {}).get("curves") or ()
        if not curve["series"] and (curve["frontier"] or {}).get("target") == TARGET
    ]
    if not curves:
        return ""
    confidence = sure(min(curve["frontier"]["confidence"] for curve in curves))
    said = "; ".join(_frontier(curve) for curve in curves)
    return f"{TARGET:.1%} by fault rate, each curve judged at {confidence}: {said}."


def _frontier(curve: Mapping[str, Any]) -> str:
    holds, breaks = curve["frontier"]["holds_to"], curve["frontier"]["breaks_from"]
    held = "shown nowhere" if holds is None else f"shown up to {number(holds, '')}"
    broken = "broken nowhere" if breaks is None else f"broken from {number(breaks, '')} on"
    return f"{curve['name']}, {held} and {broken}"
