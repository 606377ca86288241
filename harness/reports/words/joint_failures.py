"""The table that says whether cleanup and restore fail together or apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from harness.reports.words.strength import depends, fixed
from harness.statistics.dependence import Table
from harness.statistics.digits import percent
from harness.statistics.odds import odds_ratio

TITLE = "Cleanup and restore: together or apart"
ABOUT = (
    "If independent: how many cycles would fail both ways if a restore failed as often where the "
    "cleanup failed as it does in the condition that restores every time; - where none was run."
)
BY_SHADOWS = (
    " Where cycles were run once more and restored in any case, it is these that say how often a "
    "restore fails."
)
HEADINGS = ("condition", "cleanup failed", "backup refused", "restore needed", "restore failed",
            "both failed", "if independent", "shared cause")  # fmt: skip


def about(conditions: Iterable[Mapping[str, Any]]) -> str:
    """Return what the table is about; of shadows only where there are some."""
    return ABOUT + BY_SHADOWS * any(_by_shadows(condition) is not None for condition in conditions)


def rows(conditions: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return the rows, for conditions with both a cleanup and a recovery that were run."""
    written: list[tuple[str, ...]] = []
    for condition in conditions:
        counts = condition.get("together")
        if counts is None or condition["cycles"] <= counts["harness_errors"]:
            continue
        sound = condition["cycles"] - counts["harness_errors"]
        needed = counts["restores_needed"]
        expected = _by_shadows(condition)
        if expected is None:
            expected = counts["expected_both"]
        written.append(
            (
                condition["name"],
                _of(counts["cleanup_only"] + counts["both"], sound),
                f"{counts['recovery_only']:,}",
                f"{needed:,}",
                _of(counts["restores_failed"], needed),
                f"{counts['both']:,}" if needed else "-",
                "-" if expected is None or not needed else f"{expected:,.1f}",
                ", ".join(counts["causes"]) or "-",
            )
        )
    return written


def against(counts: Mapping[str, Any], always: Mapping[str, Any]) -> str:
    """Say whether restores fail more where the cleanup failed than they do altogether.

    Args:
        counts: what ``together`` of a condition holds.
        always: the condition that it is compared with, which restores every time.
    """
    outcomes = always["outcomes"]
    failed = sum(outcomes.get(end, 0) for end in ("dirty_known", "dirty_silent", "baseline_lost"))
    needed, lost = counts["restores_needed"], counts["restores_failed"]
    ratio = odds_ratio(Table(lost, needed - lost, failed, outcomes["restored"]))
    upper = ratio.upper if math.isfinite(ratio.upper) else None
    return depends({"lower": ratio.lower, "upper": upper}, descriptive=not fixed(always))


def _by_shadows(condition: Mapping[str, Any]) -> float | None:
    """How many cycles would fail both ways by the restores forced; None where none was."""
    dependence = condition.get("dependence") or {}
    predicted = (dependence.get("predicted") or {}).get("estimate")
    if predicted is None:
        return None
    return float((1 - predicted) * (sum(dependence["cells"].values()) + dependence["untried"]))


def _of(part: int, whole: int) -> str:
    """Return "3 (1.5%)"; where there was nothing to count, that is no 0."""
    return f"{part:,} ({percent(part / whole)})" if whole else "-"
