"""Whether a claimed figure is true: sentences made from the verdicts of the rows that claim it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.reports.words.strength import became, because

TARGET = 0.999
JUDGED = ("supported", "refuted", "undecided")


class Setting(NamedTuple):
    """A row that claims the figure and the condition that it is measured in."""

    row: Mapping[str, Any]
    condition: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The claim in quotation marks, without what all of them have in common."""
        return f'"{str(self.row["claim"]).removeprefix("combined, ")}"'


def settings(summaries: Iterable[Mapping[str, Any]], target: float = TARGET) -> list[Setting]:
    """Return the rows that claim ``target`` (a share) of the reliability and were judged."""
    found = []
    for summary in summaries:
        conditions = {condition["name"]: condition for condition in summary["conditions"]}
        found += [
            Setting(row, conditions[row["condition"]])
            for row in summary.get("rows") or ()
            if row["measure"] == "reliability"
            and row["at_least"] == target
            and row["verdict"] in JUDGED
            and row["condition"] in conditions
        ]
    return found


def headline(found: Sequence[Setting]) -> str:
    """Return in one sentence in how many settings the figure holds; "" where none was judged."""
    by = _by_verdict(found)
    parts = [f"{became(by[verdict][0].row)} in {len(by[verdict])}" for verdict in JUDGED
             if by[verdict]]  # fmt: skip
    if not parts:
        return ""
    number = f"{len(found)} setting{'' if len(found) == 1 else 's'}"
    return f"{_lead(by)}: of {number} measured, it {listed(parts)}."


def listed(parts: Sequence[str]) -> str:
    """Return "one, two and three"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _lead(by: Mapping[str, Sequence[Setting]]) -> str:
    if by["supported"] and by["refuted"]:
        return "It is no property of the approach, it depends on the setting"
    if by["refuted"]:
        return "Nowhere is it shown to hold"
    if by["supported"]:
        return "Nothing here refutes it"
    return "There are too few cycles to say"


def where(found: Sequence[Setting]) -> str:
    """Return in one sentence where the figure holds and where it does not, and by what count.

    Settings that are not decided are named where nothing else is; "" where none was judged.
    """
    by = _by_verdict(found)
    verdicts = [verdict for verdict in JUDGED[:2] if by[verdict]] or ["undecided"]
    said = [
        f"it {became(by[verdict][0].row)} for "
        + ", ".join(f"{one.name} ({because(*one)})" for one in by[verdict])
        for verdict in verdicts
        if by[verdict]
    ]
    return "; ".join(said) + "." if said else ""


def _by_verdict(found: Sequence[Setting]) -> defaultdict[str, list[Setting]]:
    by: defaultdict[str, list[Setting]] = defaultdict(list)
    for setting in found:
        by[str(setting.row["verdict"])].append(setting)
    return by
