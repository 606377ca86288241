"""A sequence that moved is named with both its numbers."""

from __future__ import annotations

from harness.truth.sqlite_pages.findings import Doubts, Findings
from harness.truth.sqlite_pages.sequences import compare_sequences
from harness.truth.sqlite_pages.tree_cells import Segment


def _row(name: bytes, number: int) -> bytes:
    return bytes([3, 13 + 2 * len(name), 1]) + name + bytes([number])


def _compared(segment: Segment) -> tuple[list[str], Findings, Doubts]:
    findings, doubts = Findings(), Doubts()
    compare_sequences([segment], findings, doubts)
    return findings.sentences, findings, doubts


def test_sequences_are_compared_by_table() -> None:
    """Moved, new and gone; wherever its row lies an equal one is equal."""
    before = [(1, _row(b"a", 1)), (2, _row(b"b", 2)), (3, _row(b"c", 3))]
    now = [(1, _row(b"b", 2)), (2, _row(b"a", 9)), (4, _row(b"d", 4))]
    sentences, findings, doubts = _compared(Segment(before, now))
    assert sentences == ["sequence a: 1 -> 9", "sequence c: 3 -> none", "sequence d: none -> 4"]
    assert (findings.rows, findings.exact, findings.lost) == (True, False, False)
    assert not doubts.whole_file


def test_rows_out_of_order_are_for_sqlite_to_judge() -> None:
    """The same sequences at rowids that do not ascend."""
    rows = [(1, _row(b"a", 1)), (2, _row(b"b", 2))]
    for now in (rows[::-1], [rows[0], (1, rows[1][1])]):
        sentences, _, doubts = _compared(Segment(rows, now))
        assert sentences == []
        assert doubts.whole_file
