from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from harness.databases.postgresql.mark import Mark
from tests.databases.postgresql.pairs import LIVE, Pair, opened
from tests.postgres import TWO_TABLES, Databases


def marked(pair: Pair, *, alone: bool = True) -> Mark:
    """Take a mark now."""
    with opened(pair.address()) as live:
        return Mark.taken(pair.address(), live, alone=alone)


def test_it_knows_what_was_under_way(databases: Databases) -> None:
    """A dump leaves out what others had not committed: from the oldest on rows count as new."""
    pair = Pair(databases, TWO_TABLES)
    with databases.connect(LIVE) as other:
        other.execute("BEGIN; INSERT INTO team VALUES (5, 'later')")
        pair.run("INSERT INTO team VALUES (6, 'sooner')")
        mark = marked(pair, alone=False)
        other.execute("COMMIT")
    assert mark.first_new == mark.oldest < mark.next_number


def test_json_holds_all_of_it(databases: Databases) -> None:
    """What was noted is read as it was, of which database it is among it."""
    pair = Pair(databases, TWO_TABLES)
    mark = marked(pair)
    assert Mark.from_json(mark.to_json()) == mark
    databases.admin(f"DROP DATABASE {LIVE}", f"CREATE DATABASE {LIVE}")
    assert marked(pair).database != mark.database


def test_a_mark_that_numbers_have_passed_by_reaches_nothing() -> None:
    """Numbers of 32 bits come again; a server that was set back has not come so far."""
    mark = Mark(5, 1000, 900, alone=False)
    assert mark.first_new == 900
    assert mark.reaches(900)
    assert not mark.reaches(899)
    assert not mark.reaches(900 + 2**31)
