import shutil
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.databases.sqlite.changes import (
    EVERY_ROWID,
    HIGHEST,
    LOWEST,
    Image,
    Roots,
    Unfollowable,
    changes,
    frame_offsets,
    free_pages,
    page_size_of,
    pages_apart,
    table_ranges,
    wal_state,
    walk,
)
from harness.databases.sqlite.session import connect
from tests.databases.guarded import COUNT

TABLES = f"""
CREATE TABLE t(v);
CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;
CREATE INDEX i ON t(v);
{COUNT.format(2000)} INSERT INTO t SELECT hex(zeroblob(40)) || i FROM n;
{COUNT.format(500)} INSERT INTO w SELECT i, hex(zeroblob(40)) FROM n;
"""
# Every page, by SQLite's own account of it (the dbstat table).
PAGES = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ?"


def made(path: Path, script: str = TABLES) -> apsw.Connection:
    """Make a database and connect to it."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(script)
    return connect(path)


def copied(connection: apsw.Connection, path: Path) -> apsw.Connection:
    """Copy a database page by page and connect to the copy."""
    with closing(apsw.Connection(str(path))) as copy, copy.backup("main", connection, "main") as b:
        b.step(-1)
    return connect(path)


def image(connection: apsw.Connection) -> Image:
    """Look at a database that is not in WAL mode."""
    return Image(connection, page_size_of(connection), {})


def pages_of(connection: apsw.Connection, name: str, kind: str) -> set[int]:
    """Ask SQLite for a b-tree's pages of a kind: internal, leaf or overflow."""
    return {number for (number,) in connection.execute(PAGES, (name, kind))}


def root_of(connection: apsw.Connection, name: str) -> int:
    """Ask SQLite where a b-tree begins."""
    return int(connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).get)


def apart(one: apsw.Connection, other: apsw.Connection) -> set[int]:
    """Compare the main files of two connections."""
    sizes = tuple(Path(c.db_filename("main")).stat().st_size for c in (one, other))
    return pages_apart(one, other, page_size_of(one), (sizes[0], sizes[1]))


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize(("name", "rowids"), [("t", True), ("w", False)])
def test_a_walk_meets_the_pages_that_sqlite_names(
    folder: Path, page_size: int, name: str, rowids: bool
) -> None:
    """The interior pages and leaves of a b-tree are those that dbstat tells, at any depth."""
    connection = made(folder / "x.db", f"PRAGMA page_size = {page_size}; {TABLES}")
    found = walk(image(connection), root_of(connection, name), None, rowids=rowids)
    assert found.interior == pages_of(connection, name, "internal")
    assert found.leaves.keys() == pages_of(connection, name, "leaf")


def test_leaves_cover_every_rowid_once(folder: Path) -> None:
    """The ranges of a table's leaves join up from the lowest rowid to the highest."""
    rowids = "".join(  # numbers of every length that a variable-length integer has
        f"INSERT OR IGNORE INTO t(rowid, v) VALUES ({sign}{7**power + i}, hex(zeroblob(200)));"
        for power in range(23)
        for i in range(3)
        for sign in "+-"
    )
    connection = made(folder / "x.db", f"PRAGMA page_size = 512; {TABLES} {rowids}")
    found = walk(image(connection), root_of(connection, "t"), None)
    ranges = sorted(found.leaves.values())
    assert ranges[0][0] == LOWEST
    assert ranges[-1][1] == HIGHEST
    assert all(one[1] + 1 == other[0] for one, other in pairwise(ranges))


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


def test_a_row_after_a_full_leaf_is_covered(folder: Path) -> None:
    """A row that begins a new leaf, while every old leaf stays as it was, is not missed."""
    scratch = made(folder / "x.db", "CREATE TABLE t(v)")
    leaves, last = 0, 0
    while leaves != 4:
        scratch.execute("INSERT INTO t VALUES (zeroblob(100))")
        last += 1
        leaves = len(pages_of(scratch, "t", "leaf"))
    scratch.execute("DELETE FROM t; VACUUM")
    before = copied(scratch, folder / "y.db")
    before.execute(f"{COUNT.format(last - 1)} INSERT INTO t SELECT zeroblob(100) FROM n")
    now = copied(before, folder / "z.db")
    now.execute("INSERT INTO t VALUES (zeroblob(100))")
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


@pytest.mark.parametrize("auto_vacuum", [0, 2])
def test_free_pages_and_pointer_maps_cast_no_doubt(folder: Path, auto_vacuum: int) -> None:
    """Long rows that came and went leave changed pages that no row is on; one in place is not."""
    script = f"PRAGMA auto_vacuum = {auto_vacuum}; {TABLES} CREATE TABLE long(v);"
    script += "INSERT INTO long VALUES (zeroblob(99999)), (zeroblob(99999));"
    before = made(folder / "x.db", script + "DELETE FROM long WHERE rowid = 2")
    now = copied(before, folder / "y.db")
    now.execute("INSERT INTO long VALUES (randomblob(999999)); DELETE FROM long WHERE rowid = 2")
    root = root_of(now, "long")
    roots = Roots({"long": root, "t": root_of(now, "t")}, {})

    found = changes(image(before), image(now), apart(before, now) - {1}, (roots, roots))
    assert found.ranges in ({}, {"long": [EVERY_ROWID]})

    now.execute("UPDATE long SET v = CAST(zeroblob(99998) || x'01' AS BLOB)")
    with pytest.raises(Unfollowable):
        changes(image(before), image(now), apart(before, now) - {1}, (roots, roots))


def test_the_free_list_is_sqlites_own(folder: Path) -> None:
    """As many pages are free as SQLite counts, over several trunk pages."""
    connection = made(folder / "x.db", f"PRAGMA page_size = 512; {TABLES} DROP TABLE t")
    free = free_pages(image(connection))
    assert len(free) == connection.pragma("freelist_count") > 300
    assert free.isdisjoint(
        walk(image(connection), root_of(connection, "w"), None, rowids=False).leaves
    )


def test_what_is_no_b_tree_is_not_followed(folder: Path) -> None:
    """A page of another kind, a page that is not there and a broken page raise Unfollowable."""
    connection = made(folder / "x.db")
    look = image(connection)
    for root in (root_of(connection, "i"), 99999):
        with pytest.raises(Unfollowable):
            walk(look, root, None)
    broken = folder / "broken.db"
    shutil.copyfile(folder / "x.db", broken)
    with broken.open("r+b") as file:
        file.seek((root_of(connection, "t") - 1) * 4096 + 12)
        file.write(b"\xff" * 40)
    with pytest.raises(Unfollowable):
        walk(image(connect(broken)), root_of(connection, "t"), None)


def test_pages_apart_are_exactly_those_written(folder: Path) -> None:
    """Of files of several chunks the changed pages are named, and those only one file has."""
    filler = f"CREATE TABLE f(v); {COUNT.format(700)} INSERT INTO f SELECT zeroblob(4000) FROM n"
    one = made(folder / "x.db", filler)
    shutil.copyfile(folder / "x.db", folder / "y.db")
    size = (folder / "x.db").stat().st_size
    with (folder / "y.db").open("r+b") as file:
        for number in (3, 300, 600):
            file.seek(number * 4096 - 1)
            file.write(b"!")
        file.seek(size)
        file.write(bytes(4096))
    other = connect(folder / "y.db")
    assert pages_apart(one, other, 4096, (size, size + 4096)) == {3, 300, 600, size // 4096 + 1}
    assert pages_apart(one, one, 4096, (size, size)) == set()


@given(commits=st.lists(st.integers(1, 2000), max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_pages_read_through_the_wal_are_what_sqlite_reads(folder: Path, commits: list[int]) -> None:
    """After any commits every page, WAL first, is the page of a checkpointed copy."""
    for path in folder.iterdir():
        path.unlink()
    with closing(made(folder / "x.db")) as connection:
        connection.pragma("journal_mode", "wal")
        for row in commits:
            connection.execute("UPDATE t SET v = v || 'x' WHERE rowid >= ?", (row,))
        state = wal_state(connection)
        assert state is not None
        assert (state.frames > 0) == bool(commits)
        live = Image(connection, 4096, frame_offsets(connection, state, 4096))
        with closing(copied(connection, folder / "y.db")) as copy:
            whole = image(copy)
            count = copy.pragma("page_count")
            assert all(live.page(n) == whole.page(n) for n in range(2, count + 1))


def test_the_wal_of_another_state_is_told_apart(folder: Path) -> None:
    """A log begun anew, a longer log and no log at all are different states."""
    connection = made(folder / "x.db")
    states = [wal_state(connection)]
    connection.pragma("journal_mode", "wal")
    states.append(wal_state(connection))
    for _ in range(2):
        connection.execute("UPDATE t SET v = 1 WHERE rowid = 1")
        states.append(wal_state(connection))
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    connection.execute("UPDATE t SET v = 2 WHERE rowid = 1")
    states.append(wal_state(connection))
    assert None not in states
    assert len(set(states)) == 5
