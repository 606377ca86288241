"""The table that names what cleanups left behind though they said that they were fine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.statistics.digits import percent

TITLE = "What the cleanup did not say"
ABOUT = (
    "Said fine: it reported no failure (status 0, nothing raised). Left something all the same: "
    "the database was not its baseline then. Where: seen by the truth where nothing was restored."
)
HEADINGS = ("condition", "cleanup ran", "said fine", "left something all the same", "where")
_MOST = 5  # tables named


def rows(conditions: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a row for each condition whose cleanup is of a project's own and was run."""
    lines: list[tuple[str, ...]] = []
    for condition in conditions:
        counts = condition.get("unsaid")
        if counts is None:
            continue
        left, said = counts["left"], counts["said_fine"]
        lines.append(
            (
                condition["name"],
                f"{counts['ran']:,}",
                f"{said:,}",
                f"{left:,} ({percent(left / said)})" if said else "-",
                _where(counts["tables"], left),
            )
        )
    return lines


def _where(tables: Mapping[str, int], left: int) -> str:
    """Return "shop_customer in 12, shop_order in 3"; "found and restored" where all were."""
    if not tables:
        return "found and restored" if left else "-"
    named = [f"{name} in {count:,}" for name, count in list(tables.items())[:_MOST]]
    more = len(tables) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
