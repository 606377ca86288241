"""Pointer maps: what they say must be so."""

from pathlib import Path

from harness.databases.sqlite.pointer_maps import wrong_entries
from harness.databases.sqlite.states import State, hands
from tests.databases.guarded import COUNT
from tests.databases.sqlite.garbling import Garbled
from tests.databases.sqlite.tables import apart, copied, image, made

SCRIPT = f"""
PRAGMA page_size = 512; PRAGMA auto_vacuum = 1; CREATE TABLE t(v); CREATE INDEX i ON t(v);
{COUNT.format(900)} INSERT INTO t SELECT hex(zeroblob(i % 90)) FROM n;
"""


def test_what_sqlite_writes_is_right(folder: Path) -> None:
    """After rows that came and went and new tables every entry is as it must be."""
    before = made(folder / "x.db", SCRIPT)
    now = copied(before, folder / "y.db")
    now.execute(
        "DELETE FROM t WHERE rowid % 4 = 0; CREATE TABLE u(v); INSERT INTO u SELECT v FROM t;"
        "INSERT INTO u VALUES (zeroblob(9000))"
    )
    roots = [[r for (r,) in c.execute("SELECT rootpage FROM sqlite_schema")] for c in (before, now)]
    states = [
        State(image(c), c.pragma("page_count"), r)
        for c, r in zip((before, now), roots, strict=True)
    ]
    differing = apart(before, now)
    new_pages = set(range(states[0].count + 1, states[1].count + 1))
    rewritten = differing | new_pages | (states[0].free_pages ^ states[1].free_pages)
    used = states[0].used(rewritten), states[1].used(rewritten)
    new = hands(states[0], states[1], used)[1]
    assert len(new) > 20
    assert wrong_entries(states[0], states[1], differing, new) == []


def test_an_entry_that_is_not_so_is_found(folder: Path) -> None:
    """One entry changed by hand is the one that is told."""
    file = Garbled(folder, auto_vacuum=1)
    before = made(file.baseline, "")
    file.data[file.at(2) + 5 * 7 + 4] ^= 0x01  # the map begins on page 2, and tells of 3 first
    file.live.write_bytes(file.data)
    now = made(file.live, "")
    states = [State(image(c), c.pragma("page_count"), ()) for c in (before, now)]
    assert wrong_entries(states[0], states[1], {2}, []) == [10]
