"""What a run claims, as a table: each claim leads to the condition that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.html_parts.anchors import Anchors
from harness.reports.html_parts.markup import fold, table
from harness.reports.words import tables
from harness.reports.words.shares import stated_share
from harness.reports.words.statements import own_claims

TITLE = "Claims"
APART = ("set point", "control")


def claims(summary: Mapping[str, Any], content: tables.Table, known: Anchors) -> str:
    """Return the rows, those that claim nothing apart, and claims that no row says; "" for none.

    Args:
        summary: of the run.
        content: the table of its rows.
        known: where the conditions are.
    """
    verdict = content.headings.index("verdict")
    links = [known.get(row["condition"]) for row in summary["rows"]]
    told = list(zip(content.rows, links, strict=True))
    judged = [one for one in told if one[0][verdict] not in APART]
    apart = [one for one in told if one[0][verdict] in APART]
    parts = [_table(content, judged)] if judged else []
    own = beside_rows(summary)
    if own.rows:
        parts.append(table(own, [known.get(row[0]) for row in own.rows]))
    if apart:
        several = f"{len(apart):,} rows" if len(apart) > 1 else "1 row"
        said = f"Set points and controls, which claim nothing: {several}"
        parts.append(fold(said, _table(content, apart), opened=not parts))
    return "\n".join(parts)


def _table(content: tables.Table, rows: Sequence[tuple[tuple[str, ...], str | None]]) -> str:
    return table(
        tables.Table(content.title, content.headings, [row for row, _ in rows]),
        [link for _, link in rows],
    )


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
