"""Of two trees only the cells that can differ are read, in key order."""

from __future__ import annotations

from pathlib import Path

from harness.truth.sqlite_pages.findings import Doubts
from harness.truth.sqlite_pages.live_file import LiveFile
from harness.truth.sqlite_pages.page_account import PageAccount
from harness.truth.sqlite_pages.tree_cells import TreeCells
from tests.truth.making import changes, judged, root, run


def _cells(folder: Path, live: Path) -> tuple[TreeCells, PageAccount, LiveFile]:
    file = LiveFile(changes(folder / "pristine.sqlite3", live), Doubts())
    account = PageAccount(file.changes)
    return TreeCells(file, account), account, file


def test_a_leaf_changed_in_place_is_one_segment(folder: Path) -> None:
    """The leaf before and now; no other page of the tree is read."""
    _, live = judged(folder, page_size=512, rows=300)
    run(live, "UPDATE users SET score = 1 - score % 2 WHERE id = 8")
    cells, account, file = _cells(folder, live)
    users = file.changes.baseline.schema["table", "users"]
    (segment,) = cells.unequal(users, users.root)
    differing = [a[0] for a, b in zip(*segment, strict=True) if a != b]
    assert differing == [8]
    assert cells.rebuilt == []
    assert len(file.nodes) == 1
    assert (account.given, account.taken) == ([], [])


def test_a_rebuilt_tree_is_read_between_leaves_it_kept(folder: Path) -> None:
    """Rows at the end of a tree grow it there; its first leaves are not read."""
    _, live = judged(folder, page_size=512, rows=300)
    run(live, "INSERT INTO users(email) SELECT email || '.new' FROM users LIMIT 40")
    cells, account, file = _cells(folder, live)
    users = file.changes.baseline.schema["table", "users"]
    (segment,) = cells.unequal(users, users.root)
    added = [rowid for rowid, _ in segment.now if rowid > 300]
    assert added == list(range(301, 341))
    assert {rowid for rowid, _ in segment.before} <= {rowid for rowid, _ in segment.now}
    assert cells.rebuilt == [users]
    assert len(file.nodes) < len(file.changes.baseline.walk(users.root).leaves)
    assert len(account.taken) > len(account.given) > 0


def test_trees_that_come_and_go_are_accounted_for(folder: Path) -> None:
    """All pages of a tree, its overflow pages as well."""
    _, live = judged(folder)
    run(live, "DROP TABLE notes", "CREATE TABLE new AS SELECT zeroblob(9000)")
    cells, account, file = _cells(folder, live)
    owners = file.changes.baseline.owners
    notes, new = file.changes.baseline.schema["table", "notes"].root, root(live, "new")
    cells.vanished(notes)
    cells.appeared(new)
    assert sorted(account.given) == (owners.tree == notes).nonzero()[0].tolist()
    assert sorted(account.taken) == (file.owners.tree == new).nonzero()[0].tolist()
    assert len(account.taken) > 1
