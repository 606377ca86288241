"""The cells of a page, by SQLite's own word."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.databases.sqlite.cells import varint
from harness.databases.sqlite.pages import Unfollowable
from tests.databases.sqlite.tables import image, made, pages_of, root_of

LONG = "CREATE TABLE t(v); CREATE INDEX i ON t(v);"
LONG += "".join(f"INSERT INTO t VALUES (hex(zeroblob({size})));" for size in range(40, 640, 3))


@pytest.mark.parametrize("page_size", [512, 4096])
def test_a_node_is_what_sqlite_says_of_the_page(folder: Path, page_size: int) -> None:
    """Cells, payload on the page and overflow pages are counted as dbstat counts them."""
    connection = made(folder / "x.db", f"PRAGMA page_size = {page_size}; {LONG}")
    look = image(connection)
    said = "SELECT pageno, ncell, pagetype FROM dbstat WHERE name IN ('t', 'i')"
    overflowing = 0
    for number, cells, kind in connection.execute(said).fetchall():
        if kind == "overflow":
            overflowing += 1
            continue
        node = look.node(number)
        assert len(node.spans) == cells
        assert len(node.children) == (cells + 1 if kind == "internal" else 0)
    firsts = {
        chain.first
        for name in ("t", "i")
        for kind in ("leaf", "internal")
        for number in pages_of(connection, name, kind)
        for chain in look.node(number).chains
    }
    if page_size == 512:
        assert firsts
        assert firsts <= pages_of(connection, "t", "overflow") | pages_of(
            connection, "i", "overflow"
        )
        assert overflowing >= len(firsts)


@pytest.mark.parametrize("page_size", [512, 1024, 4096])
def test_payloads_leave_their_page_from_the_very_byte_on(folder: Path, page_size: int) -> None:
    """Of payloads of every size about the largest that stays whole, SQLite moves the same ones."""
    largest = {"t": page_size - 35, "i": (page_size - 12) * 64 // 255 - 23}
    sizes = sorted({most + more for most in largest.values() for more in range(-12, 4)})
    connection = made(
        folder / "x.db",
        f"PRAGMA page_size = {page_size}; CREATE TABLE t(v); CREATE INDEX i ON t(v);"
        + "".join(f"INSERT INTO t VALUES (zeroblob({size}));" for size in sizes),
    )
    for name in largest:
        said = dict(connection.execute("SELECT path, pageno FROM dbstat WHERE name = ?", (name,)))
        begins = {  # the page's path, the cell's number in three digits, +000000
            (said[path[:-10]], int(path[-10:-7], 16), number)
            for path, number in said.items()
            if path.endswith("+000000")
        }
        found = {
            (number, chain.cell, chain.first)
            for path, number in said.items()
            if "+" not in path
            for chain in image(connection).node(number).chains
        }
        assert 0 < len(found) < len(sizes)
        assert found == begins


def test_rowids_are_the_tables_own(folder: Path) -> None:
    """The rowids on a table's leaves are those of its rows, in order."""
    connection = made(folder / "x.db")
    leaves = pages_of(connection, "t", "leaf")
    rowids = sorted(rowid for number in leaves for rowid in image(connection).node(number).rowids)
    assert rowids == [rowid for (rowid,) in connection.execute("SELECT rowid FROM t")]


def test_what_is_no_page_of_a_tree_has_no_cells(folder: Path) -> None:
    """A page that is not there and one of another kind raise Unfollowable."""
    connection = made(folder / "x.db", LONG.replace("zeroblob(", "zeroblob(4000 + "))
    for number in (99999, min(pages_of(connection, "t", "overflow"))):
        with pytest.raises(Unfollowable):
            image(connection).node(number)
    assert image(connection).node(root_of(connection, "t")).children


@given(st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 300)))
def test_a_number_is_read_as_it_is_written(value: int) -> None:
    """Variable-length integers of every length, seven bits a byte, eight in the ninth."""
    if value < 1 << 56:
        groups = [value >> shift & 0x7F for shift in range(0, 63, 7)]
        while len(groups) > 1 and not groups[-1]:
            groups.pop()
        written = bytes([group | 0x80 for group in groups[:0:-1]] + groups[:1])
    else:
        high = value >> 8
        written = bytes([high >> shift & 0x7F | 0x80 for shift in range(49, -1, -7)])
        written += bytes([value & 0xFF])
    assert varint(b"\xff" + written, 1) == (value, 1 + len(written))


def test_a_negative_rowid_has_nine_bytes() -> None:
    """The sign is the first bit of nine bytes."""
    assert varint(b"\xff" * 9, 0) == (-1, 9)
