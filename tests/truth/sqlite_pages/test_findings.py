"""What was found is summed up without losing the worst of it."""

from __future__ import annotations

import pytest

from harness.truth.sqlite_pages.findings import (
    LISTED,
    Doubts,
    Findings,
    TreeDifference,
    shortened,
)


def test_many_rowids_are_shortened() -> None:
    """A sentence names the first twenty rowids and counts the rest."""
    lines = list(TreeDifference(missing=list(range(1, 31))).sentences("bots", "row"))
    assert lines[0].endswith("19, 20, and 10 more)")
    assert shortened(["a"] * LISTED) == ["a"] * LISTED


def test_findings_sum_up() -> None:
    """Content that is lost stays lost, and what only the exact grade minds touches no row."""
    findings = Findings()
    findings.inexact("sequence")
    assert (findings.rows, findings.exact, findings.lost) == (True, False, False)
    findings.differ("added", lost=False)
    findings.differ(lost=True)  # explained by another sentence
    findings.differ("added too", lost=False)
    assert (findings.rows, findings.lost) == (False, True)
    findings.broken("page 3")
    assert findings.listed() == ("sequence", "added", "added too", "structure: page 3")
    for number in range(LISTED):
        findings.inexact(str(number))
    assert findings.listed()[-1] == "and 4 more"


def test_space_that_does_not_add_up_puts_the_file_in_doubt() -> None:
    """One crooked page is a matter for the whole file; none is none."""
    doubts = Doubts()
    doubts.space()
    assert not doubts.whole_file
    doubts.space(3, 5)
    assert doubts.whole_file
    assert doubts.crooked == [3, 5]


@pytest.mark.parametrize(
    ("difference", "lost", "sentences"),
    [
        (TreeDifference(), False, []),
        (TreeDifference(added=[4]), False, ["t: 1 row added (rowid 4)"]),
        (TreeDifference(missing=[4, 5]), True, ["t: 2 rows missing (rowid 4, 5)"]),
        (TreeDifference(changed=[4]), True, ["t: 1 row changed (rowid 4)"]),
        (TreeDifference(more=2), False, ["t: 2 rows added"]),
        (TreeDifference(fewer=1), True, ["t: 1 row missing or changed"]),
        (TreeDifference(disorder=True), True, ["t: row out of order"]),
    ],
)
def test_a_difference_has_its_sentences(
    difference: TreeDifference, lost: bool, sentences: list[str]
) -> None:
    """Only what is added loses nothing of the baseline."""
    assert list(difference.sentences("t", "row")) == sentences
    assert (bool(difference), difference.lost) == (bool(sentences), lost)
