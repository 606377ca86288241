"""The file format, read without SQLite, says what SQLite says."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.truth.sqlite_pages.pages import (
    KINDS,
    Image,
    Malformed,
    Node,
    largest_local,
    local_bytes,
    occupied,
    space_adds_up,
    varint,
    walk,
)
from tests.truth.making import alter, build, image, root, run


def _encoded(value: int) -> bytes:
    """Encode a varint as the format describes it: seven bits a byte, eight in the ninth."""
    value &= 2**64 - 1
    if value >= 2**56:
        return bytes(value >> shift & 0x7F | 0x80 for shift in range(57, 7, -7)) + bytes(
            [value & 255]
        )
    groups = [value >> shift & 0x7F for shift in range(0, max(1, value.bit_length()), 7)][::-1]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


@given(st.integers(0, 2**64 - 1))
def test_a_varint_is_read_back(value: int) -> None:
    """Every 64-bit integer is read from its variable-length form, and where it ends."""
    data = _encoded(value)
    assert varint(b"\xff" + data + b"\x01", 1) == (value, 1 + len(data))


@given(st.integers(0, 10**6), st.booleans(), st.integers(480, 65536))
def test_what_a_page_keeps_of_a_payload_fits(payload: int, table_leaf: bool, usable: int) -> None:
    """The kept part is never more than X, and the rest fills whole overflow pages where it can."""
    kept = local_bytes(payload, table_leaf, usable)
    assert kept <= min(payload, largest_local(table_leaf, usable))
    least = (usable - 12) * 32 // 255 - 23
    assert kept in (payload, least) or (payload - kept) % (usable - 4) == 0


@pytest.mark.parametrize("page_size", [512, 1024, 8192, 65536])
@pytest.mark.parametrize("name", ["users", "notes"])
def test_every_row_is_found_in_order(folder: Path, page_size: int, name: str) -> None:
    """Walking a table's tree gives SQL's rowids and lengths, overflow chains followed."""
    path = folder / "a.sqlite3"
    build(path, page_size=page_size, rows=300)
    run(path, f"INSERT INTO {name}(rowid) VALUES(-9)", f"INSERT INTO {name}(rowid) VALUES({2**62})")
    pages = image(path)
    tree = walk(pages, root(path, name), pages.content)
    entries = [entry for leaf in tree.leaves for entry in pages.content(leaf).entries]
    connection = apsw.Connection(str(path))
    rows = connection.execute(f"SELECT rowid, body FROM {name if name == 'notes' else 'bots'}")
    wanted = dict(rows.fetchall())
    rowids = [row[0] for row in connection.execute(f"SELECT rowid FROM {name}").fetchall()]
    connection.close()
    assert [rowid for rowid, _ in entries] == sorted(rowids)
    if name == "notes":
        for rowid, payload in entries:
            body = wanted[rowid] or b""
            assert (body if isinstance(body, bytes) else body.encode()) in payload


def test_leaves_come_with_their_bounds(folder: Path) -> None:
    """Each leaf's rowids lie between what its parents say."""
    path = folder / "a.sqlite3"
    build(path, page_size=512, rows=400)
    pages = image(path)
    tree = walk(pages, root(path, "users"), pages.content)
    assert len(tree.leaves) > 10
    for leaf, (low, high) in tree.leaves.items():
        rowids = [rowid for rowid, _ in pages.content(leaf).entries]
        assert low is None or low < rowids[0]
        assert high is None or rowids[-1] <= high


def test_the_space_of_every_page_adds_up_and_a_lie_does_not(folder: Path) -> None:
    """Pages that SQLite wrote add up; a fragment, a block or a start that is wrong does not."""
    path = folder / "a.sqlite3"
    build(path, rows=200)
    run(path, "DELETE FROM bots WHERE id % 3 = 0")
    pages = image(path)
    for leaf in walk(pages, root(path, "bots"), pages.content).leaves:
        page, node, _, _ = pages.content(leaf)
        assert _adds_up(pages, leaf, page, node)
        for at in (2, 6, 7):
            lie = bytearray(page)
            lie[at] ^= 4
            assert not _adds_up(pages, leaf, bytes(lie), node)
        mask = occupied(page, leaf, node)
        lowest = min(cell.at for cell in node.cells)
        hole = mask[:lowest] + bytes([0]) + mask[lowest + 1 :]
        size = sum(cell.size for cell in node.cells)
        assert not space_adds_up(page, leaf, pages.usable, hole, size)


def _adds_up(pages: Image, number: int, page: bytes, node: Node) -> bool:
    mask = occupied(page, number, node)
    return space_adds_up(page, number, pages.usable, mask, sum(cell.size for cell in node.cells))


def test_a_free_list_is_read_whole(folder: Path) -> None:
    """Trunks and leaves together are as many pages as SQLite says."""
    path = folder / "a.sqlite3"
    build(path, page_size=512, rows=600)
    run(path, "DROP TABLE notes", "DROP TABLE pairs")
    trunks, leaves = image(path).free_list()
    connection = apsw.Connection(str(path))
    count = connection.execute("PRAGMA freelist_count").fetchall()[0][0]
    connection.close()
    assert len(trunks) > 1
    assert len({*trunks, *leaves}) == count


def test_the_header_says_what_the_pragmas_say(folder: Path) -> None:
    """Settings are read from where SQLite keeps them."""
    path = folder / "a.sqlite3"
    build(path, encoding="UTF-16be", auto_vacuum="INCREMENTAL", reserved=16)
    run(path, "PRAGMA user_version = -3", "PRAGMA application_id = 17")
    header = image(path).header
    assert header.settings == {
        "page_size": 1024,
        "reserved_bytes": 16,
        "journal_mode": "rollback 1/1",
        "default_cache_size": 0,
        "encoding": "UTF-16be",
        "auto_vacuum": "incremental",
        "user_version": -3,
        "application_id": 17,
    }
    assert header.usable == 1008


@given(st.binary(min_size=512, max_size=512), st.sampled_from(sorted(KINDS)), st.integers(0, 99))
def test_any_bytes_are_a_node_or_malformed(data: bytes, kind: int, count: int) -> None:
    """A page of noise never raises anything but Malformed."""
    data = data[:100] + bytes([kind]) + data[101:103] + bytes([0, count]) + data[105:]
    noise = Image.__new__(Image)  # no header: only its pages matter here
    noise.data, noise.page_size, noise.usable, noise.page_count = data, 512, 512, 1
    try:
        node = noise.content(1).node
    except Malformed:
        return
    assert (node.kind, len(node.cells)) == (kind, count)


def test_a_leaf_twice_in_its_tree_is_malformed(folder: Path) -> None:
    """A parent that names one child twice is refused."""
    path = folder / "a.sqlite3"
    build(path, page_size=512, rows=400)
    pages, top = image(path), root(path, "users")
    first, second = pages.node(top).cells[:2]
    alter(path, (top - 1) * 512 + second.at, first.child.to_bytes(4, "big"))
    pages = image(path)
    with pytest.raises(Malformed, match="is twice in its tree"):
        walk(pages, top, pages.content)


def test_an_overflow_chain_that_goes_on_is_malformed(folder: Path) -> None:
    """A chain ends where its payload ends."""
    path = folder / "a.sqlite3"
    build(path)
    pages = image(path)
    tree = walk(pages, root(path, "notes"), pages.content)
    leaf, chain = next((n, c) for n in tree.leaves if (c := pages.content(n).chains))
    alter(path, (chain[-1] - 1) * 1024, (1).to_bytes(4, "big"))
    with pytest.raises(Malformed, match="does not end"):
        image(path).content(leaf)
