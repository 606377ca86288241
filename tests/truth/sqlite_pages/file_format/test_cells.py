"""Cells are read as the format describes them, and as noise where they are noise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.file_format.cells import (
    KINDS,
    Page,
    largest_local,
    local_bytes,
    parse,
    shape,
    short_cells,
    spills,
    varint,
)
from tests.truth.making import build, image, root


def _encoded(value: int) -> bytes:
    """Encode a varint as the format describes it: seven bits a byte, eight in the ninth."""
    value &= 2**64 - 1
    if value >= 2**56:
        return bytes(value >> shift & 0x7F | 0x80 for shift in range(57, 7, -7)) + bytes(
            [value & 255]
        )
    groups = [value >> shift & 0x7F for shift in range(0, max(1, value.bit_length()), 7)][::-1]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


@given(st.integers(0, 2**64 - 1))
def test_a_varint_is_read_back(value: int) -> None:
    """Every 64-bit integer is read from its variable-length form, and where it ends."""
    data = _encoded(value)
    assert varint(b"\xff" + data + b"\x01", 1) == (value, 1 + len(data))


@given(st.integers(0, 10**6), st.booleans(), st.integers(480, 65536))
def test_what_a_page_keeps_of_a_payload_fits(payload: int, table_leaf: bool, usable: int) -> None:
    """The kept part is never more than X, and the rest fills whole overflow pages where it can."""
    kept = local_bytes(payload, table_leaf, usable)
    assert kept <= min(payload, largest_local(table_leaf, usable))
    least = (usable - 12) * 32 // 255 - 23
    assert kept in (payload, least) or (payload - kept) % (usable - 4) == 0


@given(st.binary(min_size=512, max_size=512), st.sampled_from(sorted(KINDS)), st.integers(0, 99))
def test_any_bytes_are_a_node_or_malformed(data: bytes, kind: int, count: int) -> None:
    """A page of noise never raises anything but Malformed."""
    data = data[:100] + bytes([kind]) + data[101:103] + bytes([0, count]) + data[105:]
    try:
        node = parse(Page(1, data, 512))
    except Malformed:
        return
    assert (node.kind, len(node.cells)) == (kind, count)


@pytest.mark.parametrize("page_size", [512, 4096])
def test_the_quick_way_says_what_the_whole_way_says(folder: Path, page_size: int) -> None:
    """Short cells lie where ``parse`` finds them; a page with a longer one is left to it."""
    path = folder / "a.sqlite3"
    build(path, page_size=page_size, rows=300)
    pages = image(path)
    answers = set()
    for name in ("users", "bots", "notes", "pairs"):
        for leaf in walk(pages, root(path, name), pages.content).leaves:
            page = pages.page(leaf)
            cells, spans = parse(page).cells, short_cells(page)
            overflows = any(cell.overflow for cell in cells)
            assert spills(page) == overflows
            if spans is not None:
                assert spans == [(cell.at, cell.at + cell.size) for cell in cells]
            assert (spans is None) == (overflows or name == "pairs")
            answers.add(spans is None)
    assert answers == {True, False}


def test_known_cells_are_not_read_again(folder: Path) -> None:
    """A cell that is given by its place is taken as it is."""
    path = folder / "a.sqlite3"
    build(path)
    page = image(path).page(root(path, "users"))
    cells = parse(page).cells
    given_cell = cells[0]._replace(rowid=-1)
    assert parse(page, {given_cell.at: given_cell}).cells == [given_cell, *cells[1:]]


def test_a_page_of_another_kind_has_no_cells() -> None:
    """A type that no b-tree page has, and pointers beyond the page, are refused."""
    with pytest.raises(Malformed, match="page 7: not a b-tree page"):
        shape(Page(7, bytes(512), 512))
    with pytest.raises(Malformed, match="page 7: 65535 cells do not fit"):
        shape(Page(7, b"\x0d\0\0\xff\xff" + bytes(507), 512))
