"""Conditions and rows of summary.json, made small, for tests of the words that follow from them."""

from __future__ import annotations

from typing import Any

from harness.outcomes import OUTCOMES
from harness.statistics.intervals import clopper_pearson
from tests.stored_runs import row


def ended(name: str = "one", policy: str = "hybrid_verified", **outcomes: int) -> dict[str, Any]:
    """Make a condition from how many cycles ended how."""
    cycles = sum(outcomes.values())
    good = outcomes.get("cleaned", 0) + outcomes.get("restored", 0)
    kept = cycles - outcomes.get("baseline_lost", 0)
    return {
        "name": name,
        "policy": policy,
        "cycles": cycles,
        "outcomes": dict.fromkeys(OUTCOMES, 0) | outcomes,
        "reliability": dict(clopper_pearson(good, cycles)._asdict()),
        "data_safety": dict(clopper_pearson(kept, cycles)._asdict()),
        "claims": [],
    }


def judged(claim: str, verdict: str, **values: Any) -> dict[str, Any]:
    """Make a row that claims 99.9% and was judged."""
    usual = {
        "claim": claim, "claimed": "99.9%", "at_least": 0.999, "at_most": None,
        "verdict": verdict, "decided_at_cycle": None, "confidence": 0.95, "next": None,
    }  # fmt: skip
    return row(**usual | values)


def summary(
    conditions: list[dict[str, Any]], rows: list[dict[str, Any]] | None = None, **values: Any
) -> dict[str, Any]:
    """Make a summary of these."""
    return {"version": 1, "experiment": "x", "conditions": conditions, "rows": rows or []} | values
