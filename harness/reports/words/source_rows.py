"""The figures of the source document, in its groups, each with what a run measured of it.

A row of the claims table is put into its group by what it measures, and a reliability by the
policy of its condition; what the run has no row for says so and is not left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.experiment.written.family import is_control
from harness.reports.words.shares import share, stated_share
from harness.reports.words.statements import own_claims
from harness.reports.words.tables import Table, explained, reason

NOT_HERE = "not measured here"
HEADINGS = ("claim", "claimed", "measured", "cycles", "verdict", "why")

# group -> the figures that the source document gives for it
SOURCE: dict[str, tuple[tuple[str, str], ...]] = {
    "Cleanup": (
        ("simple operations", "95%"),
        ("complex operations", "80%"),
        ("network issues", "75%"),
        ("database constraints", "60%"),
    ),
    "Backup and restore": (
        ("file operations", "99%"),
        ("database restore", "98%"),
        ("clean state afterwards", "100%"),
    ),
    "Combined": (("combined hybrid approach", "99.9%"),),
    "Data safety": (("baseline never lost", "100%"),),
    "Backup size and time": (
        ("backup in under 1 s", "< 1 s"),
        ("backup of the same size, 2,691,072 bytes", "same"),
    ),
    "Test data": (("3 bots, 2 integrations, 1 user", "661 bytes"),),
    "Fast path": (("no restore needed", "90 to 95%"),),
    "After the run": (("nothing left behind, no manual step", "100%"),),
}
CONTROLS = "Controls and more"
_BY_MEASURE = {
    "restored_clean": "Backup and restore",
    "data_safety": "Data safety",
    "backup_under_1s": "Backup size and time",
    "backup_same_size": "Backup size and time",
    "bytes_added": "Test data",
    "no_restore": "Fast path",
    "nothing_left_behind": "After the run",
}
_BY_POLICY = {
    "cleanup_only": "Cleanup",
    "restore_only": "Backup and restore",
    "hybrid_trusting": "Combined",
    "hybrid_verified": "Combined",
}


class Group(NamedTuple):
    """One group of figures and the rows that measure them."""

    title: str
    rows: list[Mapping[str, Any]]  # of summary.json
    table: Table


def groups(summary: Mapping[str, Any]) -> list[Group]:
    """Return every group of the source document, then what else the run has rows for."""
    conditions = {condition["name"]: condition for condition in summary["conditions"]}
    by_title: dict[str, list[Mapping[str, Any]]] = {title: [] for title in (*SOURCE, CONTROLS)}
    for row in summary.get("rows") or ():
        by_title[group_of(row, conditions)].append(row)
    made = []
    for title, rows in by_title.items():
        cells = [_row(row, conditions) for row in rows]
        cells = cells or [(*claimed, NOT_HERE, "-", "-", "-") for claimed in SOURCE.get(title, ())]
        about = " ".join(explained(rows))
        table = Table(title, HEADINGS, cells, about, frozenset({"cycles"}))
        made.append(Group(title, rows, table))
    return made


def group_of(row: Mapping[str, Any], conditions: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the title of the group that a row of the claims table belongs to."""
    if row.get("verdict") == "control" or is_control(row):
        return CONTROLS
    if row["measure"] in _BY_MEASURE:
        return _BY_MEASURE[row["measure"]]
    policy = (conditions.get(row["condition"]) or {}).get("policy")
    if row["measure"] == "reliability" and policy in _BY_POLICY:
        return _BY_POLICY[policy]
    first = row["claim"].lower()
    return next((title for title in SOURCE if first.startswith(title.lower())), CONTROLS)


def stated(summary: Mapping[str, Any]) -> Table:
    """Return what the conditions claim themselves, for a run without a claims table."""
    rows = [
        (
            f"{condition['name']}: {claim['claim']}",
            "-",
            stated_share(claim),
            f"{claim['cycles']:,}",
            claim["verdict"],
            reason(claim),
        )
        for condition in summary["conditions"]
        for claim in own_claims(condition)
    ]
    rows += [
        (
            f"{condition['name']}: {condition['claimed']}",
            "-",
            share(condition["reliability"]),
            f"{condition['cycles']:,}",
            condition["verdict"],
            "-",
        )
        for condition in summary["conditions"]
        if condition.get("claims") is None and condition["claimed"]
    ]
    return Table("What this run claims", HEADINGS, rows, figures=frozenset({"cycles"}))


def _row(row: Mapping[str, Any], conditions: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    measured = row["verdict"] != "not measured"
    cycles = (conditions.get(row["condition"]) or {}).get("cycles")
    return (
        row["claim"],
        row["claimed"] or "-",
        row["measured"] if measured else NOT_HERE,
        f"{cycles:,}" if cycles else "-",
        row["verdict"] if measured else "-",
        reason(row),
    )
