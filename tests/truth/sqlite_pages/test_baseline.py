"""The pristine file in memory: sound, or no baseline; and which of its bytes are content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.errors import MeasurementError
from harness.truth.sqlite_pages.baseline import Baseline
from tests.truth.making import alter, build, image, root


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


def test_the_baseline_knows_its_trees(folder: Path) -> None:
    """Every root, sqlite_schema's first; a leaf is in a tree, a free page is not."""
    path = folder / "a.sqlite3"
    build(path)
    baseline = Baseline(path)
    assert baseline.roots[0] == 1
    assert root(path, "bots_user") in baseline.roots
    assert all(map(baseline.in_a_tree, baseline.roots))
    assert not baseline.in_a_tree(baseline.image.header.first_trunk)
    assert not baseline.in_a_tree(baseline.image.page_count + 1)
