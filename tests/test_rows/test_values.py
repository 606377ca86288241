from itertools import islice
from random import Random

import apsw
import pytest

from harness.test_rows.schema import Table, read_schema
from harness.test_rows.values import affinity, another, fresh, passes, suggestions


def generator() -> Random:
    """Give a generator that always begins the same."""
    return Random(1)  # noqa: S311 - test data, not secrets


def table_of(sql: str) -> tuple[apsw.Connection, Table]:
    """Make one table and read it."""
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    return connection, read_schema(connection)["t"]


@pytest.mark.parametrize(
    "base", ["ALFKI", "978-3-16", "2024-02-29 10:00", b"ab", 5, 2.5, 2**63 - 1]
)
def test_another_value_looks_the_same(base: object) -> None:
    """Another value has the same type, length and form, and is another."""
    made = another(base, generator())
    assert type(made) is type(base)
    assert made != base
    if isinstance(base, str):
        assert [c.isdigit() for c in made] == [c.isdigit() for c in base]
    if isinstance(base, int):
        assert made < 2**63


def test_suggestions_pass_the_checks_and_fit() -> None:
    """Nothing is suggested that a CHECK on the column alone refuses, or that is too long."""
    connection, table = table_of(
        "CREATE TABLE t (a VARCHAR(4) CHECK (a IN ('on', 'off')), b VARCHAR(3) DEFAULT 'xyz',"
        " c TEXT DEFAULT CURRENT_TIMESTAMP, d INT CHECK (json_extract('x', d)))"
    )
    found = {n: suggestions(connection, table, c, 1, []) for n, c in table.columns.items()}
    assert found["a"] == ["on", "off"]
    assert found["b"][0] == "xyz"
    assert all(len(one) <= 3 for one in found["b"] if isinstance(one, str))
    assert not str(found["c"][0]).startswith("20"), "another moment would make another row"
    assert found["d"] == []


def test_a_check_is_asked_in_sql() -> None:
    """The database says whether a value passes; a CHECK that is NULL passes, as in a table."""
    connection, table = table_of("CREATE TABLE t (a INT CHECK (a > 5))")
    checks, column = table.checks, table.columns["a"]
    assert [passes(connection, table, column, checks, v) for v in (6, 5, None)] == [1, 0, 1]


def test_fresh_values_go_on_and_differ() -> None:
    """Numbers continue after the greatest; texts look like those there and hardly repeat."""
    connection, table = table_of(
        "CREATE TABLE t (a INT UNIQUE, b TEXT UNIQUE); INSERT INTO t VALUES (41, 'AB-1')"
    )
    numbers = fresh(connection, table, table.columns["a"], [41], generator())
    assert next(numbers) == 42
    texts = fresh(connection, table, table.columns["b"], ["AB-1"], generator())
    made = list(islice(texts, 60))
    assert len(made[0]) == 4
    assert len(set(made)) > 50


def test_affinities() -> None:
    """Declared types mean what SQLite's own rules say."""
    assert [affinity(t) for t in ("VARCHAR(5)", "BIGINT", "DOUBLE", "DATETIME", "BLOB", "")] == [
        "TEXT",
        "INTEGER",
        "REAL",
        "NUMERIC",
        "BLOB",
        "BLOB",
    ]
