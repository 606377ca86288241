import apsw
import pytest

from harness.test_rows.making import TRIES, Maker, Refused, insert_statement
from harness.test_rows.schema import read_schema


def maker_of(sql: str) -> tuple[apsw.Connection, Maker]:
    """Give a maker for the database that ``sql`` makes."""
    connection = apsw.Connection(":memory:")
    connection.pragma("foreign_keys", True)
    connection.execute(sql)
    return connection, Maker(connection, read_schema(connection), 1)


def test_a_row_holds_what_it_must() -> None:
    """Given columns hold just what was given; the row is found again by its entity's key."""
    connection, maker = maker_of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (7);"
        "CREATE TABLE c (id INTEGER PRIMARY KEY, p INT NOT NULL REFERENCES p, t TEXT NOT NULL)"
    )
    row = maker.row("c", {"p": 7})
    assert row.entity.key == (("id", 1),)
    assert connection.execute("SELECT p FROM c WHERE id = 1").fetchall() == [(7,)]
    assert row.read["p"] == 7


def test_what_is_refused_leaves_nothing_and_says_why() -> None:
    """After bounded tries the error names the table and SQLite's words, and no row is left."""
    connection, maker = maker_of(
        "CREATE TABLE t (a INT); CREATE TABLE tries (n INT); CREATE TRIGGER g BEFORE INSERT ON t "
        "BEGIN INSERT INTO tries VALUES (1); SELECT RAISE(ABORT, 'closed'); END"
    )
    with pytest.raises(Refused, match=r"table t: .*closed"):
        maker.row("t")
    assert connection.execute("SELECT count(*) FROM tries").fetchall() == [(0,)]
    assert TRIES < 1000


def test_a_trial_is_undone() -> None:
    """Trying a row tells whether it would be taken and leaves the table as it was."""
    connection, maker = maker_of("CREATE TABLE t (a INT NOT NULL)")
    table = read_schema(connection)["t"]
    assert maker.tried(table, {"a": 1})
    assert not maker.tried(table, {"a": None})
    assert connection.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_a_row_without_columns_is_an_insert_too() -> None:
    """A table whose only column is its number gets DEFAULT VALUES."""
    connection, maker = maker_of("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    assert insert_statement(read_schema(connection)["t"], ()).endswith("DEFAULT VALUES")
    assert [maker.row("t").entity.label for _ in range(2)] == ["delete t 1", "delete t 2"]
