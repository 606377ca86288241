"""Everything a run states of its claims, one by one, for formats that programs read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from harness.reports.decided import share, stated_share

SOUND = "the measurement itself"  # what an unsound condition is reported as
ERROR = "harness error"


class Statement(NamedTuple):
    """One claim about one condition and what became of it."""

    condition: str  # "" for a row that no condition measures
    claim: str
    verdict: str  # supported, refuted, undecided, set point, not measured, harness error
    measured: str  # figures with their interval; "" where there are none
    why: str
    ahead: str = ""  # what it would take; "" where that is not known
    own: bool = False  # the condition's own claim, which a build is judged by

    def said(self) -> str:
        """Return the whole of it in one line."""
        return "; ".join(filter(None, (self.verdict, self.measured, self.why, self.ahead)))


def statements(condition: Mapping[str, Any], summary: Mapping[str, Any]) -> list[Statement]:
    """Return what is stated of one condition: its own claims, then the rows about it.

    A row that says of the same measure the same figure and verdict as a claim is that claim.
    """
    own = list(_own(condition))
    said = {
        (one["measure"], f"{100 * one['at_least']:.10g}%", one["verdict"])
        for one in condition.get("claims") or ()
        if one.get("limit_ms") is None
    }
    rows = [row for row in summary.get("rows") or () if row["condition"] == condition["name"]]
    if "claims" not in condition and any(row["measure"] == "reliability" for row in rows):
        own = []  # an older run, where the rows say more of the same
    kept = [row for row in rows if (row["measure"], row["claimed"], row["verdict"]) not in said]
    return [*own, *map(_row, kept)]


def unmeasured(summary: Mapping[str, Any]) -> list[Statement]:
    """Return the rows that no condition of the run measures."""
    known = {one["name"] for one in summary["conditions"]}
    return [_row(row) for row in summary.get("rows") or () if row["condition"] not in known]


def soundness(condition: Mapping[str, Any]) -> Statement:
    """Say whether one condition of summary.json was measured soundly; else it supports nothing."""
    problems = condition.get("doubts")
    if problems is None:  # of an older run
        errors = condition["outcomes"].get("harness_error", 0)
        problems = [f"harness error in {errors:,} cycle{'' if errors == 1 else 's'}"] * bool(errors)
        problems += ["no cycle was run"] * (not condition["cycles"])
    verdict = ERROR if problems else "supported"
    why = "; ".join(problems) or f"{condition['cycles']:,} cycles without a harness error"
    return Statement(condition["name"], SOUND, verdict, "", why)


def settings_of(run: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the conditions of run.json by name."""
    conditions = (run.get("experiment") or {}).get("conditions") or ()
    return {one["name"]: one for one in conditions}


def _own(condition: Mapping[str, Any]) -> Iterator[Statement]:
    """Give the condition's claims; of an older run what it says of them together."""
    name, claims = condition["name"], condition.get("claims")
    if claims is None and condition.get("claimed"):
        at = condition["decided_at_cycle"]
        why = f"decided at cycle {at:,}" if at else ""
        measured = _figures(condition["reliability"])
        yield Statement(name, condition["claimed"], condition["verdict"], measured, why)
    for one in claims or ():
        ahead = one.get("next") or ""
        measured = "" if one["estimate"] is None else stated_share(one)
        yield Statement(name, one["claim"], one["verdict"], measured, one["why"], ahead, True)


def _row(row: Mapping[str, Any]) -> Statement:
    figure = f" ({row['claimed']})" if row["claimed"] not in ("", "-") else ""
    measured = "" if row["measured"] == "-" else row["measured"]
    return Statement(row["condition"], row["claim"] + figure, row["verdict"], measured, row["why"])


def _figures(measured: Mapping[str, Any]) -> str:
    return "" if measured["estimate"] is None else share(measured)
