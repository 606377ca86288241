"""The live file is read as it is: what is the baseline's, what is new, what is crooked."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.findings import Doubts
from harness.truth.sqlite_pages.live_file import LiveFile
from tests.truth.making import alter, changes, image, judged, root, run


def test_pages_are_read_as_if_nothing_were_known(folder: Path) -> None:
    """Cells taken over from the baseline and cells read anew make the page that is there."""
    _, live = judged(folder)
    run(live, "UPDATE users SET score = 77 WHERE id IN (3, 50)", "DELETE FROM bots WHERE id = 9")
    doubts = Doubts()
    file = LiveFile(changes(folder / "pristine.sqlite3", live), doubts)
    pages = image(live)
    for name in ("users", "bots", "notes", "pairs", "bots_user"):
        for number in walk(pages, root(live, name), pages.content).leaves:
            now = pages.content(number)
            read = file.content(number)
            assert (read.node, read.entries) == (now.node, now.entries)
            assert file.nodes[number] == now.node
    assert doubts == Doubts()


def test_free_space_is_checked_until_the_file_is_in_doubt(folder: Path) -> None:
    """The first page that does not add up is named; SQLite sees the others."""
    _, live = judged(folder, page_size=512)
    pages = image(live)
    leaves = list(walk(pages, root(live, "users"), pages.content).leaves)[:2]
    for leaf in leaves:
        alter(live, (leaf - 1) * pages.page_size + 7, b"\x09")
    doubts = Doubts()
    file = LiveFile(changes(folder / "pristine.sqlite3", live), doubts)
    for leaf in leaves:
        file.content(leaf)
    assert doubts == Doubts(whole_file=True, crooked=leaves[:1])


def test_the_schema_is_read_where_it_is_touched(folder: Path) -> None:
    """An untouched schema is the baseline's own; a new table is in it, with its pages owned."""
    _, live = judged(folder)
    pristine = folder / "pristine.sqlite3"
    file = LiveFile(changes(pristine, live), Doubts())
    assert file.schema is file.changes.baseline.schema
    run(live, "CREATE TABLE new(a)")
    file = LiveFile(changes(pristine, live), Doubts())
    assert file.schema["table", "new"].root == root(live, "new")
    assert file.owners.tree[root(live, "new")] == root(live, "new")


def test_a_page_with_two_owners_is_malformed(folder: Path) -> None:
    """A free list that names a table's page is refused."""
    _, live = judged(folder)
    pages = image(live)
    place = (pages.header.first_trunk - 1) * pages.page_size + 8
    alter(live, place, root(live, "users").to_bytes(4, "big"))
    with pytest.raises(Malformed, match="is used twice"):
        _ = LiveFile(changes(folder / "pristine.sqlite3", live), Doubts()).owners
