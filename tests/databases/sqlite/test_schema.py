from __future__ import annotations

from collections import defaultdict

import apsw
import pytest
from hypothesis import given, settings

from harness.databases.schema import Sequence, Trigger, UniqueKey
from harness.databases.sqlite import schema as reader
from harness.databases.sqlite import stored as stored_reader
from harness.databases.sqlite.names import folded
from tests.databases.sqlite.drawn_schemas import Drawn, schemas


def made(sql: str) -> apsw.Connection:
    """Make a database in memory."""
    connection = apsw.Connection(":memory:")
    connection.execute(sql).fetchall()
    return connection


@settings(max_examples=40, deadline=None)
@given(schemas())
def test_the_reader_finds_what_the_definitions_say(drawn: list[Drawn]) -> None:
    """Columns, keys, foreign keys, CHECKs and sequences are those written, spelt as defined."""
    connection = made("; ".join(one.sql for one in drawn))
    found = reader.schema(connection)
    assert list(found.tables) == [one.name for one in drawn]
    for one in drawn:
        table = found.tables[one.name]
        assert (table.name, table.sql, table.virtual) == (one.name, one.sql, False)
        assert table.columns == one.columns
        assert (table.primary_key, table.numbered) == (one.primary_key, one.numbered)
        assert table.rowid == one.rowid
        assert [key.columns for key in table.unique_keys] == ([one.unique] if one.unique else [])
        assert table.foreign_keys == one.foreign_keys
        assert table.checks == one.checks
    assert found.sequences == tuple(
        Sequence(one.name, one.name, str(one.numbered)) for one in drawn if one.remembers
    )
    assert found.triggers == ()


@settings(max_examples=40, deadline=None)
@given(schemas())
def test_a_part_is_that_part_of_the_whole(drawn: list[Drawn]) -> None:
    """Whoever asks for less is told the same."""
    connection = made("; ".join(one.sql for one in drawn))
    whole = reader.schema(connection).tables
    keys = reader.foreign_keys(connection)
    referred: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys:
        referred[key.table].add(key.parent)
    assert stored_reader.referred_tables(connection) == referred
    assert reader.users_tables(connection) == sorted(whole)
    stored = stored_reader.stored_tables(connection, stored_reader.objects(connection))
    assert {name for name in stored if not name.startswith("sqlite_")} == whole.keys()
    for name, table in whole.items():
        assert reader.table(connection, folded(name).upper() if name.isascii() else name) == table
        assert reader.columns(connection, name) == table.columns
        every = tuple(column.name for column in table.columns)
        stored_ones = tuple(column.name for column in table.columns if column.stored)
        names = stored_reader.column_names(connection, name)
        assert names == (every, stored_ones, table.primary_key)
        assert tuple(key for key in keys if key.table == name) == table.foreign_keys
        without = "WITHOUT ROWID" in table.sql
        assert stored_reader.is_without_rowid(connection, name) is without
        assert stored[name] == (name, stored_reader.root_of(connection, name), table.sql, without)


def test_what_is_a_users_table() -> None:
    """Views, also broken ones, shadow tables and SQLite's own are none; virtual tables are."""
    connection = made(
        "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW v AS SELECT no FROM a;"
        "CREATE VIRTUAL TABLE f USING fts5(body); CREATE VIEW w AS SELECT id FROM a"
    )
    tables = reader.schema(connection).tables
    assert {name: table.virtual for name, table in tables.items()} == {"a": False, "f": True}
    assert reader.users_tables(connection) == ["a", "f"]
    assert {"a", "f", "f_data", "sqlite_sequence"} <= set(stored_reader.names(connection, "table"))
    assert stored_reader.names(connection, "view") == ["v", "w"]
    assert set(stored_reader.names(connection)) > set(stored_reader.names(connection, "table"))
    shadow = reader.table(connection, "f_data")
    assert shadow is not None
    assert shadow.numbered == "id"
    assert reader.table(connection, "v") is None
    hidden = [column.name for column in tables["f"].columns if column.hidden]
    assert hidden == ["f", "rank"]
    assert tables["f"].rowid == "rowid"


def test_keys_that_indexes_make() -> None:
    """Partial and computed ones are told apart; the primary key's own index is no second key."""
    connection = made(
        "CREATE TABLE t (k TEXT PRIMARY KEY, a, b, e); CREATE INDEX plain ON t (a);"
        "CREATE UNIQUE INDEX some ON t (b, a) WHERE a > 0; CREATE UNIQUE INDEX both ON t (a, b);"
        "CREATE UNIQUE INDEX small ON t (a, lower(e))"
    )
    table = reader.schema(connection).tables["t"]
    assert set(table.unique_keys) == {
        UniqueKey("some", ("b", "a"), partial=True, computed=False),
        UniqueKey("both", ("a", "b"), partial=False, computed=False),
        UniqueKey("small", ("a", "e"), partial=False, computed=True),
    }
    assert table.primary_key == ("k",)


@pytest.mark.parametrize(
    ("definition", "numbered"),
    [
        ("id INTEGER PRIMARY KEY", "id"),
        ("id INTEGER PRIMARY KEY DESC", None),
        ("id INT PRIMARY KEY", None),
        ("id INTEGER, b, PRIMARY KEY (id, b)", None),
    ],
)
def test_which_column_sqlite_numbers(definition: str, numbered: str | None) -> None:
    """Only what is the rowid's other name; a row without a value says so."""
    connection = made(f"CREATE TABLE t (x, {definition})")
    assert reader.schema(connection).tables["t"].numbered == numbered
    connection.execute("INSERT INTO t (x) VALUES (1)")
    assert (connection.execute("SELECT id FROM t").get == 1) is (numbered is not None)


def test_triggers_of_tables_and_of_views() -> None:
    """Each with what it belongs to and its definition."""
    text = "CREATE TRIGGER {} INSERT ON {} BEGIN SELECT 1; END"
    connection = made(
        f"CREATE TABLE t (a); CREATE VIEW v AS SELECT a FROM t; {text.format('one AFTER', 't')};"
        + text.format("two INSTEAD OF", "v")
    )
    assert reader.schema(connection).triggers == (
        Trigger("one", "t", text.format("one AFTER", "t")),
        Trigger("two", "v", text.format("two INSTEAD OF", "v")),
    )


def test_only_the_database_itself_is_asked() -> None:
    """An attached database, and temporary tables of the same name, do not show."""
    connection = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); ATTACH ':memory:' AS other;"
        "CREATE TABLE other.u (a); CREATE TABLE other.t (b REFERENCES u);"
        "CREATE TEMP TABLE t (c REFERENCES t, d UNIQUE)"
    )
    tables = reader.schema(connection).tables
    assert list(tables) == ["t"]
    assert [column.name for column in tables["t"].columns] == ["id"]
    assert tables["t"].unique_keys == tables["t"].foreign_keys == ()
    assert reader.table(connection, "u") is None


def test_a_module_that_is_not_there() -> None:
    """The table is among the unread, with the reason; what does not need it can be read."""
    connection = made("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES P)")
    connection.execute(
        "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES"
        "('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING nobodys(x)');"
        "PRAGMA writable_schema = RESET"
    ).fetchall()
    whole = reader.schema(connection)
    assert (list(whole.tables), whole.unread) == (["p", "c"], {"v": "no such module: nobodys"})
    for ask in (lambda c: reader.table(c, "v"), lambda c: reader.columns(c, "v")):
        with pytest.raises(apsw.SQLError, match="no such module: nobodys"):
            ask(connection)
    assert [(key.parent, key.referred) for key in reader.foreign_keys(connection)] == [
        ("p", ("id",))
    ]
    assert reader.users_tables(connection) == ["c", "p", "v"]


def test_where_things_begin() -> None:
    """Every b-tree has its page; views and virtual tables have none."""
    connection = made("CREATE TABLE t (a UNIQUE); CREATE VIEW v AS SELECT a FROM t")
    assert stored_reader.roots(connection) == {"t": 2, "sqlite_autoindex_t_1": 3}
    assert stored_reader.root_of(connection, "t") == 2
    assert stored_reader.root_of(connection, "nothing") is None
    assert stored_reader.objects(connection)["index", "sqlite_autoindex_t_1"] == ("t", 3, None)


def test_what_autoincrement_remembers() -> None:
    """Row by row, also what SQLite itself would not write; without such a table it is an error."""
    connection = made("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    assert stored_reader.sequence_rows(connection) == []
    connection.execute("INSERT INTO t VALUES (41); DELETE FROM t").fetchall()
    connection.execute("INSERT INTO sqlite_sequence VALUES ('t', 'x')")
    assert stored_reader.sequence_rows(connection) == [(1, "t", 41), (2, "t", "x")]
    with pytest.raises(apsw.SQLError, match="no such table"):
        stored_reader.sequence_rows(made("CREATE TABLE t (id)"))
