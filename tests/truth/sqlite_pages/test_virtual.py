"""The truth judges virtual tables by their own rows; with the guard's eyes: test_virtual there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.databases.virtual_tables import BASELINE, build, garbled, write
from tests.truth.making import guard_copy, run


@pytest.mark.parametrize("kind", ["fts5", "fts5 without rows", "fts4 of a table", "rtree"])
def test_rows_alone_decide(folder: Path, kind: str) -> None:
    """A row that went is missing by its rowid; back again, only its storage is another one."""
    pristine = folder / "pristine.sqlite3"
    build(pristine, kind)
    truth, live = guard_copy(pristine)
    fewer = {number: text for number, text in BASELINE.items() if number != 3}
    with closing(apsw.Connection(str(live))) as connection:
        write(connection, kind, BASELINE, fewer)
    judged = truth.judge(live)
    assert judged.lost
    assert (
        f"{'p' if kind.endswith('table') else 'v'}: 1 row missing (rowid 3)"
        == (judged.differences[0])
    )
    with closing(apsw.Connection(str(live))) as connection:
        write(connection, kind, fewer, BASELINE)
    judged = truth.judge(live)
    assert judged.rows
    assert judged.differences in ((), ("v: the same rows, stored otherwise",))
    assert judged.exact == (not judged.differences)


@pytest.mark.parametrize("kind", ["fts5", "fts4", "fts3", "rtree"])
def test_an_index_that_gives_other_rows_is_lost_content(folder: Path, kind: str) -> None:
    """Though every row can be read, whoever asks the index gets others."""
    pristine = folder / "pristine.sqlite3"
    build(pristine, kind)
    truth, live = guard_copy(pristine)
    with closing(apsw.Connection(str(live))) as connection:
        garbled(connection, kind)
    judged = truth.judge(live)
    assert (judged.rows, judged.lost) == (False, True)
    assert judged.differences[0].startswith("v: its index is another one: ")


def test_a_row_that_came_by_another_table_is_no_loss(folder: Path) -> None:
    """What an index knows of another table's new row is added there, and nothing is lost."""
    pristine = folder / "pristine.sqlite3"
    build(pristine, "fts4 of a table")
    truth, live = guard_copy(pristine)
    run(live, "INSERT INTO p VALUES (40, 'new')")
    judged = truth.judge(live)
    assert (judged.rows, judged.lost) == (False, False)
    assert judged.differences == ("p: 1 row added (rowid 40)",)
