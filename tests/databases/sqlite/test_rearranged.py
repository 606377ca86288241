"""Rows that only moved between pages need no look; rows that changed on the way always do."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.databases.sqlite import pages
from harness.databases.sqlite.differences import _images, _look
from harness.databases.sqlite.rearranged import _common_ends
from tests.databases.guarded import COUNT, MODES, Guarded

ROWS = f"""
CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);
CREATE INDEX t_body ON t (body);
{COUNT.format(300)} INSERT INTO t (body)
SELECT printf('row %d %s', i, hex(zeroblob(i % 60))) FROM n;
"""
ADD = f"{COUNT.format(70)} INSERT INTO t (body) SELECT 'new ' || hex(zeroblob(40 + i % 30)) FROM n"


@pytest.mark.parametrize("mode", MODES)
def test_added_and_deleted_rows_leave_only_the_sequence(folder: Path, mode: str) -> None:
    """Pages split and merged again hold the baseline's rows: at grade rows nothing is left."""
    with closing(Guarded(folder / "x.db", mode, ROWS)) as guarded:
        found = guarded.find(ADD, "DELETE FROM t WHERE body LIKE 'new %'")
    assert found.tables == {}
    assert found.sequences == {"t": (300, 370)}


@pytest.mark.parametrize("where", ["at the end", "in the middle"])
def test_the_shuffle_is_seen_as_one(folder: Path, where: str) -> None:
    """The pages in question really are told apart from changed ones, not compared row by row.

    Leaves before and behind them stay as they are.
    """
    rows, add = ROWS, ADD
    if where == "in the middle":
        rows += "UPDATE t SET id = -2 * id"
        add = f"{COUNT.format(40)} INSERT INTO t SELECT -299 + 2 * i, "
        add += "'new ' || hex(zeroblob(70)) FROM n"
    with closing(Guarded(folder / "x.db", "same file", rows)) as guarded:
        guarded.find(add, "DELETE FROM t WHERE body LIKE 'new %'")
        live = guarded.writer
        state = pages.wal_state(live)
        live.execute("BEGIN IMMEDIATE")
        look = _look(live, live, _images(live, live, state), same_file=True)
        live.execute("ROLLBACK")
    assert len(look.changed) < len(look.now.frames)
    kinds = {look.before.page(number)[:1] for number in look.changed if number > 1}
    assert b"\x05" not in kinds  # no interior page of a table is left to look at


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(1, 300), st.sampled_from(["same length", "longer", "gone", "other type"]))
def test_one_changed_row_in_the_shuffle_is_found(folder: Path, row: int, how: str) -> None:
    """Among rows that moved, one that changed is found and named, whatever its place."""
    for path in folder.iterdir():
        path.unlink()
    change = {
        "same length": f"UPDATE t SET body = 'ROW' || substr(body, 4) WHERE id = {row}",
        "longer": f"UPDATE t SET body = body || 'x' WHERE id = {row}",
        "gone": f"DELETE FROM t WHERE id = {row}",
        "other type": f"UPDATE t SET body = CAST(body AS BLOB) WHERE id = {row}",
    }[how]
    with closing(Guarded(folder / "x.db", "same file", ROWS)) as guarded:
        found = guarded.find(ADD, change, "DELETE FROM t WHERE body LIKE 'new %'")
    touched = found.tables["t"]
    named = [r[0] for r in touched.missing] + [now[0] for _, now in touched.changed]
    assert named == [row]
    assert not touched.added


@pytest.mark.parametrize(
    ("old", "new", "changed", "ends"),
    [
        ([1, 2, 3], [1, 2, 3], set(), (3, 0)),
        ([1, 2, 3], [9, 2, 3], set(), (0, 2)),
        ([1, 2, 3], [1, 2, 9], set(), (2, 0)),
        ([1, 2, 3], [1, 2, 3], {1}, (0, 2)),
        ([1, 2, 3], [1, 2, 3], {3}, (2, 0)),
        ([1, 2, 3], [1, 3], set(), (1, 1)),
        ([1, 3], [1, 2, 3], {1, 3}, (0, 0)),
    ],
)
def test_only_unchanged_children_are_common_ends(
    old: list[int], new: list[int], changed: set[int], ends: tuple[int, int]
) -> None:
    """Children are left out of the look at their cells while they are the same and unchanged."""
    assert _common_ends(old, new, changed) == ends
