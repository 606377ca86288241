from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.databases.sqlite.names import folded, free_rowid, quoted

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(NAMES)
def test_a_quoted_name_is_that_name(name: str) -> None:
    """SQLite reads back the very name, whatever is in it."""
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE t ({quoted(name)})")
    assert connection.execute("SELECT name FROM pragma_table_info('t')").get == name


@given(NAMES, st.sampled_from([str.upper, str.lower, str.swapcase, str]))
def test_names_that_fold_alike_are_the_same(name: str, change) -> None:  # noqa: ANN001 - str -> str
    """SQLite itself says which names are one: those that differ in the case of A to Z only."""
    other = change(name)
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE {quoted('x' + name)} (a)")
    found = connection.execute(f"PRAGMA table_info({quoted('x' + other)})").fetchall()
    assert bool(found) is (folded(name) == folded(other))


@pytest.mark.parametrize(
    ("taken", "free"),
    [("a", "rowid"), ("ROWID", "_rowid_"), ("rowid _RowId_", "oid"), ("oid _rowid_ rowid", None)],
)
def test_what_the_rowid_can_be_called(taken: str, free: str | None) -> None:
    """The first name that no column has, in whatever case; SQLite knows the row by it."""
    assert free_rowid(taken.split()) == free
    if free is not None:
        connection = apsw.Connection(":memory:")
        connection.execute(f"CREATE TABLE t ({taken.replace(' ', ', ')}, x)")
        connection.execute("INSERT INTO t (x) VALUES ('one')")
        assert connection.execute(f"SELECT {free} FROM t").get == 1
