"""The numbers that AUTOINCREMENT goes on from: a difference for the grade ``exact`` alone."""

from __future__ import annotations

from collections import Counter

from harness.truth.sqlite_pages.file_format.records import Record
from harness.truth.sqlite_pages.findings import Doubts, Findings
from harness.truth.sqlite_pages.matching import by_value
from harness.truth.sqlite_pages.tree_cells import Segment

SEQUENCES = ("table", "sqlite_sequence")


def compare_sequences(segments: list[Segment], findings: Findings, doubts: Doubts) -> None:
    """Note every sequence that is another one; SQLite judges the order of its rows."""
    old = by_value(Counter(payload for segment in segments for _, payload in segment.before))
    new = by_value(Counter(payload for segment in segments for _, payload in segment.now))
    before, now = (
        dict(_sequence(row) for row in old - new),
        dict(_sequence(row) for row in new - old),
    )
    for name in sorted(before.keys() | now.keys()):
        change = f"{before.get(name, 'none')} -> {now.get(name, 'none')}"
        findings.inexact(f"sequence {name}: {change}")
    for segment in segments:
        rowids = [rowid for rowid, _ in segment.now]
        if rowids != sorted(set(rowids)):
            doubts.whole_file = True


def _sequence(record: Record) -> tuple[str, str]:
    """Return a row of sqlite_sequence as its table's name and its number."""
    texts = [
        content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
        for _, content in (*record, ("null", 0), ("null", 0))
    ]
    return texts[0], texts[1]
