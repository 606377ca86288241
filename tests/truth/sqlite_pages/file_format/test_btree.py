"""Walking a tree gives every leaf in order, and refuses what is no tree."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.btree import check_bounds, walk
from tests.truth.making import alter, build, image, root, run


@pytest.mark.parametrize("page_size", [512, 1024, 8192, 65536])
@pytest.mark.parametrize("name", ["users", "notes"])
def test_every_row_is_found_in_order(folder: Path, page_size: int, name: str) -> None:
    """Walking a table's tree gives SQL's rowids and lengths, overflow chains followed."""
    path = folder / "a.sqlite3"
    build(path, page_size=page_size, rows=300)
    run(path, f"INSERT INTO {name}(rowid) VALUES(-9)", f"INSERT INTO {name}(rowid) VALUES({2**62})")
    pages = image(path)
    tree = walk(pages, root(path, name), pages.content)
    entries = [entry for leaf in tree.leaves for entry in pages.content(leaf).entries]
    connection = apsw.Connection(str(path))
    rows = connection.execute(f"SELECT rowid, body FROM {name if name == 'notes' else 'bots'}")
    wanted = dict(rows.fetchall())
    rowids = [row[0] for row in connection.execute(f"SELECT rowid FROM {name}").fetchall()]
    connection.close()
    assert [rowid for rowid, _ in entries] == sorted(rowids)
    if name == "notes":
        for rowid, payload in entries:
            body = wanted[rowid] or b""
            assert (body if isinstance(body, bytes) else body.encode()) in payload


def test_leaves_come_with_their_bounds(folder: Path) -> None:
    """Each leaf's rowids lie between what its parents say."""
    path = folder / "a.sqlite3"
    build(path, page_size=512, rows=400)
    pages = image(path)
    tree = walk(pages, root(path, "users"), pages.content)
    assert len(tree.leaves) > 10
    for leaf, (low, high) in tree.leaves.items():
        rowids = [rowid for rowid, _ in pages.content(leaf).entries]
        assert low is None or low < rowids[0]
        assert high is None or rowids[-1] <= high


def test_a_leaf_twice_in_its_tree_is_malformed(folder: Path) -> None:
    """A parent that names one child twice is refused."""
    path = folder / "a.sqlite3"
    build(path, page_size=512, rows=400)
    pages, top = image(path), root(path, "users")
    first, second = pages.node(top).cells[:2]
    alter(path, (top - 1) * 512 + second.at, first.child.to_bytes(4, "big"))
    pages = image(path)
    with pytest.raises(Malformed, match="is twice in its tree"):
        walk(pages, top, pages.content)


def test_rowids_out_of_bounds_are_malformed() -> None:
    """The lower bound belongs to the leaf before, the upper one to the leaf itself."""
    entries = [(3, b""), (5, b"")]
    for bounds in ((2, 5), (None, 5), (2, None), (None, None)):
        check_bounds(9, entries, bounds)
        check_bounds(9, [], bounds)
    for bounds in ((3, 5), (2, 4)):
        with pytest.raises(Malformed, match="page 9: rowids 3 to 5 are out of place"):
            check_bounds(9, entries, bounds)


def test_leaves_at_different_depths_are_malformed(folder: Path) -> None:
    """A parent that names a grandchild in its child's place is refused, though no page repeats."""
    path = folder / "a.sqlite3"
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)"
    run(path, "PRAGMA page_size = 512", "CREATE TABLE t(v)")
    run(path, f"{rows} INSERT INTO t SELECT zeroblob(220) FROM n")
    pages, top = image(path), root(path, "t")
    assert walk(pages, top, pages.content).depths == {3}
    first = pages.node(top).cells[0]
    grandchild = pages.node(first.child).cells[0].child
    alter(path, (top - 1) * 512 + first.at, grandchild.to_bytes(4, "big"))
    pages = image(path)
    with pytest.raises(Malformed, match="leaves at different depths"):
        walk(pages, top, pages.content)
