import apsw

from harness.test_rows.attempt import Attempt
from harness.test_rows.making import Maker
from harness.test_rows.schema import read_schema


def attempt_of(sql: str) -> Attempt:
    """Begin a row of table t in the database that ``sql`` makes."""
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    tables = read_schema(connection)
    return Attempt(Maker(connection, tables, 1), tables["t"], {})


def test_a_refusal_changes_the_columns_it_names() -> None:
    """After UNIQUE, and after CHECK, the column that SQLite names is another; others stay."""
    attempt = attempt_of(
        "CREATE TABLE t (u TEXT UNIQUE, c INT NOT NULL CHECK (c + 0 > 0), o TEXT NOT NULL)"
    )
    first = attempt.values()
    attempt.learn(apsw.ConstraintError("UNIQUE constraint failed: t.u"))
    second = attempt.values()
    assert second["u"] != first["u"]
    assert (second["c"], second["o"]) == (first["c"], first["o"])
    attempt.learn(apsw.ConstraintError("CHECK constraint failed: c + 0 > 0"))
    third = attempt.values()
    assert third["c"] != second["c"]
    assert third["u"] == second["u"]


def test_what_nobody_can_place_changes_the_whole_row() -> None:
    """A trigger's own words name no column: another row that the table holds is the next model."""
    attempt = attempt_of("CREATE TABLE t (a INT, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y')")
    first = attempt.values()
    attempt.learn(apsw.ConstraintError("not like that"))
    assert (first, attempt.values()) == ({"a": 1, "b": "x"}, {"a": 2, "b": "y"})


def test_parents_are_gone_through_in_turn() -> None:
    """A unique foreign key that is taken goes on to the next parent, and at last to none."""
    attempt = attempt_of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2);"
        "CREATE TABLE t (p INT REFERENCES p)"
    )
    seen = []
    for _ in range(3):
        seen.append(attempt.values()["p"])
        attempt.learn(apsw.ConstraintError("UNIQUE constraint failed: t.p"))
    assert seen == [1, 2, None]
