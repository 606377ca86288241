"""Whose row an overflow page holds."""

from pathlib import Path

from harness.databases.sqlite.holders import holders_of
from harness.databases.sqlite.states import State
from tests.databases.sqlite.tables import image, made, pages_of

SCRIPT = "PRAGMA page_size = 512; CREATE TABLE t(v); CREATE INDEX i ON t(v);"
SCRIPT += "".join(
    f"INSERT INTO t VALUES ({size} || hex(zeroblob({size})));" for size in range(0, 2000, 130)
)


def test_each_overflow_page_has_its_holder(folder: Path) -> None:
    """Each page of each chain leads to the page whose cell it continues; another page to none."""
    connection = made(folder / "x.db", SCRIPT)
    look = image(connection)
    state = State(look, connection.pragma("page_count"), ())
    seen = 0
    for name in ("t", "i"):
        for number in pages_of(connection, name, "leaf") | pages_of(connection, name, "internal"):
            for chain in look.node(number).chains:
                assert holders_of(state, {chain.first}) == ({number}, set())
                following = int.from_bytes(look.page(chain.first)[:4], "big")
                if following:
                    assert holders_of(state, {following}) == ({number}, set())
                    seen += 1
    assert seen > 3
    leaf = min(pages_of(connection, "t", "leaf"))
    assert holders_of(state, {leaf}) == (set(), {leaf})
