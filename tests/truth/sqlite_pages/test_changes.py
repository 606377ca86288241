"""Pages that differ are told by what they were, and content from what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.btree import walk
from tests.truth.making import alter, changes, image, judged, root, run


def test_only_content_touches_a_tree(folder: Path) -> None:
    """A byte of a row touches its leaf; a byte of free space, of the free list, touches none."""
    _, live = judged(folder)
    pristine = folder / "pristine.sqlite3"
    assert changes(pristine, live).touched == {}
    pages, users = image(live), root(live, "users")
    leaf = min(walk(pages, users, pages.content).leaves)
    cell = pages.node(leaf).cells[0]
    start = (leaf - 1) * pages.page_size
    free_byte = min(c.at for c in pages.node(leaf).cells) - 1
    alter(live, start + free_byte, b"\x55")
    alter(live, (pages.header.first_trunk - 1) * pages.page_size + 8, b"\x55")
    compared = changes(pristine, live)
    assert compared.touched == {}
    assert compared.trunks_differ
    assert compared.with_other_content == [pages.header.first_trunk]
    alter(live, start + cell.local_at + 4, b"X")
    compared = changes(pristine, live)
    assert compared.touched == {users: {leaf}}
    assert leaf in compared.with_other_content
    assert compared.crooked == []


def test_a_chain_touches_the_page_it_continues(folder: Path) -> None:
    """A byte of an overflow page is the content of the leaf whose cell overflows."""
    _, live = judged(folder)
    pages, notes = image(live), root(live, "notes")
    leaves = walk(pages, notes, pages.content).leaves
    leaf, chain = next((n, c) for n in leaves if (c := pages.content(n).chains))
    alter(live, (chain[0] - 1) * pages.page_size + 20, b"\x00\xff\x01")
    assert changes(folder / "pristine.sqlite3", live).touched == {notes: {leaf}}


def test_space_that_does_not_add_up_is_crooked(folder: Path) -> None:
    """The same cells, and a wrong count of fragments."""
    _, live = judged(folder)
    pages = image(live)
    leaf = min(walk(pages, root(live, "users"), pages.content).leaves)
    alter(live, (leaf - 1) * pages.page_size + 7, b"\x09")
    compared = changes(folder / "pristine.sqlite3", live)
    assert (compared.crooked, compared.touched) == ([leaf], {})


def test_new_pages_may_hold_content(folder: Path) -> None:
    """What the file has grown by counts as content of any kind."""
    _, live = judged(folder)
    run(live, "INSERT INTO notes SELECT zeroblob(20000), 0")
    compared = changes(folder / "pristine.sqlite3", live)
    last, now = compared.baseline.image.page_count, compared.image.page_count
    assert set(range(last + 1, now + 1)) <= set(compared.with_other_content)
    assert now > last


def test_a_pointer_map_is_told(folder: Path) -> None:
    """A changed entry of the map is no content of a tree."""
    _, live = judged(folder, auto_vacuum="FULL")
    alter(live, 1024 + 8, b"\x77")
    compared = changes(folder / "pristine.sqlite3", live)
    assert compared.pointer_maps_differ
    assert compared.touched == {}


def test_another_page_size_touches_every_tree(folder: Path) -> None:
    """Pages of another size cannot be compared one to one."""
    _, live = judged(folder)
    run(live, "PRAGMA page_size = 2048", "VACUUM")
    compared = changes(folder / "pristine.sqlite3", live)
    assert not compared.alike
    assert list(compared.touched) == compared.baseline.roots


def test_a_broken_free_list_is_malformed(folder: Path) -> None:
    """A list that holds fewer pages than the header says is refused when it is asked for."""
    _, live = judged(folder)
    alter(live, 32, bytes(4))
    with pytest.raises(Malformed, match="the header says"):
        _ = changes(folder / "pristine.sqlite3", live).free_list
