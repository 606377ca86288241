"""Records and the schema, decoded without SQLite."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.file_format.image import Image
from harness.truth.sqlite_pages.file_format.records import Value, read_schema, values
from tests.truth.making import build, image

_ROW = st.tuples(
    *[
        st.one_of(
            st.none(),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False).filter(lambda x: x != 0 or math.copysign(1, x) > 0),
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            st.binary(max_size=200),
        )
    ]
    * 3
)


def _value(value: object) -> Value:
    if value is None:
        return "null", 0
    if isinstance(value, float):
        return "real", struct.pack(">d", value)
    if isinstance(value, str):
        return "text", value.encode()
    assert isinstance(value, int | bytes)
    return ("integer" if isinstance(value, int) else "blob"), value


@given(st.lists(_ROW, min_size=1, max_size=5))
def test_records_that_sqlite_wrote_are_read_back(rows: list[tuple[object, ...]]) -> None:
    """Every value comes back with its type: 1, 1.0, '1' and x'31' are four values."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a, b, c)").fetchall()
    connection.executemany("INSERT INTO t VALUES(?, ?, ?)", rows)
    data = connection.serialize("main")
    found = _rows_of(data)
    assert found == [tuple(_value(v) for v in row) for row in rows]


def _rows_of(data: bytes) -> list[tuple[Value, ...]]:
    pages = Image(memoryview(data))
    tree = walk(pages, 2, pages.content)
    return [values(payload) for leaf in tree.leaves for _, payload in pages.content(leaf).entries]


@pytest.mark.parametrize(
    "payload", [b"", b"\x02\x0a", b"\x02\x0b", b"\x02\x06abc", b"\x05\x01", b"\x02\x01ab"]
)
def test_a_record_that_does_not_fit_is_malformed(payload: bytes) -> None:
    """Headers and bodies that disagree are refused."""
    with pytest.raises(Malformed):
        values(payload)


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_the_schema_is_sql_s_own(folder: Path, encoding: str) -> None:
    """Names, roots and texts are those of sqlite_schema in every encoding."""
    path = folder / "a.sqlite3"
    build(path, encoding=encoding)
    connection = apsw.Connection(str(path))
    rows = connection.execute("SELECT * FROM sqlite_schema").fetchall()
    connection.close()
    assert list(map(tuple, read_schema(image(path)).values())) == rows
