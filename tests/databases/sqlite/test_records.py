"""Records, by SQLite's own word."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.databases.sqlite.records import root_in, values_of
from tests.databases.sqlite.tables import image, made, root_of

MANY = ";".join(f"CREATE TABLE t{i}(a /* sqlite_sequence */, b UNIQUE)" for i in range(60))


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_the_pages_say_where_a_table_begins(folder: Path, encoding: str, many: bool) -> None:
    """In any encoding, among few tables and among so many that the schema is a tree."""
    script = f"PRAGMA page_size = 1024; PRAGMA encoding = '{encoding}';"
    connection = made(folder / "x.db", script + (MANY if many else "CREATE TABLE one(a)"))
    assert root_in(image(connection), "sqlite_sequence") is None
    connection.execute("CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT)")
    assert root_in(image(connection), "sqlite_sequence") == root_of(connection, "sqlite_sequence")


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=300))))
def test_values_are_those_of_the_record(values: list[int | bytes | None]) -> None:
    """Integers of every size, blobs and NULL are read as they are written."""
    kinds, body = bytearray(), bytearray()
    for value in values:
        if value is None:
            kinds += b"\0"
        elif isinstance(value, int):
            kinds += b"\6"
            body += value.to_bytes(8, "big", signed=True)
        else:
            kind = 12 + 2 * len(value)
            kinds += bytes([kind]) if kind < 128 else bytes([kind >> 7 | 128, kind & 127])
            body += value
    size = len(kinds) + (1 if len(kinds) < 127 else 2)
    header = bytes([size]) if size < 128 else bytes([size >> 7 | 128, size & 127])
    assert [value for _, value in values_of(header + bytes(kinds + body))] == values
    with pytest.raises(IndexError):
        values_of(header + bytes(kinds + body) + b"x")
