"""Every page has one owner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.truth.sqlite_pages.baseline import Baseline
from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.owners import ORPHAN, OVERFLOW, Owners
from tests.truth.making import build, image, root


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


def test_a_tree_left_out_leaves_orphans_and_one_twice_is_malformed(folder: Path) -> None:
    """What no root leads to belongs to nobody; two roots to one page are one too many."""
    path = folder / "a.sqlite3"
    build(path)
    pages, roots = image(path), Baseline(path).roots
    users = root(path, "users")
    without = Owners(pages, [number for number in roots if number != users])
    assert without.orphans() == (Owners(pages, roots).tree == users).sum()
    with pytest.raises(Malformed, match=f"page {users} is used twice"):
        Owners(pages, [*roots, users])
