from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

import psycopg

from harness.databases.postgresql.reading import both, each, is_of_what_is_read, one_moment, texts
from tests.databases.postgresql.pairs import Pair, opened
from tests.postgres import TWO_TABLES, Databases


def test_a_database_is_read_as_of_one_moment(databases: Databases) -> None:
    """What others commit meanwhile is not seen; who is in a transaction stays in it."""
    pair = Pair(databases, TWO_TABLES)
    count = "SELECT count(*) FROM public.team"
    with opened(pair.address()) as one:
        with one_moment(one):
            assert one.execute(count).fetchall() == [(2,)]
            pair.run("INSERT INTO team VALUES (3, 'x')")
            with one_moment(one):
                assert one.execute(count).fetchall() == [(2,)]
            assert one.execute(count).fetchall() == [(2,)]
        assert one.execute(count).fetchall() == [(3,)]


def test_one_that_cannot_be_read_does_not_keep_the_others(databases: Databases) -> None:
    """Its error is told in one line; what is the session's own is raised."""
    pair = Pair(databases, TWO_TABLES)
    with opened(pair.address()) as one, one_moment(one):
        rows, failed = each(one, [0, 1, 2], lambda n: f"SELECT {n}, 1 / ({n} - 1)")
        assert sorted(rows) == [(0, -1), (2, 1)]
        assert failed == {1: "division by zero"}
        one.execute("SET LOCAL statement_timeout = 1")
        with pytest.raises(psycopg.errors.QueryCanceled):
            each(one, [0], lambda n: "SELECT pg_sleep(1)")
    assert not is_of_what_is_read(psycopg.errors.LockNotAvailable())
    assert not is_of_what_is_read(psycopg.OperationalError())
    assert is_of_what_is_read(psycopg.errors.DataCorrupted())


def test_values_are_read_as_the_server_writes_them(databases: Databases) -> None:
    """No type is turned into anything of the driver's."""
    pair = Pair(databases, TWO_TABLES)
    with opened(pair.address()) as one:
        rows = texts(
            one, "SELECT true, 1.50, NULL, '{1,NULL}'::int[], 'ü'::text, '[1,2)'::int4range"
        )
    assert rows == [("t", "1.50", None, "{1,NULL}", "ü", "[1,2)")]


def test_both_are_called_and_an_error_of_either_is_raised() -> None:
    """The baseline's is called beside the live one's."""

    def fail() -> int:
        raise ValueError("no")

    assert both(lambda: 1, lambda: 2) == (1, 2)
    for one, other in ((fail, int), (int, fail)):
        with pytest.raises(ValueError, match="no"):
            both(one, other)
