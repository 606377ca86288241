"""The account of pages: nothing is suspected of what SQLite writes, and of what it never does."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.databases.sqlite.account import Account
from harness.databases.sqlite.states import State
from harness.databases.sqlite.trees import altered
from tests.databases.guarded import COUNT
from tests.databases.sqlite.garbling import GARBLINGS, SIZE_BYTES, Garbled
from tests.databases.sqlite.tables import apart, copied, image, made, pages_of

MORE = f"{COUNT.format(400)} INSERT INTO t(v) SELECT hex(zeroblob(i % 80)) FROM n;"
SOUND = {
    "rows": MORE,
    "rows there and gone": f"{MORE} DELETE FROM t WHERE rowid > 2000",
    "rows gone": "DELETE FROM t WHERE rowid % 3 = 1",
    "all rows gone": "DELETE FROM t; DELETE FROM w",
    "long rows": "INSERT INTO t VALUES (zeroblob(30000)); UPDATE w SET v = zeroblob(900)",
    "tables": "CREATE TABLE more(a PRIMARY KEY); DROP TABLE w; CREATE INDEX j ON t(v DESC)",
    "everything moved": "DROP TABLE w; VACUUM",
}
# What the pages alone tell; of the others only the entries do, or the rows.
BY_PAGES = (
    "the free list's length",
    "a free page twice",
    "a free page in use",
    "a free page that is not there",
    "free pages forgotten",
    "the order of a table's rows",
    "a key of a table's interior page",
    "the count of fragments",
)


def settled(before: State, now: State, differing: set[int]) -> Account:
    """Settle the account of two states."""
    account = Account(before, now, *altered(before.image, now.image, differing))
    account.settle()
    return account


@pytest.mark.parametrize("auto_vacuum", [0, 1, 2])
@pytest.mark.parametrize("what", SOUND)
def test_nothing_that_sqlite_writes_is_suspected(folder: Path, what: str, auto_vacuum: int) -> None:
    """Whatever statements do, pages are given and taken once, and their space adds up."""
    script = f"PRAGMA page_size = 512; PRAGMA auto_vacuum = {auto_vacuum};"
    script += "CREATE TABLE t(v); CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;"
    script += f"CREATE INDEX i ON t(v); {COUNT.format(2000)} INSERT INTO t SELECT i FROM n;"
    script += f"{COUNT.format(300)} INSERT INTO w SELECT i, hex(zeroblob(i % 60)) FROM n;"
    before = made(folder / "x.db", script)
    now = copied(before, folder / "y.db")
    now.execute(SOUND[what])
    states = [
        State(
            image(c),
            c.pragma("page_count"),
            [r for (r,) in c.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage")],
        )
        for c in (before, now)
    ]
    assert settled(states[0], states[1], apart(before, now)).suspicions == {}


@pytest.mark.parametrize("what", BY_PAGES)
def test_what_sqlite_never_writes_is_suspected(folder: Path, what: str) -> None:
    """Lists, orders and books that are wrong are suspected by the pages alone."""
    file = Garbled(folder)
    before = made(file.baseline, "")
    GARBLINGS[what][0](file)
    file.live.write_bytes(file.data)
    now = made(file.live, "")
    count = len(file.data) // SIZE_BYTES
    states = [State(image(c), count, ()) for c in (before, now)]
    assert settled(states[0], states[1], apart(before, now)).suspicions


def suspected(file: Garbled) -> dict[str, str]:
    """Settle the account of a garbled file."""
    file.live.write_bytes(file.data)
    before, now = made(file.baseline, ""), made(file.live, "")
    states = [
        State(image(connection), path.stat().st_size // SIZE_BYTES, ())
        for connection, path in ((before, file.baseline), (now, file.live))
    ]
    return settled(states[0], states[1], apart(before, now)).suspicions


def test_a_page_must_be_what_it_is_referred_to_as(folder: Path) -> None:
    """Children that a table and an index exchange, and a page of another kind, are suspected."""
    file = Garbled(folder)
    cells = [file.cell(file.pages(name, "internal")[-1], 0) for name in ("t", "n")]
    children = [file.number(cell) for cell in cells]
    for cell, child in zip(cells, children[::-1], strict=True):
        file.put_number(cell, child)
    assert suspected(file) == {
        f"page {children[0]}": "is no child of an index",
        f"page {children[1]}": "is no child of a table",
    }


def test_a_page_that_nobody_moved_keeps_its_kind(folder: Path) -> None:
    """The rest of a long row that now looks like a leaf is suspected."""
    file = Garbled(folder)
    page = file.pages("long", "overflow")[-1]
    file.put(file.at(page), bytes([13, 0, 0, 0, 0, 2, 0, 0]))
    assert suspected(file)[f"page {page}"] == "has become a page of another kind"


@pytest.mark.parametrize("swapped", [False, True])
def test_leaves_in_disorder_below_a_new_interior_page_are_suspected(
    folder: Path, swapped: bool
) -> None:
    """Of a tree that has grown the new interior pages are looked at as well."""
    file = Garbled(folder)
    file.execute(f"{COUNT.format(3000)} INSERT INTO t(name) SELECT 'more ' || i FROM n")
    known = file.pages("t", "internal")
    grown = pages_of(made(file.live, ""), "t", "internal")
    page = max(grown - {*known})
    if swapped:
        one, other = file.cell(page, 2), file.cell(page, 3)
        file.data[one : one + 4], file.data[other : other + 4] = (
            file.data[other : other + 4],
            file.data[one : one + 4],
        )
    assert set(suspected(file).values()) == (
        {"has rows that belong on another page"} if swapped else set()
    )


def test_a_wrong_map_is_suspected_whatever_else_was_written(folder: Path) -> None:
    """Also where another page differs that is no map, and only in what is free on it."""
    file = Garbled(folder, auto_vacuum=1)
    file.data[file.at(2) + 5 * 7 + 4] ^= 0x01  # the map begins on page 2, and tells of 3 first
    leaf = file.at(file.pages("w", "leaf")[-1])
    free = leaf + 8 + 2 * int.from_bytes(file.data[leaf + 3 : leaf + 5], "big")
    assert free < leaf + int.from_bytes(file.data[leaf + 5 : leaf + 7], "big")
    file.data[free] ^= 0x01
    assert suspected(file)


def test_leaves_that_hold_each_others_rows_are_suspected(folder: Path) -> None:
    """Where no row differs, a leaf that is referred to as before must hold what it did."""
    file = Garbled(folder)
    before = made(file.baseline, "")
    GARBLINGS["the order of a table's leaves"][0](file)
    file.live.write_bytes(file.data)
    now = made(file.live, "")
    states = [State(image(c), len(file.data) // SIZE_BYTES, ()) for c in (before, now)]
    account = settled(states[0], states[1], apart(before, now))
    assert account.suspicions == {}
    assert len(account.misplaced()) == 2
