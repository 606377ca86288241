from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.databases.sqlite.changes import (
    Roots,
    changes,
    entries_differ,
    overflow_changed,
    table_ranges,
)
from harness.databases.sqlite.pages import EVERY_ROWID, HIGHEST
from harness.databases.sqlite.states import State
from tests.databases.guarded import COUNT
from tests.databases.sqlite.tables import TABLES, apart, copied, image, made, pages_of, root_of

# Every page, by SQLite's own account of it (the dbstat table).


def test_a_change_of_one_row_asks_for_the_rows_of_one_leaf(folder: Path) -> None:
    """One changed row among 2000 leads to a narrow range that holds it, and no other table."""
    before = made(folder / "x.db")
    now = copied(before, folder / "y.db")
    now.execute("UPDATE t SET v = 0 WHERE rowid = 1000")
    roots = Roots({"t": root_of(now, "t")}, {"w": root_of(now, "w")})

    found = changes(image(before), image(now), apart(before, now) - {1}, (roots, roots))

    assert found.ranges.keys() == {"t"}
    assert not found.whole
    [(low, high)] = found.ranges["t"]
    assert low <= 1000 <= high
    assert high - low < 100


def test_rows_that_grow_a_tree_are_covered(folder: Path) -> None:
    """Leaves added at the end lead to the ranges where rows were added."""
    before = made(folder / "x.db")
    now = copied(before, folder / "y.db")
    now.execute(f"{COUNT.format(500)} INSERT INTO t SELECT 'more' || i FROM n")
    root = root_of(now, "t")
    ranges, _ = table_ranges(image(before), image(now), apart(before, now) - {1}, (root, root))
    assert ranges[-1][1] == HIGHEST
    assert 1900 < ranges[-1][0] <= 2001


@pytest.mark.parametrize(("leaves", "interior"), [(4, 1), (120, 3)])
def test_a_row_after_a_full_leaf_is_covered(folder: Path, leaves: int, interior: int) -> None:
    """A row that begins a new leaf, while every old leaf stays as it was, is not missed."""
    fill = f"PRAGMA page_size = 512; CREATE TABLE t(v); {COUNT.format('{}')}"
    fill += "INSERT INTO t SELECT zeroblob(100) FROM n"
    last = 4 * (leaves - 1) + 1  # four of them on a leaf
    before = made(folder / "y.db", fill.format(last - 1))
    now = copied(before, folder / "z.db")
    now.execute("INSERT INTO t VALUES (zeroblob(100))")
    assert len(pages_of(now, "t", "leaf")) == leaves
    assert len(pages_of(now, "t", "internal")) == interior
    changed, root = apart(before, now) - {1}, root_of(now, "t")
    assert changed.isdisjoint(pages_of(before, "t", "leaf"))

    ranges, _ = table_ranges(image(before), image(now), changed, (root, root))

    assert any(low <= last <= high for low, high in ranges)


def test_a_table_on_one_side_is_covered_whole(folder: Path) -> None:
    """Where there is nothing to compare pages with every row is asked for."""
    connection = made(folder / "x.db")
    look = image(connection)
    root = root_of(connection, "t")
    for roots in ((root, None), (None, root)):
        assert table_ranges(look, look, set(), roots) == ([EVERY_ROWID], set())


DEEP = f"""
PRAGMA page_size = 512; CREATE TABLE w(k INTEGER PRIMARY KEY, v) WITHOUT ROWID; CREATE TABLE o(v);
{COUNT.format(900)} INSERT INTO w SELECT i * 2, zeroblob(i % 90) FROM n;
"""


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(1, 900), st.sampled_from(["", "value", "type", "gone", "added"]))
def test_rows_without_rowid_differ_wherever_they_stand(folder: Path, row: int, how: str) -> None:
    """A row on a leaf or on an interior page: changed, of another type, gone or added is seen.

    What else happened to the file, and rows that were there and went again, are no difference.
    """
    statement = {
        "": "SELECT 1",
        "value": f"UPDATE w SET v = v || x'01' WHERE k = {row * 2}",
        "type": f"UPDATE w SET v = CAST(v AS TEXT) WHERE k = {row * 2}",
        "gone": f"DELETE FROM w WHERE k = {row * 2}",
        "added": f"INSERT INTO w VALUES ({row * 2 + 1}, NULL)",
    }[how]
    for path in folder.iterdir():
        path.unlink()
    with closing(made(folder / "x.db", DEEP)) as before:
        assert len(pages_of(before, "w", "internal")) > 2
        with closing(copied(before, folder / "y.db")) as now:
            now.execute("INSERT INTO o VALUES (1)")
            now.execute(f"{COUNT.format(40)} INSERT INTO w SELECT -i, zeroblob(i) FROM n")
            now.execute("DELETE FROM w WHERE k < 0")
            now.execute(statement)
            only = Roots({}, {"w": root_of(now, "w")})
            changed = apart(before, now) - {1}
            found = changes(image(before), image(now), changed, (only, only))
            assert found.whole == ({"w"} if how else set())


def test_a_tree_that_is_none_of_rows_any_more_differs(folder: Path) -> None:
    """Where a table WITHOUT ROWID is not there, or its pages are a table's with rowids."""
    connection = made(folder / "x.db")
    look = image(connection)
    root, other = root_of(connection, "w"), root_of(connection, "t")
    assert not entries_differ(look, look, set(), (root, root))
    for roots in ((None, root), (root, None), (root, other)):
        assert entries_differ(look, look, set(), roots)


@pytest.mark.parametrize("auto_vacuum", [0, 2])
def test_free_pages_and_pointer_maps_are_no_rows(folder: Path, auto_vacuum: int) -> None:
    """Long rows that came and went leave changed pages that no row is on; one in place is one."""
    script = f"PRAGMA auto_vacuum = {auto_vacuum}; {TABLES} CREATE TABLE long(v);"
    script += "INSERT INTO long VALUES (zeroblob(99999)), (zeroblob(99999));"
    before = made(folder / "x.db", script + "DELETE FROM long WHERE rowid = 2")
    now = copied(before, folder / "y.db")
    now.execute("INSERT INTO long VALUES (randomblob(999999)); DELETE FROM long WHERE rowid = 2")

    def long_rows() -> set[int]:
        states = [State(image(c), c.pragma("page_count"), ()) for c in (before, now)]
        return overflow_changed(states[0], states[1], apart(before, now))

    assert long_rows() == set()
    now.execute("UPDATE long SET v = CAST(zeroblob(99998) || x'01' AS BLOB)")
    changed = long_rows()
    assert changed
    assert changed <= pages_of(now, "long", "overflow")
