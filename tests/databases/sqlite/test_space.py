"""The space of pages that SQLite wrote adds up, and of others does not."""

from pathlib import Path

import pytest

from harness.databases.sqlite.space import adds_up, same_space
from tests.databases.guarded import COUNT
from tests.databases.sqlite.tables import TABLES, image, made, pages_of

HOLES = f"{TABLES} DELETE FROM t WHERE rowid % 3 = 0; UPDATE w SET v = substr(v, 1, k % 60);"
HOLES += f"{COUNT.format(30)} INSERT INTO t SELECT hex(zeroblob(i)) FROM n;"


@pytest.mark.parametrize("page_size", [512, 65536])
def test_what_sqlite_writes_adds_up(folder: Path, page_size: int) -> None:
    """Whatever was deleted and changed on them, the pages of a sound file add up."""
    connection = made(folder / "x.db", f"PRAGMA page_size = {page_size}; {HOLES}")
    look = image(connection)
    numbers = {
        number
        for name in "twi"
        for kind in ("leaf", "internal")
        for number in pages_of(connection, name, kind)
    }
    assert any(look.page(number)[1:3] != bytes(2) for number in numbers)  # there are free blocks
    for number in numbers:
        assert adds_up(look.page(number), look.node(number), 0, look.usable)
    assert adds_up(look.page(1), look.node(1), 100, look.usable)


@pytest.mark.parametrize(
    ("offset", "byte"), [(7, 60), (6, 3), (2, 1), (1, 0)], ids=["fragments", "start", "a", "b"]
)
def test_a_byte_of_the_books_changed_does_not(folder: Path, offset: int, byte: int) -> None:
    """A count of fragments, a start or a free block that is not so is seen."""
    connection = made(folder / "x.db", HOLES)
    look = image(connection)
    number = next(n for n in pages_of(connection, "t", "leaf") if look.page(n)[1:3] != bytes(2))
    page = bytearray(look.page(number))
    page[offset] = byte if page[offset] != byte else byte + 1
    assert not adds_up(bytes(page), look.node(number), 0, look.usable)
    assert not same_space(look.page(number), bytes(page), 0)
