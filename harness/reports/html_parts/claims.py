"""What a run claims, as a table: each claim leads to the condition that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.reports.html_parts.anchors import Anchors
from harness.reports.html_parts.markup import table
from harness.reports.words import tables
from harness.reports.words.shares import stated_share
from harness.reports.words.statements import own_claims

TITLE = "Claims"


def claims(summary: Mapping[str, Any], content: tables.Table, known: Anchors) -> str:
    """Return the rows, then what conditions claim themselves and no row says; "" for none.

    Args:
        summary: of the run.
        content: the table of its rows.
        known: where the conditions are.
    """
    parts = []
    if content.rows:
        parts.append(table(content, [known.get(row["condition"]) for row in summary["rows"]]))
    own = beside_rows(summary)
    if own.rows:
        parts.append(table(own, [known.get(row[0]) for row in own.rows]))
    return "\n".join(parts)


def beside_rows(summary: Mapping[str, Any]) -> tables.Table:
    """Return the claims of conditions that are no row's."""
    told = {(row["condition"], row.get("claim_number")) for row in summary["rows"]}
    rows = [
        (
            condition["name"],
            claim["claim"],
            stated_share(claim),
            claim["verdict"],
            tables.reason(claim),
        )
        for condition in summary["conditions"]
        for number, claim in enumerate(condition.get("claims") or ())
        if claim in own_claims(condition) and (condition["name"], number) not in told
    ]
    headings = ("condition", "claim", "measured", "verdict", "why")
    return tables.Table(TITLE, headings, rows)
