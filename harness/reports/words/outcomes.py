"""What each end of a cycle is called, once and for every report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CALLED = {  # the worst last; never added up, for they are not equally bad
    "cleaned": "cleaned",
    "restored": "restored",
    "refused": "refused before any test",
    "dirty_known": "dirty and said so",
    "dirty_silent": "dirty without a word",
    "baseline_lost": "baseline lost",
    "harness_error": "spoiled by the harness",
}
MAY_BE_REFUSED = "dirty or refused, and said so"  # older runs have one word for both
GOOD = ("cleaned", "restored")
BAD = ("dirty_silent", "baseline_lost", "harness_error")  # those that nobody was told of


def tells_refusals(condition: Mapping[str, Any]) -> bool:
    """Whether a run tells refusals from what was left dirty: one from before they had a word."""
    outcomes = condition["outcomes"]
    return "refused" in outcomes or condition.get("policy") == "cleanup_only"


def counts(condition: Mapping[str, Any], *, failed: bool = False) -> str:
    """Return "2 refused before any test, 1 dirty and said so": each kind of end that there was.

    Args:
        condition: of summary.json.
        failed: leave out the cycles that ended well.
    """
    called = CALLED if tells_refusals(condition) else CALLED | {"dirty_known": MAY_BE_REFUSED}
    outcomes: Mapping[str, int] = condition["outcomes"]
    return ", ".join(
        f"{outcomes[end]:,} {said}"
        for end, said in called.items()
        if outcomes.get(end) and not (failed and end in GOOD)
    )
