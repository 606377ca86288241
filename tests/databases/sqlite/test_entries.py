"""Trees of entries in two states: the same in the same order, wherever they stand."""

from contextlib import closing
from itertools import combinations
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.entries import Roots, same_entries, ways_to
from harness.databases.sqlite.pages import Unfollowable
from tests.databases.guarded import COUNT
from tests.databases.sqlite.tables import apart, copied, image, made, pages_of, root_of

DEEP = f"""
PRAGMA page_size = 512; CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE INDEX i ON t(v);
{COUNT.format(3000)} INSERT INTO t SELECT i, hex(i % 97) || zeroblob(i % 50) FROM n;
"""
SAME = {
    "nothing": "",
    "rows there and gone": f"{COUNT.format(500)} INSERT INTO t(v) SELECT hex(i) FROM n;"
    "DELETE FROM t WHERE id > 3000",
    "built anew": "REINDEX",
    "built elsewhere": "DROP INDEX i; CREATE TABLE more(a); CREATE INDEX i ON t(v)",
    "rows gone and back": "CREATE TEMP TABLE k AS SELECT * FROM t WHERE id % 5 = 0;"
    "DELETE FROM t WHERE id % 5 = 0; INSERT INTO t SELECT * FROM k",
}


@pytest.mark.parametrize("what", SAME)
def test_what_moved_only_is_the_same(folder: Path, what: str) -> None:
    """Entries that moved between pages, or into another tree, are the same; one less is not."""
    before = made(folder / "x.db", DEEP)
    now = copied(before, folder / "y.db")
    now.execute(SAME[what])
    for same, statement in ((True, ""), (False, "DELETE FROM t WHERE id = 1500")):
        now.execute(statement)
        roots = Roots(root_of(before, "i"), root_of(now, "i"))
        assert same_entries(image(before), image(now), apart(before, now) - {1}, roots) is same


def test_numbers_written_in_two_ways_are_the_same(folder: Path) -> None:
    """A whole number, of which versions of SQLite chose two encodings, is one; another is not."""
    script = "PRAGMA page_size = 512; CREATE TABLE t(v); CREATE INDEX i ON t(v);"
    script += f"{COUNT.format(300)} INSERT INTO t(v) SELECT {{}} FROM n"
    one, other = (
        made(folder / name, script.format(value)) for name, value in (("x", "i"), ("y", "i + 0.0"))
    )
    roots = Roots(root_of(one, "i"), root_of(other, "i"))
    changed = apart(one, other) - {1}
    assert changed & pages_of(one, "i", "leaf")
    assert same_entries(image(one), image(other), changed, roots)
    other.execute("UPDATE t SET v = 7.5 WHERE v = 7")
    assert not same_entries(image(one), image(other), apart(one, other) - {1}, roots)


def test_the_ways_to_changed_pages_are_all_above_them(folder: Path) -> None:
    """For each page of a tree the way is it and what refers to it, up to the root."""
    connection = made(folder / "x.db", DEEP)
    look, root = image(connection), root_of(connection, "i")
    parents = {
        child: number
        for number in pages_of(connection, "i", "internal")
        for child in look.node(number).children
    }
    assert len(pages_of(connection, "i", "internal")) > 2
    for number in sorted(parents)[::7]:
        way, above = {number}, number
        while above != root:
            above = parents[above]
            way.add(above)
        assert ways_to(look, root, {number}) == way
    assert ways_to(look, root, {root_of(connection, "t")}) == set()


def test_a_table_is_no_tree_of_entries(folder: Path) -> None:
    """What is no such tree, or has a page twice, raises Unfollowable."""
    connection = made(folder / "x.db", DEEP)
    with pytest.raises(Unfollowable):
        ways_to(image(connection), root_of(connection, "t"), {1})


Value = float | str | bytes | None
# Values that compare as equal, have the same bytes, or sort beside each other.
ALIKE = (*(None, 0, 0.0, -0.0, 1, 1.0, 2**53, 2.0**53), *("", b"", "0", b"0", "1", "1.0", b"1"))
ANY = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.binary())


ENDINGS = pytest.mark.parametrize("ending", ["", " WITHOUT ROWID"])


def _assert_same_or_told(folder: Path, ending: str, *values: Value) -> None:
    """Of a row with one value, then with another: it is as it was only if it looks the same."""
    shown = []
    for name, value in zip(("live", "baseline"), values, strict=True):
        (folder / name).unlink(missing_ok=True)
        with closing(apsw.Connection(str(folder / name))) as connection:
            connection.execute(f"CREATE TABLE t (k PRIMARY KEY, v){ending}")
            connection.execute("INSERT INTO t VALUES ('a', ?)", (value,))
            shown.append(repr(connection.execute("SELECT v FROM t").get))
    clean = differences(folder / "live", folder / "baseline").clean("rows")
    assert clean == (shown[0] == shown[1]), shown


@ENDINGS
def test_values_that_compare_as_equal_are_not_the_same(folder: Path, ending: str) -> None:
    """The type of a value counts, and the sign of a zero."""
    for one, other in combinations(ALIKE, 2):
        _assert_same_or_told(folder, ending, one, other)


@ENDINGS
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.tuples(ANY, ANY), ANY.map(lambda value: (value, value))))
def test_values_are_the_same_where_type_and_content_are(
    folder: Path, ending: str, values: tuple[Value, Value]
) -> None:
    """A row is as it was only if what it shows looks the same."""
    _assert_same_or_told(folder, ending, *values)
