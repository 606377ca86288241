"""What each page of a state is, by SQLite's own account of it."""

from pathlib import Path

import pytest

from harness.databases.sqlite.states import State, free_list, hands
from tests.databases.sqlite.garbling import GARBLINGS, SIZE_BYTES, Garbled
from tests.databases.sqlite.tables import TABLES, apart, copied, image, made, pages_of

NAMES = ("sqlite_schema", "t", "w", "i")


@pytest.mark.parametrize("auto_vacuum", [0, 1])
def test_every_page_in_use_is_referred_to_once(folder: Path, auto_vacuum: int) -> None:
    """Roots, children, overflow and free pages are all pages there are, each once."""
    script = f"PRAGMA page_size = 512; PRAGMA auto_vacuum = {auto_vacuum}; {TABLES}"
    script += "INSERT INTO t VALUES (zeroblob(9999)); DELETE FROM t WHERE rowid < 500;"
    connection = made(folder / "x.db", script)
    count = connection.pragma("page_count")
    roots = [r for (r,) in connection.execute("SELECT rootpage FROM sqlite_schema")]
    state = State(image(connection), count, roots)
    used = [number for number in range(1, count + 1) if state.uses(number)]
    referred = [page for number in used for page, *_ in state.references(number)]
    assert sorted([*referred, *state.roots]) == used
    said = {
        n
        for name in NAMES
        for k in ("leaf", "internal", "overflow")
        for n in pages_of(connection, name, k)
    }
    assert set(used) == said
    assert len(state.free_pages) == connection.pragma("freelist_count")


def test_a_free_list_that_is_none_says_why(folder: Path) -> None:
    """What SQLite finds wrong with a free list is found; that of a sound file is not."""
    for what, (garble, _) in GARBLINGS.items():
        if "free" not in what:
            continue
        for path in folder.iterdir():
            path.unlink()
        file = Garbled(folder)
        connection = made(file.live, "")
        count = len(file.data) // SIZE_BYTES
        assert not free_list(image(connection), count).wrong
        connection.close()
        garble(file)
        file.live.write_bytes(file.data)
        connection = made(file.live, "")
        # pages in use, and pages that no list has, show only beside the trees
        shows = what not in ("a free page in use", "free pages forgotten")
        assert bool(free_list(image(connection), count).wrong) is shows
        connection.close()


def test_hands_are_what_was_given_and_taken(folder: Path) -> None:
    """Where rows go into new pages, those are taken once; nothing else changes hands."""
    before = made(folder / "x.db")
    now = copied(before, folder / "y.db")
    now.execute("INSERT INTO t VALUES (zeroblob(20000))")
    states = [State(image(c), c.pragma("page_count"), ()) for c in (before, now)]
    new_pages = set(range(states[0].count + 1, states[1].count + 1))
    rewritten = apart(before, now) | new_pages
    used = states[0].used(rewritten), states[1].used(rewritten)
    gone, new = hands(states[0], states[1], used)
    assert not [reference for reference in gone if reference.page > states[0].count]
    taken = sorted(reference.page for reference in new)
    assert set(taken) >= new_pages
    assert len(taken) == len(set(taken))
