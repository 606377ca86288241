"""The pristine file's map: every page has one owner, every byte is content or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.errors import MeasurementError
from harness.truth.sqlite_pages.baseline import ORPHAN, OVERFLOW, Baseline
from tests.truth.making import alter, build, image, root


@pytest.mark.parametrize("auto_vacuum", ["NONE", "FULL", "INCREMENTAL"])
@pytest.mark.parametrize("page_size", [512, 4096])
def test_every_page_has_an_owner(folder: Path, page_size: int, auto_vacuum: str) -> None:
    """Every page has one, and overflow pages know the page of the cell they continue."""
    path = folder / "a.sqlite3"
    build(path, page_size=page_size, auto_vacuum=auto_vacuum, rows=300)
    owners = Baseline(path).owners
    assert owners.orphans() == 0
    assert (owners.role[1:] != ORPHAN).all()
    chained = np.flatnonzero(owners.role == OVERFLOW)
    assert len(chained)
    assert (owners.holder[chained] > 0).all()


def test_a_page_with_two_owners_is_no_baseline(folder: Path) -> None:
    """A free list that names a table's page makes the file unfit, and the message says so."""
    path = folder / "a.sqlite3"
    build(path)
    pages = image(path)
    place = (pages.header.first_trunk - 1) * pages.page_size + 8
    alter(path, place, root(path, "users").to_bytes(4, "big"))
    with pytest.raises(MeasurementError, match="is used twice"):
        Baseline(path)


def test_only_content_is_masked(folder: Path) -> None:
    """A byte in a cell is content; a byte between the pointers and the cells is not."""
    path = folder / "a.sqlite3"
    build(path)
    baseline = Baseline(path)
    leaf = min(baseline.walk(root(path, "users")).leaves)
    cell = baseline.content(leaf).node.cells[0]
    mask = baseline.masks(np.array([leaf]))[0].tobytes()
    assert set(mask[cell.at : cell.at + cell.size]) == {0xFF}
    first = min(c.at for c in baseline.content(leaf).node.cells)
    assert mask[first - 1] == 0
    assert mask[5:8] == b"\0\0\0"


def test_unchanged_cells_are_told_from_changed_ones(folder: Path) -> None:
    """Of a page with one byte changed in a cell, all cells but that one need not be read again."""
    path = folder / "a.sqlite3"
    build(path)
    baseline = Baseline(path)
    leaf = min(baseline.walk(root(path, "users")).leaves)
    content = baseline.content(leaf)
    for cell in content.node.cells:
        for at in (cell.at, cell.at + cell.size - 1):
            page = bytearray(content.page)
            page[at] ^= 1
            cells, entries = baseline.unchanged(leaf, bytes(page))
            assert cells.keys() == {c.at for c in content.node.cells} - {cell.at}
            assert entries.keys() == cells.keys()
