"""SQLite is asked about what is in doubt, and only news count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.truth.sqlite_pages.checks import Witness, Witnesses
from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.findings import Doubts, Findings
from harness.truth.sqlite_pages.live_file import LiveFile
from harness.truth.sqlite_pages.second_opinion import SecondOpinion
from tests.truth.making import alter, changes, image, judged, root, run


@contextmanager
def _opinion(folder: Path, live: Path, doubts: Doubts) -> Iterator[tuple[SecondOpinion, Findings]]:
    pristine = folder / "pristine.sqlite3"
    findings, witnesses = Findings(), Witnesses(Witness(pristine), Witness(live))
    file = LiveFile(changes(pristine, live), doubts)
    yield SecondOpinion(file, witnesses, findings, doubts), findings
    for witness in witnesses:
        witness.close()


def test_only_what_is_in_doubt_is_checked(folder: Path) -> None:
    """A crooked page is found in its table or in the whole file, and not in another table."""
    _, live = judged(folder)
    pages = image(live)
    leaf = min(walk(pages, root(live, "users"), pages.content).leaves)
    alter(live, (leaf - 1) * pages.page_size + 7, b"\x09")
    questions = [
        (Doubts(), False),
        (Doubts(tables={"bots", "no such table"}), False),
        (Doubts(tables={"users"}), True),
        (Doubts(whole_file=True), True),
    ]
    for doubts, seen in questions:
        with _opinion(folder, live, doubts) as (opinion, findings):
            opinion.check_integrity()
            assert findings.rows != seen
            assert all(line.startswith("structure: ") for line in findings.sentences)


def test_only_new_violations_are_listed(folder: Path) -> None:
    """Rows that refer to nothing now and referred to something before."""
    _, live = judged(folder)
    run(folder / "pristine.sqlite3", "UPDATE bots SET user_id = 999 WHERE id = 30")
    run(live, "UPDATE bots SET user_id = 999 WHERE id IN (30, 31)")
    with _opinion(folder, live, Doubts()) as (opinion, findings):
        opinion.check_references()
        assert findings.sentences == [
            "foreign key: bots row 31 refers to a missing row of users",
        ]
        assert findings.rows  # a sentence more, and no verdict of its own


def test_references_that_cannot_be_checked_any_more_are_told(folder: Path) -> None:
    """Where they could be before, that is news, and said as SQLite says it."""
    _, live = judged(folder)
    run(live, "CREATE TABLE parent(a)", "CREATE TABLE child(b REFERENCES parent(a))")
    run(live, "INSERT INTO child VALUES (1)")
    with _opinion(folder, live, Doubts()) as (opinion, findings):
        opinion.check_references()
        [sentence] = findings.sentences
    assert sentence.startswith("foreign keys: the check could not run: foreign key mismatch")
