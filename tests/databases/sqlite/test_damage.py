"""What is damaged is a difference, though every row can be read; what SQLite writes never is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.databases import Differences
from tests.databases.guarded import COUNT, MODES, Guarded
from tests.databases.sqlite.garbling import GARBLINGS, SIZE_BYTES, Garbled, integrity


@pytest.mark.parametrize("what", GARBLINGS)
def test_what_is_garbled_is_told(folder: Path, what: str) -> None:
    """Each kind of damage that SQLite's own check finds is found, and told by its name."""
    garble, told = GARBLINGS[what]
    file = Garbled(folder)
    assert file.found() == Differences()
    garble(file)
    found = file.found()
    assert file.complaint() != "ok"
    assert not found.clean("rows")
    assert [line for line in found.sentences() if line.startswith(told)], found.sentences()


def test_a_wrong_pointer_map_is_told(folder: Path) -> None:
    """Of a file with auto_vacuum each page's entry in the pointer map must be right."""
    file = Garbled(folder, auto_vacuum=1)
    file.data[file.at(2) + 5 * 7 + 4] ^= 0x01
    found = file.found()
    assert "ok" not in file.complaint()
    assert found.damage


def _map_of_free_pages(file: Garbled) -> None:
    page = file.number(file.at(file.number(32)) + 8)  # the first that the list's trunk names
    step = SIZE_BYTES // 5 + 1
    map_page = (page - 2) // step * step + 2
    file.data[file.at(map_page) + 5 * (page - map_page - 1) + 4] ^= 0x01


@pytest.mark.parametrize(
    ("what", "auto_vacuum"),
    [
        (_map_of_free_pages, 2),
        (lambda file: file.put_number(52, 3), 1),
        (lambda file: file.put_number(64, 1), 0),
    ],
    ids=["the map of free pages", "the largest root", "incremental without auto_vacuum"],
)
def test_what_only_auto_vacuum_reads_is_told(
    folder: Path, what: Callable[[Garbled], None], auto_vacuum: int
) -> None:
    """What SQLite finds wrong with fields and pages that no pragma and no row tells of."""
    file = Garbled(folder, auto_vacuum=auto_vacuum)
    what(file)
    assert not file.found().clean("rows")
    assert file.complaint() != "ok"


def test_a_file_that_ends_before_its_pages_is_not_clean(folder: Path) -> None:
    """Pages beyond the end that the header names are missed by whoever refers to them."""
    file = Garbled(folder, auto_vacuum=1)
    file.put_number(28, max(file.pages("t", "internal")))
    try:
        assert not file.found().clean("rows")
    except apsw.CorruptError:
        assert "malformed" in file.complaint()


@given(st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_sqlite_finds_wrong_is_found(folder: Path, data: st.DataObject) -> None:
    """Random bytes anywhere: where SQLite's own check complains the database is not clean."""
    for path in folder.iterdir():
        path.unlink()
    file = Garbled(folder, auto_vacuum=data.draw(st.sampled_from([0, 1])))
    kind = data.draw(st.sampled_from(["leaf", "internal", "overflow"]))
    name = data.draw(st.sampled_from(["t", "n", "w", "long", "long_v", "sqlite_autoindex_t_1"]))
    pages = file.pages(name, kind) or [1]
    number = data.draw(st.sampled_from(pages))
    # half of them into the page's own header and its array of pointers
    place = data.draw(st.one_of(st.integers(0, 40), st.integers(0, SIZE_BYTES - 1)))
    offset = file.at(number) + place + (100 if number == 1 else 0)
    file.put(offset, data.draw(st.binary(min_size=1, max_size=4)))
    try:
        found = file.found()
    except (apsw.CorruptError, apsw.NotADBError):
        return  # whoever asks says so: see what the guard makes of it
    if integrity(file.live) != "ok":
        assert not found.clean("rows")


# Rows come and go, short and long; what was there moves on its pages and to neighbours.
PASSING = (
    f"{COUNT.format(90)} INSERT INTO t(name, n) SELECT hex(zeroblob(10 + i % 30)) || i, i FROM n",
    f"{COUNT.format(40)} INSERT INTO w SELECT i + 0.5, hex(zeroblob(i)) FROM n",
    "INSERT INTO long SELECT id || hex(zeroblob(400)) FROM t LIMIT 3",
    "DELETE FROM long WHERE rowid > 6; DELETE FROM w WHERE a > round(a)",
    "DELETE FROM w WHERE typeof(a) = 'real'; DELETE FROM t WHERE id > 600",
)


@given(st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_sqlite_finds_wrong_where_rows_moved_is_found(
    folder: Path, data: st.DataObject
) -> None:
    """Random bytes on pages whose rows only moved: where SQLite complains it is not clean."""
    for path in folder.iterdir():
        path.unlink()
    file = Garbled(folder, auto_vacuum=data.draw(st.sampled_from([0, 1])))
    sound = bytes(file.data)
    file.execute(*PASSING)
    assert file.found().clean("rows")
    changed = [
        number
        for number in range(1, len(sound) // SIZE_BYTES + 1)
        if sound[file.at(number) : file.at(number + 1)]
        != file.data[file.at(number) : file.at(number + 1)]
    ]
    number = data.draw(st.sampled_from(changed))
    place = data.draw(st.one_of(st.integers(0, 40), st.integers(0, SIZE_BYTES - 1)))
    file.put(file.at(number) + place, data.draw(st.binary(min_size=1, max_size=2)))
    try:
        found = file.found()
    except (apsw.CorruptError, apsw.NotADBError):
        return
    if integrity(file.live) != "ok":
        assert not found.clean("rows")


@pytest.mark.parametrize("mode", MODES)
def test_an_index_in_the_order_of_another_collation(folder: Path, mode: str) -> None:
    """REINDEX under another version of a collation is seen, which nobody here knows."""
    path = folder / "x.db"
    with closing(apsw.Connection(str(path))) as own:
        own.create_collation("own", lambda a, b: (a > b) - (a < b))
        own.execute("CREATE TABLE t(a TEXT COLLATE own, b); CREATE INDEX a ON t(a)")
        own.execute("CREATE INDEX b ON t(b)")
        own.execute(f"{COUNT.format(300)} INSERT INTO t SELECT 'row ' || i, i FROM n")
    with closing(Guarded(path, mode)) as guarded:
        guarded.writer.create_collation("own", lambda a, b: (a > b) - (a < b))
        assert guarded.find("REINDEX") == Differences()
        guarded.writer.create_collation("own", lambda a, b: (a < b) - (a > b))
        assert guarded.find("REINDEX").sentences() == ["index a no longer matches its table"]


def test_a_doubt_that_sqlite_cannot_settle_stands(folder: Path) -> None:
    """Where a collation is missing SQLite checks nothing: what the pages tell is told."""
    path = folder / "x.db"
    with closing(apsw.Connection(str(path))) as own:
        own.create_collation("own", lambda a, b: (a > b) - (a < b))
        own.execute("CREATE TABLE t(a TEXT COLLATE own); CREATE INDEX i ON t(a)")
        own.execute("CREATE TABLE gone(a); DROP TABLE gone")
    guarded = Guarded(path, "copy of delete")
    guarded.close()
    with path.open("r+b") as file:
        file.seek(36)
        file.write((7).to_bytes(4, "big"))
    assert guarded.find().damage == {
        "the free list": "is damaged: it has 1 pages where the header counts 7"
    }


def test_an_index_that_never_matched_stays_right(folder: Path) -> None:
    """An index by another rule than SQLite's own is the baseline's, and missing entries are not."""
    path = folder / "x.db"
    with closing(apsw.Connection(str(path))) as own:
        own.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE INDEX i ON t(x) WHERE x > 1")
        own.execute("INSERT INTO t(x) VALUES (1), (2); PRAGMA writable_schema = on")
        own.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        own.execute("UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t(x)' WHERE name = 'i'")
    with closing(Guarded(path, "copy of delete")) as guarded:
        assert integrity(path) != "ok"
        found = guarded.find("INSERT INTO t VALUES (9, 9)", "DELETE FROM t WHERE id = 9")
        assert found == Differences()
        assert guarded.find("REINDEX").sentences() == ["index i no longer matches its table"]


@pytest.mark.parametrize("first", [13, 0], ids=["as a leaf", "as a long row"])
def test_a_page_of_nobody_that_was_written_is_told(folder: Path, first: int) -> None:
    """A page that no tree and no list has is nobody's to write."""
    file = Garbled(folder)
    trunk = file.number(32)
    free = file.number(file.at(trunk) + 4)
    orphan = file.number(file.at(trunk) + 4 + 4 * free)  # the last on the list's first page
    file.put_number(file.at(trunk) + 4, free - 1)
    file.put_number(36, file.number(36) - 1)
    file.put(file.at(orphan), bytes([first, 0, 0, 0, 0, 2, 0, 0]))
    file.baseline.write_bytes(file.data)
    assert file.found() == Differences()
    file.put(file.at(orphan), bytes([first, 0, 0, 0, 1, 1, 0, 0, 1]))
    assert file.found().damage == {f"page {orphan}": "belongs to nobody and was written"}
