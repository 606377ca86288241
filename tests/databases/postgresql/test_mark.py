from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from harness.databases.postgresql.mark import Mark, nothing_written
from tests.databases.postgresql.pairs import LIVE, Pair, opened
from tests.postgres import TWO_TABLES, Databases


def written(pair: Pair, mark: Mark, own: tuple[int, ...] = ()) -> bool:
    """Ask whether somebody has written."""
    with opened(pair.address()) as live:
        return not nothing_written(live, mark, own)


def marked(pair: Pair, *, alone: bool = True) -> Mark:
    """Take a mark now."""
    with opened(pair.address()) as live:
        return Mark.taken(pair.address(), live, alone=alone)


def test_reading_and_sequences_are_no_writing_and_all_else_is(databases: Databases) -> None:
    """Also a write to another database of the server counts: numbers are the server's."""
    pair = Pair(databases, TWO_TABLES)
    mark = marked(pair)
    pair.run("SELECT * FROM team", "BEGIN", "UPDATE team SET name = name", "ROLLBACK")
    assert written(pair, mark)
    mark = marked(pair)
    pair.run("SELECT * FROM team")
    assert not written(pair, mark)
    databases.admin("CREATE ROLE other")
    assert written(pair, mark)


def test_transactions_of_ones_own_do_not_count(databases: Databases) -> None:
    """Those that are named, or over which the mark was moved, in their order."""
    pair = Pair(databases, TWO_TABLES)
    mark = marked(pair)
    own = [int(pair.run("SELECT pg_current_xact_id()::text")[0][0]) for _ in range(2)]
    assert written(pair, mark)
    assert not written(pair, mark, tuple(own))
    assert not written(pair, mark.after(own[0]).after(own[1]))
    assert mark.after(own[1]) == mark
    pair.run("DELETE FROM team WHERE id = 9; INSERT INTO team VALUES (9, 'x')")
    assert written(pair, mark, tuple(own))


def test_what_needs_no_transaction_is_never_taken_for_nothing(databases: Databases) -> None:
    """UNLOGGED tables, which a crash empties; a dump's mark while others were at work."""
    pair = Pair(databases, TWO_TABLES)
    with databases.connect(LIVE) as other:
        other.execute("BEGIN; INSERT INTO team VALUES (5, 'later')")
        pair.run("INSERT INTO team VALUES (6, 'sooner')")
        mark = marked(pair, alone=False)
        assert mark.oldest < mark.next_number
        other.execute("COMMIT")
    assert written(pair, mark)
    pair.run("CREATE UNLOGGED TABLE u (a int)")
    assert written(pair, marked(pair))


def test_another_database_of_the_name_is_not_the_one(databases: Databases) -> None:
    """A mark says of which database it is; and JSON holds all of it."""
    pair = Pair(databases, TWO_TABLES)
    mark = marked(pair)
    assert Mark.from_json(mark.to_json()) == mark
    databases.admin(f"DROP DATABASE {LIVE}", f"CREATE DATABASE {LIVE}")
    own = tuple(range(mark.next_number, mark.next_number + 50))
    assert written(pair, mark, own)


def test_a_mark_that_numbers_have_passed_by_reaches_nothing() -> None:
    """Numbers of 32 bits come again; a server that was set back has not come so far."""
    mark = Mark(5, 1000, 900, alone=False)
    assert mark.first_new == 900
    assert mark.reaches(900)
    assert not mark.reaches(899)
    assert not mark.reaches(900 + 2**31)
