"""Rows and entries are matched by what they say, not by how they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.truth.sqlite_pages.checks import Witness, Witnesses
from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.file_format.image import Entry
from harness.truth.sqlite_pages.file_format.records import SchemaObject
from harness.truth.sqlite_pages.findings import TreeDifference
from harness.truth.sqlite_pages.matching import Matching
from harness.truth.sqlite_pages.tree_cells import Segment
from tests.truth.making import image, root, run

TABLE = SchemaObject("table", "t", "t", 2, None)
INDEX = SchemaObject("index", "i", "t", 3, None)
SCHEMA = "CREATE TABLE t(a REAL, b); CREATE INDEX i ON t(b)"
ROWS = "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')"


def _entries(path: Path, name: str) -> list[Entry]:
    pages = image(path)
    leaves = walk(pages, root(path, name), pages.content).leaves
    return [entry for leaf in leaves for entry in pages.content(leaf).entries]


@contextmanager
def _matched(
    folder: Path, *statements: str
) -> Iterator[tuple[Matching, TreeDifference, TreeDifference]]:
    before, now = folder / "before", folder / "now"
    run(before, SCHEMA, ROWS)
    run(now, SCHEMA, ROWS, *statements)
    witnesses = Witnesses(Witness(before), Witness(now))
    matching = Matching(witnesses)
    rows = matching.rows(TABLE, [Segment(_entries(before, "t"), _entries(now, "t"))])
    entries = matching.entries(INDEX, [Segment(_entries(before, "i"), _entries(now, "i"))])
    yield matching, rows, entries
    for witness in witnesses:
        witness.close()


def test_equal_values_are_equal_rows(folder: Path) -> None:
    """A whole number in a REAL column is written as an integer or as a real."""
    with _matched(folder, "UPDATE t SET a = a, b = b") as (_, rows, entries):
        assert not rows
        assert not entries


def test_rows_are_named_by_rowid_and_entries_counted(folder: Path) -> None:
    """Changed, missing and added rows, and the entries that follow them."""
    statements = (
        "UPDATE t SET b = 'w' WHERE rowid = 1",
        "DELETE FROM t WHERE rowid = 2",
        "INSERT INTO t(rowid, b) VALUES(9, 'n')",
    )
    with _matched(folder, *statements) as (matching, rows, entries):
        assert rows == TreeDifference(added=[9], missing=[2], changed=[1])
        assert entries == TreeDifference(more=2, fewer=2)
        assert matching.renumbered == set()


def test_rows_at_other_rowids_are_set_apart(folder: Path) -> None:
    """Where nobody chose the rowid the row is the same, and its entries are."""
    with _matched(folder, "UPDATE t SET rowid = 9 WHERE rowid = 2") as (matching, rows, entries):
        assert not rows
        assert not entries
        assert matching.renumbered == {"t"}


def test_cells_out_of_order_are_disorder() -> None:
    """The same cells in another order, or a rowid twice."""
    witnesses = Witnesses(Witness(b""), Witness(b""))  # which nobody asks
    cells = [(1, b"\x02\x01\x05"), (2, b"\x02\x01\x06")]
    for now in (cells[::-1], [cells[0], cells[0]]):
        assert Matching(witnesses).rows(TABLE, [Segment(cells, now)]).disorder
    assert Matching(witnesses).entries(INDEX, [Segment(cells, cells[::-1])]).disorder
