"""Whether the figure that is claimed is true: where, what failed, and up to which fault rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.reports.words.answer import TARGET, Setting, headline, listed, settings, where
from harness.reports.words.shares import number
from harness.reports.words.statements import condition_called
from harness.reports.words.strength import became, because, counted, cycles_of, ends, failures
from harness.statistics.digits import percent, sure

Summaries = Mapping[str, Mapping[str, Any]]

# The row that people come for, and the same without verification, in this order.
_MAIN = {
    "combined, verified": "with verification",
    "combined, trusting the report": "where the cleanup's report is trusted",
}
_GUARD = "as this guard does it"  # in the name of a claim: with the chain it has by default
# The set points that the figure is computed from.
_SET = {
    "cleanup, simple operations": "cleanup alone succeeds",
    "database restore, one attempt": "one attempt at a restore",
}


def is_it_true(runs: Summaries) -> str:
    """Answer in how many settings it holds, at its own figures, for the guard and elsewhere."""
    found = settings(runs.values())
    if not found:
        return ""
    main = [one for claim in _MAIN for one in found if one.row["claim"] == claim]
    guard = [one for one in found if _GUARD in one.row["claim"]]
    others = where([one for one in found if one not in main and one not in guard])
    least = sure(min(one.row["confidence"] for one in found))
    sentences = (
        headline(found),
        _at_its_own_figures(runs, main),
        f"As this guard does it, {_said(guard, _place)}." if guard else "",
        f"Elsewhere {others}" if others else "",
        f"(Each verdict is given at {least} or more, so that all of a run hold together.)",
    )
    return " ".join(filter(None, sentences))


def in_short(runs: Summaries) -> str:
    """Answer in three sentences: where it holds, as the summary was written, as the guard does it.

    A sentence whose rows were not measured is left out.
    """
    found = settings(runs.values())
    main = [one for claim in _MAIN for one in found if one.row["claim"] == claim]
    guard = [one for one in found if _GUARD in one.row["claim"]]
    sentences = (
        headline(found),
        f"As the summary was written, at its own rates, {_counted(main, _in_main)}."
        if main
        else "",
        f"As this guard does it, {_counted(guard, _place)}." if guard else "",
    )
    return " ".join(filter(None, sentences))


def _counted(found: Sequence[Setting], place: Callable[[Setting], str]) -> str:
    return listed(
        [f"it {became(one.row)} {place(one)} ({counted(one.condition)})" for one in found]
    )


def _in_main(one: Setting) -> str:
    return _MAIN[one.row["claim"]]


def _at_its_own_figures(runs: Summaries, main: Sequence[Setting]) -> str:
    if not main:
        return ""
    set_to: dict[str, str] = {}
    for summary in runs.values():
        for row in summary.get("rows") or ():
            if row["claim"] in _SET and row["verdict"] == "set point":
                said = f"{_SET[row['claim']]} in {row['claimed']} (measured {row['measured']})"
                set_to.setdefault(row["claim"], said)
    rates = listed([set_to[claim] for claim in _SET if claim in set_to])
    at = f"With rates solved for so that {rates}, " if rates else "In the main setting "
    return f"{at}{_said(main, _in_main)}."


def _said(found: Sequence[Setting], place: Callable[[Setting], str]) -> str:
    return listed([f"it {became(one.row)} {place(one)} ({because(*one)})" for one in found])


def _place(one: Setting) -> str:
    """Name the setting of a guard by what else its claim says."""
    parts = [part for part in one.name.strip('"').split(", ") if part != _GUARD]
    return f'for "{", ".join(parts)}"' if parts else "at the same rates"


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
