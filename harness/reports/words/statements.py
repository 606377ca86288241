"""Everything a run states of its claims, one by one, for formats that programs read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from harness.reports.words.shares import share, stated_share

SOUND = "the measurement itself"  # what an unsound condition is reported as
ERROR = "harness error"
# A build must not be green because too little was measured; what claims nothing is no test.
TOLD = {
    "supported": "passed",
    "not refuted": "passed",
    "refuted": "failed",
    "undecided": "failed",
    ERROR: "error",
}


class Statement(NamedTuple):
    """One claim about one condition and what became of it."""

    condition: str  # "" for a row that no condition measures
    claim: str
    verdict: str  # of a claim or row, as summary.json has it; or harness error
    measured: str  # figures with their interval; "" where there are none
    why: str
    ahead: str = ""  # what it would take; "" where that is not known
    own: bool = False  # a claim, which a build is judged by: of a condition, or a row with a bound

    def said(self) -> str:
        """Return the whole of it in one line."""
        if self.verdict == "not refuted":
            return "; ".join(filter(None, (f"{self.verdict}: {self.why}", self.measured)))
        return "; ".join(filter(None, (self.verdict, self.measured, self.why, self.ahead)))

    @property
    def told(self) -> str:
        """What it is to a build: passed, failed, error or skipped."""
        if self.verdict == "not measured" and self.own:
            return "failed"  # nobody measured what is claimed
        return TOLD.get(self.verdict, "skipped")


def statements(condition: Mapping[str, Any], summary: Mapping[str, Any]) -> list[Statement]:
    """Return what is stated of one condition: its own claims, then the rows about it.

    A row that is the very claim of its condition is told once, as that claim.
    """
    rows = [row for row in summary.get("rows") or () if row["condition"] == condition["name"]]
    own = list(_own(condition))
    if "claims" not in condition and any(row["measure"] == "reliability" for row in rows):
        own = []  # an older run, where the rows say more of the same
    return [*own, *(_row(row) for row in rows if not is_own(row, condition))]


def is_own(row: Mapping[str, Any], condition: Mapping[str, Any] | None) -> bool:
    """Whether a row of summary.json is a claim that its condition makes itself."""
    number, claims = row.get("claim_number"), (condition or {}).get("claims") or ()
    return number is not None and number < len(claims) and bool(claims[number].get("own", True))


def own_claims(condition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what a condition of summary.json claims itself; what rows alone claim is theirs."""
    return [claim for claim in condition.get("claims") or () if claim.get("own", True)]


def unmeasured(summary: Mapping[str, Any]) -> list[Statement]:
    """Return the rows that no condition of the run measures."""
    known = {condition["name"] for condition in summary["conditions"]}
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


def condition_called(summary: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """Return the condition of summary.json with this name; {} where there is none."""
    return next((one for one in summary["conditions"] if one["name"] == name), {})


def settings_of(run: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the conditions of run.json by name."""
    conditions = (run.get("experiment") or {}).get("conditions") or ()
    return {condition["name"]: condition for condition in conditions}


def _own(condition: Mapping[str, Any]) -> Iterator[Statement]:
    """Give the condition's claims; of an older run what it says of them together."""
    name, claims = condition["name"], condition.get("claims")
    if claims is None and condition.get("claimed"):
        at = condition["decided_at_cycle"]
        why = f"decided at cycle {at:,}" if at else ""
        measured = _figures(condition["reliability"])
        yield Statement(name, condition["claimed"], condition["verdict"], measured, why)
    for claim in own_claims(condition):
        ahead = claim.get("next") or ""
        measured = "" if claim["estimate"] is None else stated_share(claim)
        yield Statement(name, claim["claim"], claim["verdict"], measured, claim["why"], ahead, True)


def _row(row: Mapping[str, Any]) -> Statement:
    figure = f" ({row['claimed']})" if row["claimed"] not in ("", "-") else ""
    measured = "" if row["measured"] == "-" else row["measured"]
    claims = row.get("claim_number") is not None
    return Statement(
        row["condition"], row["claim"] + figure, row["verdict"], measured, row["why"],
        row.get("next") or "", claims,
    )  # fmt: skip


def _figures(measured: Mapping[str, Any]) -> str:
    return "" if measured["estimate"] is None else share(measured)
