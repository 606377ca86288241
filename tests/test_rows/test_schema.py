import apsw

from harness.test_rows.schema import Table, read_schema, restricted


def schema_of(sql: str) -> dict[str, Table]:
    """Read the schema that ``sql`` makes."""
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    return read_schema(connection)


def test_what_can_hold_rows() -> None:
    """Views, also broken ones, shadow tables and SQLite's own are none; virtual tables are."""
    tables = schema_of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW v AS SELECT no FROM a;"
        "CREATE VIRTUAL TABLE f USING fts5(body);"
        "CREATE VIRTUAL TABLE g USING fts5(body, content='a', content_rowid='id')"
    )
    assert list(tables) == ["a", "f", "g"]
    assert [(t.virtual, t.copies) for t in tables.values()] == [
        (False, False),
        (True, False),
        (True, True),
    ]


def test_what_finds_a_row_again() -> None:
    """The rowid's other name is told from keys that only look like it, also without any key."""
    tables = schema_of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY);"
        "CREATE TABLE c (id INTEGER PRIMARY KEY DESC); CREATE TABLE d (rowid, x);"
        "CREATE TABLE e (rowid, oid, _rowid_);CREATE TABLE w (id INTEGER PRIMARY KEY) WITHOUT ROWID"
    )
    assert [t.alias for t in tables.values()] == ["id", None, None, None, None, None]
    assert [t.key for t in tables.values()] == [
        ("id",),
        ("id",),
        ("id",),
        ("_rowid_",),
        (),
        ("id",),
    ]


def test_references_are_written_as_the_tables_are() -> None:
    """Names in another case, a key not named, a parent that is not there: each as it is meant."""
    tables = schema_of(
        "CREATE TABLE Users (Id INTEGER PRIMARY KEY);"
        "CREATE TABLE p (u INT REFERENCES users ON DELETE CASCADE, v INT REFERENCES USERS (ID),"
        " n INT REFERENCES nobody (x))"
    )
    found = [(r.columns, r.parent, r.referred, r.restricts) for r in tables["p"].references]
    assert sorted(found) == [
        (("n",), "nobody", ("x",), True),
        (("u",), "Users", ("Id",), False),
        (("v",), "Users", ("Id",), True),
    ]
    assert restricted(tables) == {"Users"}


def test_generated_columns_and_unique_expressions() -> None:
    """A generated column is only read; the columns of a unique expression count as unique."""
    table = schema_of(
        "CREATE TABLE t (a INT, b AS (a + 1), e TEXT);"
        "CREATE UNIQUE INDEX i ON t (lower(e)); CREATE INDEX j ON t (a)"
    )["t"]
    assert list(table.columns) == ["a", "e"]
    assert table.readable == ("a", "b", "e")
    assert table.uniques == (frozenset({"e"}),)
