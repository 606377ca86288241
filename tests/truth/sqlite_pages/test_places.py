"""Of a page that changed only the cells that changed are read again."""

from __future__ import annotations

from pathlib import Path

from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.file_format.image import NO_CELLS
from harness.truth.sqlite_pages.places import CellPlaces
from tests.truth.making import build, image, root


def test_unchanged_cells_are_told_from_changed_ones(folder: Path) -> None:
    """Of a page with one byte changed in a cell, all cells but that one need not be read again."""
    path = folder / "a.sqlite3"
    build(path)
    pages = image(path)
    content = pages.content(min(walk(pages, root(path, "users"), pages.content).leaves))
    for cell in content.node.cells:
        for at in (cell.at, cell.at + cell.size - 1):
            data = bytearray(content.page.data)
            data[at] ^= 1
            cells, entries = CellPlaces.of(content).unchanged(
                content.page._replace(data=bytes(data))
            )
            assert cells.keys() == {c.at for c in content.node.cells} - {cell.at}
            assert entries.keys() == cells.keys()


def test_cells_that_overflow_are_read_again(folder: Path) -> None:
    """The page does not show whether the rest of a payload is the same."""
    path = folder / "a.sqlite3"
    build(path)
    pages = image(path)
    leaves = walk(pages, root(path, "notes"), pages.content).leaves
    content = next(c for c in map(pages.content, leaves) if c.chains)
    cells, entries = CellPlaces.of(content).unchanged(content.page)
    whole = [cell.at for cell in content.node.cells if not cell.overflow]
    assert len(whole) < len(content.node.cells)
    assert list(cells) == list(entries) == whole


def test_a_page_that_is_another_one_is_read_whole(folder: Path) -> None:
    """Another type, or more than half of the bytes, and nothing is kept."""
    path = folder / "a.sqlite3"
    build(path)
    pages = image(path)
    content = pages.content(min(walk(pages, root(path, "users"), pages.content).leaves))
    places, page = CellPlaces.of(content), content.page
    other_kind = page._replace(data=b"\x0a" + page.data[1:])
    head = len(page.data) // 3
    mostly = page.data[:head] + bytes(255 - byte for byte in page.data[head:])
    assert places.unchanged(other_kind) == NO_CELLS
    assert places.unchanged(page._replace(data=mostly)) == NO_CELLS
