"""B-trees, page by page."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from harness.databases.sqlite.pages import (
    HIGHEST,
    LOWEST,
    Unfollowable,
)
from harness.databases.sqlite.session import connect
from harness.databases.sqlite.trees import walk
from tests.databases.sqlite.tables import (
    TABLES,
    image,
    made,
    pages_of,
    root_of,
)


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize(("name", "rowids"), [("t", True), ("w", False)])
def test_a_walk_meets_the_pages_that_sqlite_names(
    folder: Path, page_size: int, name: str, rowids: bool
) -> None:
    """The interior pages and leaves of a b-tree are those that dbstat tells, at any depth."""
    connection = made(folder / "x.db", f"PRAGMA page_size = {page_size}; {TABLES}")
    found = walk(image(connection), root_of(connection, name), None, rowids=rowids)
    assert found.interior == pages_of(connection, name, "internal")
    assert found.leaves.keys() == pages_of(connection, name, "leaf")


def test_leaves_cover_every_rowid_once(folder: Path) -> None:
    """The ranges of a table's leaves join up from the lowest rowid to the highest."""
    rowids = "".join(  # numbers of every length that a variable-length integer has
        f"INSERT OR IGNORE INTO t(rowid, v) VALUES ({sign}{7**power + i}, hex(zeroblob(200)));"
        for power in range(23)
        for i in range(3)
        for sign in "+-"
    )
    connection = made(folder / "x.db", f"PRAGMA page_size = 512; {TABLES} {rowids}")
    found = walk(image(connection), root_of(connection, "t"), None)
    ranges = sorted(found.leaves.values())
    assert ranges[0][0] == LOWEST
    assert ranges[-1][1] == HIGHEST
    assert all(one[1] + 1 == other[0] for one, other in pairwise(ranges))


def test_what_is_no_b_tree_is_not_followed(folder: Path) -> None:
    """A page of another kind, a page that is not there and a broken page raise Unfollowable."""
    connection = made(folder / "x.db")
    look = image(connection)
    for root in (root_of(connection, "i"), 99999):
        with pytest.raises(Unfollowable):
            walk(look, root, None)
    broken = folder / "broken.db"
    shutil.copyfile(folder / "x.db", broken)
    with broken.open("r+b") as file:
        file.seek((root_of(connection, "t") - 1) * 4096 + 12)
        file.write(b"\xff" * 40)
    with pytest.raises(Unfollowable):
        walk(image(connect(broken)), root_of(connection, "t"), None)
