"""How the cycles of each policy ended, counted; controls and what was solved to fail apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from harness.experiment.written.family import is_control
from harness.reports.words.statements import own_claims

POLICIES = {
    "cleanup_only": "never restores",
    "restore_only": "restores every time",
    "hybrid_trusting": "restores where the cleanup reports a failure",
    "hybrid_verified": "restores where verification finds a difference",
}
CONTROLS, SET_POINTS, BY_NUMBER = "controls", "set points", "by number of faults"
_APART = {
    CONTROLS: "show that the instrument sees what it must",
    SET_POINTS: "their fault rates were solved for, so that they fail as often as is claimed",
    BY_NUMBER: "cycles with a set number of faults each, so their counts are no shares",
}


class Tally(NamedTuple):
    """The cycles of some conditions, counted by how they ended."""

    name: str  # a policy, or what stands apart
    about: str
    conditions: int
    cycles: int
    outcomes: Mapping[str, int]
    apart: bool = False


def tallies(summary: Mapping[str, Any]) -> list[Tally]:
    """Return a tally for each policy that ran, then what must not be counted with them."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for row in summary.get("rows") or ():
        rows.setdefault(row["condition"], []).append(row)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for condition in summary["conditions"]:
        if condition["cycles"]:
            name = _group(condition, rows.get(condition["name"], ()))
            groups.setdefault(name, []).append(condition)
    order = [*POLICIES, *sorted(groups.keys() - POLICIES.keys() - _APART.keys()), *_APART]
    return [_tally(name, groups[name]) for name in order if name in groups]


def _group(condition: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> str:
    if condition.get("strata"):
        return BY_NUMBER
    claims = bool(own_claims(condition)) or any(row.get("claim_number") is not None for row in rows)
    if not claims:
        if any(is_control(row) for row in rows):
            return CONTROLS
        if any(row["verdict"] == "set point" for row in rows):
            return SET_POINTS
    return str(condition.get("policy") or "no policy")


def _tally(name: str, conditions: list[Mapping[str, Any]]) -> Tally:
    ended: Counter[str] = Counter()
    for condition in conditions:
        ended.update(condition["outcomes"])
    cycles = sum(condition["cycles"] for condition in conditions)
    about = POLICIES.get(name) or _APART.get(name, "")
    return Tally(name, about, len(conditions), cycles, ended, apart=name in _APART)
