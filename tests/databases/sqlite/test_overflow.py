"""Long payloads, put together again."""

from pathlib import Path

import pytest

from harness.databases.sqlite.cells import Chain
from harness.databases.sqlite.overflow import entries_of, rest_of
from harness.databases.sqlite.pages import Unfollowable
from tests.databases.sqlite.tables import image, made, pages_of

SIZES = range(1, 3000, 61)


def test_an_entry_is_whole_wherever_it_is(folder: Path) -> None:
    """Each value of any length is in its index's entry, over as many pages as it takes."""
    script = "PRAGMA page_size = 512; CREATE TABLE t(v); CREATE INDEX i ON t(v);"
    script += "".join(
        f"INSERT INTO t VALUES ('{size}|' || printf('%.{size}c', 'x'));" for size in SIZES
    )
    connection = made(folder / "x.db", script)
    entries = [
        entry
        for kind in ("leaf", "internal")
        for number in pages_of(connection, "i", kind)
        for entry in entries_of(image(connection), number)
    ]
    for size in SIZES:
        value = f"{size}|{'x' * size}".encode()
        assert sum(value in entry and value + b"x" not in entry for entry in entries) >= 1
    assert len(entries) == len(SIZES)


def test_a_chain_of_another_length_is_none(folder: Path) -> None:
    """A chain that ends early, goes on, or leads nowhere raises Unfollowable."""
    script = "PRAGMA page_size = 512; CREATE TABLE t(v); INSERT INTO t VALUES (zeroblob(3000))"
    connection = made(folder / "x.db", script)
    [leaf] = pages_of(connection, "t", "leaf")
    look = image(connection)
    [chain] = look.node(leaf).chains
    assert rest_of(look, chain) == bytes(chain.size_bytes)
    for first, size_bytes in (
        (chain.first, chain.size_bytes + 512),
        (chain.first, chain.size_bytes - 512),
        (9999, 10),
    ):
        with pytest.raises(Unfollowable):
            rest_of(look, Chain(0, first, size_bytes))
