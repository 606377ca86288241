"""Do cleanup and recovery fail together or apart? Count it, condition by condition.

Two ways that fail independently would rarely fail in the same cycle; one cause that strikes both
makes them fail together. A backup is only put to the test where a cleanup has failed, so one
condition alone cannot tell: the chance that a restore fails in *any* cycle comes from a condition
that is the same in everything, but restores every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.guard.policy import POLICIES
from harness.outcomes import OUTCOMES
from harness.results.columns import Columns

CELLS = ("neither", "cleanup_only", "recovery_only", "both")
# in a condition to compare with
MAY_DIFFER = ("name", "policy", "cycles", "claims", "story", "shadow", "sweep")

Bools = NDArray[np.bool_]


def pairs(condition: Mapping[str, Any]) -> bool:
    """Whether the condition has both a cleanup and a recovery."""
    policy = POLICIES.get(str(condition.get("policy")))
    cleans = policy is not None and policy.cleans and condition.get("cleanup") != "none"
    return cleans and policy is not None and policy.backs_up


def together(condition: Mapping[str, Any], columns: Columns) -> dict[str, Any] | None:
    """Count the cycles of one condition; None where it has not both a cleanup and a recovery.

    ``columns`` are as Results.columns gives them. Every cycle is in exactly one of
    ``harness_errors`` (outcome harness_error), ``neither``, ``cleanup_only``, ``recovery_only``
    and ``both``, by:

    * a restore was *tried*: restored_by is set, or restore_ms is known. These are
      ``restores_needed``: the guard was told of, or found, something left (or could not look).
    * the *cleanup failed*: it ran and reported a failure (cleanup_ok False), or a restore was
      tried, or it ran, none was tried, and the cycle did not end as ``cleaned``.
    * the *recovery failed*: a restore was tried and the outcome is not ``restored`` (these are
      ``restores_failed``), or no cleanup ran (cleanup_ok None): the backup was refused, so the
      trip was not made. A chain whose second recovery brought the baseline back has not failed.

    So ``recovery_only`` are the backups refused, and ``both`` the restores that failed.
    """
    if not pairs(condition):
        return None
    sound = ~ended(columns, "harness_error")
    needed = tried(columns) & sound
    ran, said_ok = columns["cleanup_ok"] >= 0, columns["cleanup_ok"] == 1
    cleaned = ended(columns, "cleaned")
    cleanup = ((ran & ~said_ok) | needed | (ran & ~needed & ~cleaned)) & sound
    not_restored = needed & ~ended(columns, "restored")
    recovery = (not_restored | (~ran & ~needed)) & sound
    return {
        "neither": int((sound & ~cleanup & ~recovery).sum()),
        "cleanup_only": int((cleanup & ~recovery).sum()),
        "recovery_only": int((recovery & ~cleanup).sum()),
        "both": int((cleanup & recovery).sum()),
        "harness_errors": int((~sound).sum()),
        "restores_needed": int(needed.sum()),
        "restores_failed": int(not_restored.sum()),
        "causes": sorted(condition.get("causes") or {}),
    }


def expected_both(
    condition: Mapping[str, Any],
    counts: Mapping[str, Any],
    conditions: Sequence[Mapping[str, Any]],
    cycles: Mapping[str, Columns],
) -> dict[str, Any]:
    """Return how many cycles would fail both ways if the two failed independently.

    The share of cycles whose cleanup failed, times the share of restores that failed in the
    condition that is the same but restores every time (``compared_with``), times the cycles. Both
    keys are None where there is no such condition, or it never restored.
    """
    total = sum(counts[cell] for cell in CELLS)
    for other in conditions:
        if other.get("policy") != "restore_only" or _essence(other) != _essence(condition):
            continue
        columns = cycles[other["name"]]
        needed = tried(columns) & ~ended(columns, "harness_error")
        if not total or not needed.any():
            continue
        share = float((~ended(columns, "restored")[needed]).mean())
        failed = counts["cleanup_only"] + counts["both"]
        return {"expected_both": failed * share, "compared_with": other["name"]}
    return {"expected_both": None, "compared_with": None}


def tried(columns: Columns) -> Bools:
    """In which cycles a restore was tried, whatever came of it; see ``together``."""
    timed: Bools = np.isfinite(columns["restore_ms"])
    named: Bools = columns["restored_by"].known
    return timed | named


def ended(columns: Columns, outcome: str) -> Bools:
    """Tell the cycles with this outcome."""
    return np.asarray(columns["outcome"] == OUTCOMES.index(outcome), dtype=bool)


def _essence(condition: Mapping[str, Any]) -> dict[str, Any]:
    """What a restore depends on: all but names, the policy, and what causes do in the cleanup."""
    kept = {key: value for key, value in condition.items() if key not in MAY_DIFFER}
    causes = [
        {**cause, "phases": sorted(set(cause.get("phases") or ("restore",)) - {"cleanup"})}
        for cause in (condition.get("causes") or {}).values()
    ]
    return {**kept, "causes": sorted(str(sorted(c.items())) for c in causes if c["phases"])}
