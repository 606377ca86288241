"""What was left is told in few lines, and in all its lines to whoever asks."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
from hypothesis import given
from hypothesis import strategies as st

from harness.databases import Differences, TableDifferences
from harness.databases.sqlite.differences import differences
from harness.guard import document
from harness.guard.by_hand import as_lines
from harness.guard.left import MOST_LINES, sentences

SCHEMA = """
CREATE TABLE gone (id INTEGER PRIMARY KEY AUTOINCREMENT, x);
CREATE INDEX gone_x ON gone (x);
CREATE INDEX gone_x2 ON gone (x, id);
CREATE TRIGGER gone_t AFTER INSERT ON gone BEGIN SELECT 1; END;
CREATE TABLE kept (x);
CREATE INDEX kept_x ON kept (x);
INSERT INTO gone (x) VALUES (1), (2), (3);
"""


def found(folder: Path, sql: str) -> Differences:
    """What verification finds after ``sql``."""
    live, baseline = folder / "live", folder / "baseline"
    for path in (live, baseline):
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute(SCHEMA + (sql if path == live else ""))
    return differences(live, baseline)


def test_a_dropped_table_is_one_line(folder: Path) -> None:
    """Its rows, indexes, triggers and sequence went with it; what is another's is told."""
    left = found(folder, "DROP TABLE gone; DROP INDEX kept_x")
    assert sentences(left, verbose=False, more="") == [
        "index kept_x missing",
        "table gone missing, with 3 rows, 2 indexes, 1 trigger",
    ]
    assert len(sentences(left, verbose=True, more="")) == 10


def test_a_table_that_tests_made_is_one_line(folder: Path) -> None:
    """With what came with it; an index of its own that a kept table gets is told."""
    made = "CREATE TABLE late (x UNIQUE); INSERT INTO late VALUES (7); CREATE INDEX i ON kept (x)"
    assert sentences(found(folder, made), verbose=False, more="") == [
        "index i added",
        "table late added, with 1 row, 1 index",
    ]


def test_a_table_made_anew_is_told_as_it_differs(folder: Path) -> None:
    """It is neither gone nor new: nothing of it is folded away."""
    anew = "DROP TABLE gone; CREATE TABLE gone (id INTEGER PRIMARY KEY, x, y)"
    told = sentences(found(folder, anew), verbose=False, more="")
    assert "gone: 0 added, 3 missing, 0 changed" in told
    assert {"index gone_x missing", "table gone changed", "trigger gone_t missing"} < set(told)


def test_a_table_that_is_gone_is_never_among_those_left_out(folder: Path) -> None:
    """The schema comes before the rows of tables, however many tables have rows of the tests."""
    more = "".join(f"CREATE TABLE t{n} (x);" for n in range(20))
    with closing(apsw.Connection(str(folder / "live"))) as connection:
        connection.execute(more + SCHEMA)
    with closing(apsw.Connection(str(folder / "baseline"))) as connection:
        connection.execute(more + SCHEMA)
    with closing(apsw.Connection(str(folder / "live"))) as connection:
        connection.execute("".join(f"INSERT INTO t{n} VALUES (1);" for n in range(20)))
        connection.execute("DROP TABLE gone")
    left = differences(folder / "live", folder / "baseline")
    told = sentences(left, verbose=False, more="")
    assert told[0] == "table gone missing, with 3 rows, 2 indexes, 1 trigger"
    assert len(told) == MOST_LINES


@given(st.integers(0, 40))
def test_ten_lines_at_most(number: int) -> None:
    """Whatever was left: the last of them says how many more there are, and what shows them."""
    tables = {f"t{place:02}": TableDifferences(added=((1,),)) for place in range(number)}
    left = Differences(tables=tables)
    told, whole = (sentences(left, verbose=v, more="--verbose shows them") for v in (False, True))
    assert len(whole) == 2 * number
    if number <= MOST_LINES:
        assert told == [line for line in whole if not line.startswith(" ")]
    else:
        assert len(told) == MOST_LINES
        assert told[-1] == f"and {number - MOST_LINES + 1} more: --verbose shows them"


def test_rows_that_are_only_counted_are_told() -> None:
    """To people and to programs: of many rows some are given, and all are counted."""
    table = TableDifferences(added=((1,),), beyond=(2, 3, 1000))
    found = Differences(tables={"t": table})
    assert sentences(found, verbose=False, more="") == ["t: 3 added, 3 missing, 1000 changed"]
    assert sentences(found, verbose=True, more="")[1:] == ["  + 1", "  and 1,005 rows more"]
    assert as_lines(found)[2:] == ["  and 1,005 rows more"]
    described = document.of(found, rows=True)["tables"]["t"]
    assert (described["added"], described["missing"], described["changed"]) == (3, 3, 1000)
    assert described["rows"]["added"] == [[1]]
    assert len(table) == 1006
