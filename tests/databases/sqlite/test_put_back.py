from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import apsw
import pytest

from harness.databases import TableDifferences
from harness.databases.sqlite.put_back import Refused, put_back

SCHEMA = """
CREATE TABLE plain (id INTEGER PRIMARY KEY, v UNIQUE);
CREATE TABLE keyed (a TEXT COLLATE NOCASE, b, v, PRIMARY KEY (b, a)) WITHOUT ROWID;
CREATE TABLE made (v, twice AS (v || v), thrice AS (v || v || v) STORED);
CREATE TABLE hidden (rowid, oid, _rowid_);
"""
WAS = """
INSERT INTO plain VALUES (1, 'one'), (2, CAST(x'ff00' AS TEXT)), (3, x'ff00');
INSERT INTO keyed VALUES ('a', 1, 1), ('b', 1, 1.0), (CAST(x'fe' AS TEXT), NULL || 'x', '');
INSERT INTO made (rowid, v) VALUES (5, 'a');
"""
READ = (
    "SELECT id, CAST(v AS BLOB), typeof(v) FROM plain",
    "SELECT CAST(a AS BLOB), b, v, typeof(v) FROM keyed",
    "SELECT rowid, v, twice, thrice FROM made",
)


@pytest.fixture
def both() -> Iterator[tuple[apsw.Connection, apsw.Connection]]:
    """Give the baseline and a live database that is equal to it."""
    pair = apsw.Connection(":memory:"), apsw.Connection(":memory:")
    script = SCHEMA + WAS.replace("NULL || 'x'", "'x'")
    for connection in pair:
        connection.execute(script)
    yield pair
    for connection in pair:
        connection.close()


def state(connection: apsw.Connection) -> list[list[tuple[object, ...]]]:
    """Read everything, exact in type."""
    return [connection.execute(sql).fetchall() for sql in READ]


def test_rows_by_rowid(both: tuple[apsw.Connection, apsw.Connection]) -> None:
    """Unique values that rows exchanged go back; text that is not UTF-8 stays text."""
    was, live = both
    live.execute(
        "UPDATE plain SET v = NULL; UPDATE plain SET v = 'one' WHERE id = 2;"
        "DELETE FROM plain WHERE id = 3; INSERT INTO plain VALUES (9, x'ff00')"
    )
    rows = TableDifferences(
        added=((9, b""),), missing=((3, b""),), changed=(((1, ""), (1, "")), ((2, ""), (2, "")))
    )
    put_back(was, live, "plain", rows)
    assert state(live) == state(was)


def test_rows_by_primary_key(both: tuple[apsw.Connection, apsw.Connection]) -> None:
    """A table without rowid is compared whole: 1 and 1.0, 'a' and 'A' are not the same."""
    was, live = both
    live.execute(
        "UPDATE keyed SET v = 1 WHERE a = 'b'; UPDATE keyed SET a = 'A' WHERE a = 'a';"
        "DELETE FROM keyed WHERE b = 'x'; INSERT INTO keyed VALUES ('c', 1, 1)"
    )
    assert state(live) != state(was)
    put_back(was, live, "keyed", TableDifferences())
    assert state(live) == state(was)


def test_generated_columns(both: tuple[apsw.Connection, apsw.Connection]) -> None:
    """What SQLite makes itself is not written, and is right afterwards."""
    was, live = both
    live.execute("UPDATE made SET v = 'z'")
    row = (5, "a", "aaa")
    put_back(was, live, "made", TableDifferences(changed=((row, row),)))
    assert state(live) == state(was)


def test_a_hidden_rowid_is_refused(both: tuple[apsw.Connection, apsw.Connection]) -> None:
    """A row that nothing identifies cannot be put back in its place; nothing is written."""
    was, live = both
    live.execute("INSERT INTO hidden VALUES (1, 2, 3)")
    with pytest.raises(Refused, match="three names of the rowid"):
        put_back(was, live, "hidden", TableDifferences(added=((1, 2, 3),)))
    assert live.execute("SELECT count(*) FROM hidden").fetchall() == [(1,)]


@pytest.mark.parametrize("when", ["BEFORE", "AFTER"])
@pytest.mark.parametrize("event", ["INSERT", "DELETE"])
@pytest.mark.parametrize("rowid", ["", " WITHOUT ROWID"])
def test_a_row_that_a_trigger_swallows_is_not_put_back(
    folder: Path, when: str, event: str, rowid: str
) -> None:
    """RAISE(IGNORE) makes no error; where triggers are on all the same, the count tells."""
    was, now = apsw.Connection(str(folder / "was")), apsw.Connection(str(folder / "now"))
    for connection in (was, now):
        connection.execute(f"CREATE TABLE t (k INTEGER PRIMARY KEY, v){rowid}")
        connection.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    now.execute("DELETE FROM t WHERE k = 1; UPDATE t SET v = 'x' WHERE k = 2")
    now.execute(f"CREATE TRIGGER s {when} {event} ON t BEGIN SELECT RAISE(IGNORE); END")
    rows = TableDifferences(missing=((1, 1, "a"),), changed=(((2, 2, "b"), (2, 2, "x")),))
    swallowed = when == "BEFORE"  # after the row is written there is nothing left to ignore
    with pytest.raises(apsw.ConstraintError, match=event) if swallowed else nullcontext():
        put_back(was, now, "t", rows)
    same = was.execute("SELECT * FROM t").fetchall() == now.execute("SELECT * FROM t").fetchall()
    assert same is not swallowed
    was.close()
    now.close()
