"""Whether cleanup and restore fail independently: odds ratios, as far as their intervals reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.reports.words.joint_failures import against
from harness.reports.words.shares import share
from harness.reports.words.statements import condition_called
from harness.reports.words.strength import depends

Summaries = Mapping[str, Mapping[str, Any]]

_EACH = "Each interval is at 95%."


def independence(runs: Summaries) -> str:
    """Say of each condition whether cleanup and restore can be told from independent ones."""
    said = [
        f'"{condition["name"]}": '
        f"{depends(found['odds_ratio'], descriptive=found.get('descriptive', False))} "
        f"(measured {share(found['measured'])}, if independent {share(found['predicted'])})."
        for condition in (runs.get("independence") or {}).get("conditions") or ()
        if (found := condition.get("dependence")) and _both_kinds(found["cells"])
    ]
    if not said:
        return ""
    return (
        "The figure is computed as 1 - (1 - 0.95)(1 - 0.98), which takes for granted that cleanup "
        f"and restore fail independently. {' '.join(said)} {_EACH}"
    )


def _both_kinds(cells: Mapping[str, int]) -> bool:
    """Whether there were failures of either kind: a control without them is no answer."""
    return bool(cells["both"] + cells["restore_only"] and cells["both"] + cells["cleanup_only"])


def shared_cause(runs: Summaries) -> str:
    """Compare restores that a failed cleanup needed with those of a run that always restores."""
    summary = runs.get("shared_cause") or {"conditions": []}
    said = []
    for condition in summary["conditions"]:
        counts = condition.get("together") or {}
        always = condition_called(summary, counts.get("compared_with"))
        if always and counts["restores_needed"]:
            said.append(
                f'"{condition["name"]}": {counts["restores_failed"]:,} of the '
                f"{counts['restores_needed']:,} restores needed failed, where "
                f"{counts['expected_both']:,.1f} would if independent; {against(counts, always)}."
            )
    return f"{' '.join([*said, _EACH])}" if said else ""
