"""Overflow chains, the free list and pointer maps of a whole file."""

from __future__ import annotations

from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.file_format.cells import KINDS
from harness.truth.sqlite_pages.file_format.image import LOCK_BYTE, Image, as_words
from tests.truth.making import alter, build, image, root, run


def test_a_free_list_is_read_whole(folder: Path) -> None:
    """Trunks and leaves together are as many pages as SQLite says."""
    path = folder / "a.sqlite3"
    build(path, page_size=512, rows=600)
    run(path, "DROP TABLE notes", "DROP TABLE pairs")
    trunks, leaves = image(path).free_list()
    connection = apsw.Connection(str(path))
    count = connection.execute("PRAGMA freelist_count").fetchall()[0][0]
    connection.close()
    assert len(trunks) > 1
    assert len({*trunks, *leaves}) == count


def test_an_overflow_chain_that_goes_on_is_malformed(folder: Path) -> None:
    """A chain ends where its payload ends."""
    path = folder / "a.sqlite3"
    build(path)
    pages = image(path)
    tree = walk(pages, root(path, "notes"), pages.content)
    leaf, chain = next((n, c) for n in tree.leaves if (c := pages.content(n).chains))
    alter(path, (chain[-1] - 1) * 1024, (1).to_bytes(4, "big"))
    with pytest.raises(Malformed, match="does not end"):
        image(path).content(leaf)


def test_pages_are_numbered_from_one(folder: Path) -> None:
    """Bytes, words and type of a page are those at its place; there is none beyond the last."""
    path = folder / "a.sqlite3"
    build(path, page_size=512)
    pages, data = image(path), path.read_bytes()
    words = as_words(np.frombuffer(data + b"cut off", np.uint8), 512)
    assert len(words) == pages.page_count == len(data) // 512
    for number in (1, 2, pages.page_count):
        assert pages.page_bytes(number) == data[(number - 1) * 512 : number * 512]
        assert words[number - 1].tobytes() == pages.page_bytes(number)
    assert pages.type_byte(1) == data[100]
    assert pages.type_byte(2) == data[512]
    assert pages.lock_page() == LOCK_BYTE // 512 + 1
    for number in (0, pages.page_count + 1):
        with pytest.raises(Malformed, match=f"page {number} does not exist"):
            pages.page(number)


def test_pointer_maps_are_where_auto_vacuum_is(folder: Path) -> None:
    """The first is page 2, the next one after as many pages as the first can map."""
    path = folder / "a.sqlite3"
    build(path, page_size=512, rows=400)
    assert list(image(path).pointer_maps()) == []
    mapped = folder / "b.sqlite3"
    build(mapped, page_size=512, rows=400, auto_vacuum="FULL")
    assert list(image(mapped).pointer_maps())[:2] == [2, 2 + 512 // 5 + 1]


@given(st.binary(min_size=512, max_size=512), st.sampled_from(sorted(KINDS)), st.integers(0, 99))
def test_any_bytes_are_content_or_malformed(data: bytes, kind: int, count: int) -> None:
    """A page of noise never raises anything but Malformed, wherever its cells overflow to."""
    data = data[:100] + bytes([kind]) + data[101:103] + bytes([0, count]) + data[105:]
    noise = Image.__new__(Image)  # no header: only its pages matter here
    noise.data, noise.page_size, noise.usable, noise.page_count = memoryview(data), 512, 512, 1
    try:
        node = noise.content(1).node
    except Malformed:
        return
    assert (node.kind, len(node.cells)) == (kind, count)
