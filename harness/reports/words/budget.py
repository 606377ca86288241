"""What a run says of the budget that its conditions shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sentence(run: Mapping[str, Any]) -> str:
    """Say how much there was, and what it could not decide; "" for a run without a budget."""
    budget = run.get("budget")
    if not budget:
        return ""
    if budget["cycles"] is not None:
        parts = [f"{budget['cycles']:,} cycles that the conditions shared"]
    else:
        parts = [
            f"{budget['seconds']:g} s that the conditions shared",
            "by time: another run of the same seed has the same cycles, but not as many of each",
        ]
    open_ = {
        name: got["needs"]
        for name, got in budget["got"].items()
        if got["end"] == "beyond the budget" and got["needs"]
    }
    if open_:
        each = ", ".join(
            f"{name} (at the soonest {needs:,} more might)" for name, needs in open_.items()
        )
        parts.append(f"not decided within it: {each}")
    return "; ".join(parts)
