"""The judge sees every planted defect, and nothing where nothing differs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.errors import MeasurementError
from harness.truth import Judgement
from harness.truth.sqlite import SqliteTruth
from harness.truth.sqlite_pages.checks import Witness
from harness.truth.sqlite_pages.file_format.btree import walk
from tests.pipes import line_of
from tests.truth.making import alter, build, dump, guard_copy, image, judged, root, run

CLEAN = Judgement(rows=True, exact=True, lost=False)
SHAPES = [
    {},
    {"page_size": 512},
    {"page_size": 4096, "encoding": "UTF-16le"},
    {"page_size": 65536, "encoding": "UTF-16be"},
    {"auto_vacuum": "FULL"},
    {"auto_vacuum": "INCREMENTAL", "page_size": 512},
    {"journal_mode": "WAL"},
    {"reserved": 32, "page_size": 4096},
]
ANY_SHAPE = pytest.mark.parametrize("shape", SHAPES, ids=str)


# -- what must not be flagged ----------------------------------------------------------------------

HARMLESS = {
    "nothing": [],
    "insert and delete": [
        "INSERT INTO notes SELECT body, 0 FROM notes",
        "DELETE FROM notes WHERE rowid > 60",
    ],
    "insert and delete of large ones": [
        "INSERT INTO notes SELECT zeroblob(70000), 0 FROM notes LIMIT 3",
        "DELETE FROM notes WHERE rowid > 60",
    ],
    "vacuum": ["VACUUM"],
    "reindex": ["REINDEX"],
    "split and back": [
        "INSERT INTO pairs SELECT a || '!', b, c || c FROM pairs",
        "DELETE FROM pairs WHERE a LIKE '%!'",
    ],
    "same rows again": [
        "CREATE TEMP TABLE kept AS SELECT rowid AS r, * FROM notes WHERE rowid % 2",
        "DELETE FROM notes WHERE rowid % 2",
        "INSERT INTO notes(rowid, body, at) SELECT r, body, at FROM kept",
    ],
    "same table again": [
        "CREATE TEMP TABLE kept AS SELECT * FROM pairs",
        "DELETE FROM pairs",
        "INSERT INTO pairs SELECT * FROM kept",
    ],
    "index again": ["DROP INDEX bots_user", "CREATE INDEX bots_user ON bots(user_id, body)"],
    "update and back": [
        "UPDATE bots SET body = body || 'x' || body",
        "UPDATE bots SET body = substr(body, 1, (length(body) - 1) / 2)",
    ],
    "table made and dropped": ["CREATE TABLE t AS SELECT * FROM notes", "DROP TABLE t"],
    "rolled back": ["BEGIN", "DELETE FROM bots", "ROLLBACK"],
    "sequence again": [
        "CREATE TEMP TABLE kept AS SELECT * FROM sqlite_sequence",
        "DELETE FROM sqlite_sequence",
        "INSERT INTO sqlite_sequence SELECT * FROM kept ORDER BY name DESC",
    ],
}


@ANY_SHAPE
@pytest.mark.parametrize("statements", HARMLESS.values(), ids=HARMLESS.keys())
def test_the_same_content_is_clean(
    folder: Path, shape: dict[str, object], statements: list[str]
) -> None:
    """Cells that moved, freed space, other root pages and counters are no difference."""
    truth, live = judged(folder, **shape)
    run(live, *statements)
    assert truth.judge(live) == CLEAN
    assert truth.same(live)


def test_a_row_that_has_its_default_spelled_out_is_the_same_row(folder: Path) -> None:
    """A column added later is left to its default until the row is written again."""
    pristine = folder / "pristine.sqlite3"
    build(pristine)
    run(
        pristine,
        "ALTER TABLE notes ADD COLUMN kind TEXT DEFAULT 'new'",
        "ALTER TABLE pairs ADD COLUMN kind TEXT DEFAULT 'new'",
    )
    truth, live = guard_copy(pristine)
    for table in ("notes", "pairs"):
        run(live, f"UPDATE {table} SET kind = 'x'", f"UPDATE {table} SET kind = 'new'")
    assert truth.judge(live) == CLEAN
    run(live, "UPDATE notes SET kind = 'old' WHERE rowid = 3")
    run(live, "UPDATE pairs SET kind = 'old' WHERE b = 3")
    assert truth.judge(live).differences[0] == "notes: 1 row changed (rowid 3)"
    assert any(line.startswith("pairs: ") for line in truth.judge(live).differences)


# -- what must be caught ---------------------------------------------------------------------------

# statements, whether baseline content is lost, how the first sentence begins
DEFECTS: dict[str, tuple[list[str], bool, str]] = {
    "integer to real": (
        ["UPDATE users SET score = 1.0 WHERE id = 1"],
        True,
        "users: 1 row changed (rowid 1)",
    ),
    "same length": (
        ["UPDATE users SET email = '8@example.orG' WHERE id = 8"],
        True,
        "users: 1 row changed (rowid 8)",
    ),
    "row deleted": (["DELETE FROM notes WHERE rowid = 7"], True, "notes: 1 row missing (rowid 7)"),
    "rows added": (
        ["INSERT INTO notes(rowid, body) VALUES (99, 1), (-5, 2)"],
        False,
        "notes: 2 rows added (rowid -5, 99)",
    ),
    "row doubled": (
        ["INSERT INTO notes SELECT * FROM notes WHERE rowid = 9"],
        False,
        "notes: 1 row added (rowid 61)",
    ),
    "rows replaced": (
        ["DELETE FROM notes WHERE rowid = 60", "INSERT INTO notes(rowid, body) VALUES(60, 1)"],
        True,
        "notes: 1 row changed (rowid 60)",
    ),
    "no rowid, added": (["INSERT INTO pairs VALUES('x', 0, 0)"], False, "pairs: 1 row added"),
    "no rowid, missing": (["DELETE FROM pairs WHERE b = 4"], True, "pairs: 1 row missing"),
    "no rowid, changed": (["UPDATE pairs SET c = 5 WHERE b = 4"], True, "pairs: 1 row added"),
    "all rows": (["DELETE FROM notes"], True, "notes: 60 rows missing (rowid 1, 2, 3,"),
    "user_version": (["PRAGMA user_version = -7"], True, "setting user_version: 0 -> -7"),
    "application_id": (["PRAGMA application_id = 9"], True, "setting application_id: 0 -> 9"),
    "page size": (
        ["PRAGMA journal_mode = DELETE", "PRAGMA page_size = 2048", "VACUUM"],
        True,
        "setting page_size:",
    ),
    "table added": (["CREATE TABLE t(a)"], False, "table t added"),
    "view dropped": (["DROP VIEW busy"], True, "view busy missing"),
    "index dropped": (["DROP INDEX bots_user"], True, "index bots_user missing"),
    "table dropped": (["DROP TABLE notes"], True, "table notes missing"),
    "trigger added": (
        ["CREATE TRIGGER t AFTER DELETE ON notes BEGIN SELECT 1; END"],
        False,
        "trigger t added",
    ),
    "column added": (["ALTER TABLE notes ADD COLUMN x"], True, "table notes changed"),
    "table rebuilt": (
        ["DROP TABLE notes", "CREATE TABLE notes(body, at REAL)"],
        True,
        "notes: 60 rows missing",
    ),
    "foreign key": (
        ["PRAGMA foreign_keys = OFF", "DELETE FROM users WHERE id = 12"],
        True,
        "users: 1 row missing (rowid 12)",
    ),
}


@pytest.mark.parametrize("shape", SHAPES[::3], ids=str)
@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_a_difference_made_by_sql_is_caught(
    folder: Path, shape: dict[str, object], defect: tuple[list[str], bool, str]
) -> None:
    """Rows, schema and settings that are not the baseline's are named, also after VACUUM."""
    statements, lost, sentence = defect
    truth, live = judged(folder, **shape)
    for more in ([], ["VACUUM"]):
        run(live, *statements, *more)
        judgement = truth.judge(live)
        assert not judgement.rows
        assert not judgement.exact
        assert judgement.lost == lost
        assert judgement.differences[0].startswith(sentence) or more  # VACUUM numbers anew
        assert not truth.same(live)
        truth.reset(live)


def test_a_row_that_leaves_orphans_is_named_with_them(folder: Path) -> None:
    """New foreign-key violations come with the rows that made them; old ones are the baseline's."""
    pristine = folder / "pristine.sqlite3"
    build(pristine)
    run(pristine, "UPDATE bots SET user_id = 999 WHERE id = 30")
    truth, live = guard_copy(pristine)
    run(live, "DELETE FROM users WHERE id = 12")
    found = [line for line in truth.judge(live).differences if line.startswith("foreign key")]
    assert found == ["foreign key: bots row 12 refers to a missing row of users"]


def test_a_moved_sequence_is_not_exact_and_nothing_else(folder: Path) -> None:
    """What DELETE leaves of AUTOINCREMENT spoils the grade exact only."""
    truth, live = judged(folder)
    run(live, "INSERT INTO users(email) VALUES('t')", "DELETE FROM users WHERE id > 60")
    expected = Judgement(True, False, False, (), ("sequence users: 60 -> 61",))
    assert truth.judge(live) == expected
    assert not truth.same(live)


def test_the_first_sequence_of_a_database_is_a_sequence_too(folder: Path) -> None:
    """A sequence that had no row yet, and the table SQLite makes for sequences."""
    pristine = folder / "pristine.sqlite3"
    run(pristine, "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)")
    truth, live = guard_copy(pristine)
    run(live, "INSERT INTO t DEFAULT VALUES", "DELETE FROM t")
    expected = Judgement(True, False, False, (), ("sequence t: none -> 1",))
    assert truth.judge(live) == expected


def test_rows_at_rowids_that_nobody_chose_are_the_same_rows(folder: Path) -> None:
    """VACUUM numbers a table without INTEGER PRIMARY KEY anew: not exact, but no row is lost."""
    pristine = folder / "pristine.sqlite3"
    build(pristine)
    run(pristine, "DELETE FROM notes WHERE rowid % 3 = 0")
    truth, live = guard_copy(pristine)
    run(live, "VACUUM")
    assert truth.judge(live) == _OTHER_ROWIDS
    run(live, "DELETE FROM notes WHERE at = 1.0")
    judgement = truth.judge(live)
    assert (judgement.rows, judgement.lost) == (False, True)
    assert "notes: 1 row missing (rowid 4)" in judgement.differences


_OTHER_ROWIDS = Judgement(True, False, False, (), ("notes: the same rows at other rowids",))


def test_indexes_follow_rows_to_other_rowids(folder: Path) -> None:
    """Entries are equal but for the rowid; one that did not follow its row is still seen."""
    pristine = folder / "pristine.sqlite3"
    build(pristine)
    run(pristine, "CREATE INDEX late ON notes(at)")
    truth, live = guard_copy(pristine)
    again = "INSERT INTO notes SELECT * FROM notes WHERE rowid = 7"
    run(live, again, "DELETE FROM notes WHERE rowid = 7")
    assert truth.judge(live) == _OTHER_ROWIDS
    truth.reset(live)
    schema = apsw.Connection(str(live))
    row = schema.execute("SELECT * FROM sqlite_schema WHERE name = 'late'").fetchall()[0]
    schema.close()
    writable = "PRAGMA writable_schema = ON"
    run(live, writable, "DELETE FROM sqlite_schema WHERE name = 'late'")
    run(live, again, "DELETE FROM notes WHERE rowid = 7")
    values = ", ".join(repr(value) for value in row)
    run(live, writable, f"INSERT INTO sqlite_schema VALUES({values})")
    judgement = truth.judge(live)
    assert not judgement.rows
    assert "structure: row 60 missing from index late" in judgement.differences


def test_a_row_at_another_key_is_another_row(folder: Path) -> None:
    """A rowid that a column names is content, also where all other columns are equal."""
    truth, live = judged(folder)
    run(live, "UPDATE bots SET id = 99 WHERE id = 7")
    assert truth.judge(live).differences[:2] == (
        "bots: 1 row added (rowid 99)",
        "bots: 1 row missing (rowid 7)",
    )


def test_the_journal_mode_is_a_setting(folder: Path) -> None:
    """A database left in WAL mode is not the baseline in rollback mode."""
    truth, live = judged(folder)
    run(live, "PRAGMA journal_mode = WAL")
    judgement = truth.judge(live)
    assert not judgement.rows
    assert judgement.differences == ("setting journal_mode: rollback 1/1 -> wal",)


# -- what only surgery can make --------------------------------------------------------------------


def _leaf_with(path: Path, name: str, wanted: Callable[[bytes], bool]) -> tuple[int, int]:
    """Return a leaf of a tree, and which of its cells holds a payload that is ``wanted``."""
    pages = image(path)
    for leaf in walk(pages, root(path, name), pages.content).leaves:
        for at, (_, payload) in enumerate(pages.content(leaf).entries):
            if wanted(payload):
                return leaf, at
    raise AssertionError("no such cell")


def _flip_overflow(live: Path) -> None:
    pages = image(live)
    leaf, at = _leaf_with(live, "notes", lambda payload: len(payload) > image(live).page_size)
    page, node, _, _ = pages.content(leaf)
    last = pages.payload(page, node.cells[at])[1][-1]
    alter(live, (last - 1) * pages.page_size + 20, b"\x00\xff\x01")


def _flip_row(live: Path) -> None:
    pages = image(live)
    leaf, at = _leaf_with(live, "users", lambda payload: b"33@example" in payload)
    cell = pages.node(leaf).cells[at]
    alter(live, (leaf - 1) * pages.page_size + cell.local_at + 4, b"X")


def _swap_cells(live: Path, name: str) -> None:
    pages = image(live)
    leaf, _ = _leaf_with(live, name, lambda payload: True)
    page = pages.page_bytes(leaf)
    alter(live, (leaf - 1) * pages.page_size + 8, page[10:12] + page[8:10])


def _drop_index_entry(live: Path) -> None:
    pages = image(live)
    leaf, _ = _leaf_with(live, "bots_user", lambda payload: True)
    (_, page, _), node, _, _ = pages.content(leaf)
    count, cell = len(node.cells), node.cells[-1]
    start = int.from_bytes(page[5:7], "big")
    assert cell.size >= 4
    data = bytearray(page)
    data[3:5] = (count - 1).to_bytes(2, "big")
    data[1:3] = cell.at.to_bytes(2, "big")  # the cell becomes the first free block
    data[cell.at : cell.at + 4] = (0).to_bytes(2, "big") + cell.size.to_bytes(2, "big")
    assert page[1:3] == b"\0\0"
    assert start <= cell.at
    alter(live, (leaf - 1) * pages.page_size, bytes(data))


def _zero_leaf(live: Path) -> None:
    leaf, _ = _leaf_with(live, "notes", lambda payload: True)
    size = image(live).page_size
    alter(live, (leaf - 1) * size, bytes(size))


def _lie_about_free_space(live: Path) -> None:
    leaf, _ = _leaf_with(live, "users", lambda payload: True)
    pages = image(live)
    inside = pages.node(leaf).cells[0].at
    alter(live, (leaf - 1) * pages.page_size + 1, inside.to_bytes(2, "big"))


def _separator(live: Path) -> None:
    pages = image(live)
    top = root(live, "users")
    cell = pages.node(top).cells[0]
    place = (top - 1) * pages.page_size + cell.at + 4
    alter(live, place, bytes([cell.rowid - 1]))


def _leak_free_list(live: Path) -> None:
    alter(live, 32, bytes(8))


def _free_used_page(live: Path) -> None:
    pages = image(live)
    trunk, used = pages.header.first_trunk, root(live, "users")
    alter(live, (trunk - 1) * pages.page_size + 8, used.to_bytes(4, "big"))


def _swap_children(live: Path, name: str) -> None:
    pages = image(live)
    top = root(live, name)
    first, second = (cell.at for cell in pages.node(top).cells[:2])
    page = bytearray(pages.page_bytes(top))
    page[first : first + 4], page[second : second + 4] = (
        page[second : second + 4],
        page[first : first + 4],
    )
    alter(live, (top - 1) * pages.page_size, bytes(page))


def _forget_last_pages(live: Path) -> None:
    """Cut so many pages off that a leaf is among them, and make the header agree."""
    pages = image(live)
    last = max(walk(pages, root(live, "users"), pages.content).leaves)
    os.truncate(live, (last - 1) * pages.page_size)
    alter(live, 28, (last - 1).to_bytes(4, "big"))


SURGERY: dict[str, tuple[Callable[[Path], None], str]] = {
    "byte in an overflow page": (_flip_overflow, "notes: 1 row changed (rowid "),
    "byte in a row": (_flip_row, "users: 1 row changed (rowid 33)"),
    "rows swapped": (lambda live: _swap_cells(live, "users"), "users: row out of order"),
    "entries swapped": (
        lambda live: _swap_cells(live, "bots_user"),
        "index bots_user: entry out of order",
    ),
    "rows without rowid swapped": (lambda live: _swap_cells(live, "pairs"), "pairs: row out of"),
    "index entry lost": (_drop_index_entry, "index bots_user: 1 entry missing"),
    "page zeroed": (_zero_leaf, "structure: page"),
    "free block on a cell": (_lie_about_free_space, "structure: "),
    "separator moved": (_separator, "structure: page"),
    "leaves swapped": (lambda live: _swap_children(live, "users"), "structure: "),
    "index leaves swapped": (lambda live: _swap_children(live, "bots_user"), "index bots_user: "),
    "last pages forgotten": (_forget_last_pages, "structure: "),
    "free list leaked": (_leak_free_list, "structure: "),
    "used page freed": (_free_used_page, "structure: "),
    "last page cut": (
        lambda live: os.truncate(live, live.stat().st_size - 100),
        "cut short: ",
    ),
    "no header": (lambda live: alter(live, 0, b"sqlite"), "not a database"),
    "schema format": (lambda live: alter(live, 47, b"\x05"), "header: schema format 5"),
    "incremental without maps": (lambda live: alter(live, 67, b"\x01"), "structure: "),
    "sequences swapped": (lambda live: _swap_cells(live, "sqlite_sequence"), "structure: "),
    "schema page": (lambda live: alter(live, 100, b"\x07"), "structure: page 1: not a b-tree"),
    "empty": (lambda live: os.truncate(live, 0), "not a database: 0 bytes"),
    "missing": (lambda live: live.unlink(), "app.sqlite3 is missing"),
    "a folder": (lambda live: (live.unlink(), live.mkdir())[1], "app.sqlite3 cannot be read"),
}


@pytest.mark.parametrize("page_size", [512, 4096])
@pytest.mark.parametrize("surgery", SURGERY.values(), ids=SURGERY.keys())
def test_a_defect_in_the_file_is_caught(
    folder: Path, surgery: tuple[Callable[[Path], None], str], page_size: int
) -> None:
    """Damage below SQL is seen and named, never raised, and undone by reset."""
    damage, sentence = surgery
    truth, live = judged(folder, page_size=page_size, rows=400)
    damage(live)
    judgement = truth.judge(live)
    assert judgement.differences[0].startswith(sentence)
    assert (judgement.rows, judgement.exact, judgement.lost) == (False, False, True)
    assert not truth.same(live)
    truth.reset(live)
    assert truth.judge(live) == CLEAN


def test_a_wrong_pointer_map_is_caught(folder: Path) -> None:
    """A page whose parent is said to be another one is damage that SQL does not show."""
    truth, live = judged(folder, auto_vacuum="FULL")
    alter(live, 1024 + 8, b"\x77")
    judgement = truth.judge(live)
    assert judgement.differences[0].startswith("structure: ")
    assert judgement.lost


Shared = tuple[SqliteTruth, Path, object]  # the judge, the live file, its rows


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Build one database for all examples of a property: reset puts it back after each."""
    truth, live = judged(tmp_path_factory.mktemp("shared"), page_size=512)
    return truth, live, dump(live, without="sqlite_sequence")


@given(places=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1))
@settings(max_examples=80, deadline=None)
def test_random_bytes_never_pass_for_the_baseline(
    shared: Shared, places: list[tuple[int, int]]
) -> None:
    """Whatever bytes are damaged, nothing is raised, and rows that SQL shows changed are seen."""
    truth, live, before = shared
    size = live.stat().st_size
    for at, value in places:
        alter(live, at % size, bytes([value]))
    judgement = truth.judge(live)
    if judgement.rows:
        assert dump(live, without="sqlite_sequence") == before
        assert Witness(live).integrity() == ()
    truth.reset(live)
    assert truth.judge(live) == CLEAN


# -- files beside the database ---------------------------------------------------------------------


def test_files_beside_the_database_are_named(folder: Path) -> None:
    """A backup or an empty -wal left behind is reported, other files are not, rows are clean."""
    truth, live = judged(folder)
    for name in ("app.sqlite3.e2e-backup", "app.sqlite3-wal", "other.sqlite3"):
        live.with_name(name).touch()
    left = ("app.sqlite3-wal", "app.sqlite3.e2e-backup")
    judgement = truth.judge(live)
    assert (judgement.rows, judgement.exact, judgement.left_behind) == (True, True, left)
    assert judgement.differences == tuple(f"left behind: {name}" for name in left)


def test_rows_that_wait_in_a_wal_are_judged(folder: Path) -> None:
    """A -wal that somebody's death left is folded in before the file is judged."""
    truth, live = judged(folder, journal_mode="WAL")
    elsewhere = folder / "elsewhere.sqlite3"
    shutil.copy(live, elsewhere)
    writer = apsw.Connection(str(elsewhere))
    writer.execute("INSERT INTO notes VALUES('in the wal', 1)").fetchall()
    shutil.copy(f"{elsewhere}-wal", f"{live}-wal")
    writer.close()
    assert truth.same(live)
    judgement = truth.judge(live)
    assert judgement.differences == (
        "notes: 1 row added (rowid 61)",
        "left behind: app.sqlite3-wal",
    )
    assert not judgement.lost


def test_a_hot_journal_is_rolled_back_before_judging(folder: Path) -> None:
    """A transaction cut off by its writer's death is undone, and its journal reported."""
    truth, live = judged(folder)
    elsewhere = folder / "elsewhere.sqlite3"
    shutil.copy(live, elsewhere)
    writer = apsw.Connection(str(elsewhere))
    writer.execute("PRAGMA cache_size = 1; BEGIN").fetchall()
    writer.execute("UPDATE notes SET body = zeroblob(5000)").fetchall()
    for suffix in ("", "-journal"):
        shutil.copy(f"{elsewhere}{suffix}", f"{live}{suffix}")
    writer.close()
    assert not truth.same(live)
    judgement = truth.judge(live)
    assert (judgement.exact, judgement.left_behind) == (True, ("app.sqlite3-journal",))


def test_a_wal_that_cannot_be_folded_in_is_no_clean_database(folder: Path) -> None:
    """A lock that somebody still holds on the -wal is said, not overlooked."""
    truth, live = judged(folder, journal_mode="WAL")
    code = (
        "import apsw, sys; c = apsw.Connection(sys.argv[1]);"
        "c.execute('PRAGMA locking_mode = EXCLUSIVE').fetchall();"
        "c.execute('INSERT INTO notes VALUES(1, 1)').fetchall();"
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(live)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        line_of(holder)
        judgement = truth.judge(live)
        holder.communicate()
    assert not judgement.rows
    assert judgement.differences[0].startswith("structure: app.sqlite3-wal cannot be folded in")


def test_a_replaced_file_is_judged_not_the_one_before(folder: Path) -> None:
    """A file put in the place of the one judged last is the one looked at."""
    truth, live = judged(folder)
    assert truth.judge(live) == CLEAN
    other = folder / "other"
    shutil.copy(live, other)
    run(other, "DELETE FROM notes WHERE rowid = 1")
    other.replace(live)
    assert truth.judge(live).differences == ("notes: 1 row missing (rowid 1)",)
    truth.release()
    assert truth.judge(live).differences == ("notes: 1 row missing (rowid 1)",)


# -- against what SQL says -------------------------------------------------------------------------

_ID = st.integers(1, 66)
_SIZE = st.sampled_from([0, 1, 7, 40, 300, 2000])
_STATEMENTS = st.one_of(
    st.builds(
        "INSERT OR IGNORE INTO notes(rowid, body) VALUES({}, zeroblob({}))".format, _ID, _SIZE
    ),
    st.builds("DELETE FROM notes WHERE rowid = {}".format, _ID),
    st.builds("DELETE FROM notes WHERE rowid >= {}".format, _ID),
    st.builds("DELETE FROM notes WHERE rowid > 60; DELETE FROM pairs WHERE b > 60".format),
    st.builds("INSERT INTO pairs SELECT a, b + 60, c FROM pairs WHERE b < {0}".format, _ID).map(
        lambda text: text.replace("INSERT", "INSERT OR IGNORE")
    ),
    st.builds("UPDATE bots SET body = 'x' || body WHERE id % 9 = {}".format, st.integers(0, 9)),
    st.builds("UPDATE bots SET body = substr(body, 2) WHERE body LIKE 'x%'".format),
    st.builds("UPDATE users SET score = score + 0.0 WHERE id = {}".format, _ID),
    st.builds("UPDATE users SET score = CAST(score AS INT)".format),
    st.builds("INSERT OR IGNORE INTO users(email) VALUES('new {}')".format, _ID),
    st.builds("DELETE FROM users WHERE id > 60".format),
    st.builds("DELETE FROM pairs WHERE b = {}".format, _ID),
    st.builds("UPDATE sqlite_sequence SET seq = {}".format, st.sampled_from([59, 60])),
    st.sampled_from(
        [
            "VACUUM",
            "REINDEX",
            "PRAGMA incremental_vacuum",
            "CREATE TABLE IF NOT EXISTS extra(a)",
            "DROP TABLE IF EXISTS extra",
            "DROP INDEX IF EXISTS bots_user",
            "CREATE INDEX IF NOT EXISTS bots_user ON bots(user_id, body)",
            "PRAGMA user_version = 3",
            "PRAGMA user_version = 0",
        ]
    ),
)


@given(shape=st.sampled_from(SHAPES), statements=st.lists(_STATEMENTS, max_size=8))
@example(shape={}, statements=["DROP INDEX IF EXISTS bots_user", "VACUUM"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_judgement_agrees_with_a_full_dump(
    shape: dict[str, object], statements: list[str]
) -> None:
    """Whatever SQL does, the pages say the same as reading every value of every table."""
    with tempfile.TemporaryDirectory() as name:
        truth, live = judged(Path(name), **shape)
        before = dump(live)
        run(live, *statements)
        after = dump(live)
        judgement = truth.judge(live)
        rowids_moved = any("at other rowids" in line for line in judgement.differences)
        sequences = before.pop("sqlite_sequence"), after.pop("sqlite_sequence")
        if rowids_moved:
            before["notes"], after["notes"] = (_without_rowid(d["notes"]) for d in (before, after))
        assert judgement.rows == (before == after), judgement.differences
        assert judgement.exact == (
            judgement.rows and sequences[0] == sequences[1] and not rowids_moved
        )
        lost = any(rows - after.get(table, Counter()) for table, rows in before.items())
        assert judgement.lost == lost
        truth.reset(live)
        assert truth.judge(live) == CLEAN


def _without_rowid(rows: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    return Counter(row[1:] for row in rows.elements())


def test_shadow_tables_count_for_exact_alone(folder: Path) -> None:
    """A full-text table is compared by its rows; how an index keeps them is for ``exact``."""
    pristine = folder / "pristine.sqlite3"
    run(pristine, "CREATE VIRTUAL TABLE words USING fts5(body)")
    run(pristine, "INSERT INTO words(rowid, body) VALUES(1, 'one two'), (2, 'three')")
    truth, live = guard_copy(pristine)
    before = dump(live)
    run(live, "INSERT INTO words VALUES('four')")
    assert truth.judge(live).differences == ("words: 1 row added (rowid 3)",)
    run(live, "DELETE FROM words WHERE rowid = 3")
    judged = truth.judge(live)
    assert (judged.rows, judged.exact) == (True, dump(live) == before)
    assert judged.differences == ("words: the same rows, stored otherwise",)


# -- real databases --------------------------------------------------------------------------------

REAL = [
    "chinook.sqlite",
    "chinook_autoincrement.sqlite",
    "northwind.db",
    "sakila.db",
    "datasette_fixtures.db",
    "wagtail_bakerydemo.sqlite3",
    "wal_database.db",
]


@pytest.mark.parametrize("name", REAL)
def test_one_byte_in_any_table_of_a_real_database_is_caught(
    folder: Path, real_database: Callable[[str], Path], name: str
) -> None:
    """Untouched is clean; one damaged row in each table is not, and reset undoes it."""
    pristine = real_database(name)
    run(pristine, "PRAGMA wal_checkpoint(TRUNCATE)")
    truth, live = guard_copy(pristine)
    assert truth.judge(live) == CLEAN
    pages = image(live)
    for table in _tables(live):
        tree = walk(pages, root(live, table), pages.content)
        leaf = sorted(tree.leaves)[len(tree.leaves) // 2]
        cells = pages.node(leaf).cells
        if cells:
            cell = cells[len(cells) // 2]
            at = (leaf - 1) * pages.page_size + cell.local_at + cell.local - 1
            alter(live, at, bytes([pages.data[at] ^ 1]))
            judgement = truth.judge(live)
            assert (judgement.rows or table == "sqlite_sequence", judgement.exact) == (
                table == "sqlite_sequence",
                False,
            )
            assert truth.reset(live) == 1
    assert truth.judge(live) == CLEAN


def _tables(path: Path) -> list[str]:
    connection = apsw.Connection(str(path))
    question = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage"
    names = [str(row[0]) for row in connection.execute(question)]
    connection.close()
    return names


# -- putting back ----------------------------------------------------------------------------------


def _damage(live: Path, kind: str, at: int) -> None:
    """Damage a file in one of many ways, anywhere in it."""
    size = live.stat().st_size if live.is_file() else 0
    if size:
        live.chmod(live.stat().st_mode | 0o200)  # root may write whatever the mode, others may not
    if kind == "bytes" and size:
        alter(live, at % size, os.urandom(at % 700 + 1))
    elif kind == "cut" and size:
        os.truncate(live, at % size)
    elif kind == "longer" and size:
        os.truncate(live, size + at % 5000 + 1)
    elif kind == "linked" and size:
        with contextlib.suppress(FileExistsError):
            os.link(live, live.with_name(f"{live.name}.link{at}"))
    elif kind == "beside":
        live.with_name(f"{live.name}-{at}").mkdir(exist_ok=True)
    elif kind == "mode" and size:
        live.chmod(0o400)
    elif live.is_dir() and not live.is_symlink():
        live.rmdir()
    else:
        live.unlink(missing_ok=True)
        _put_in_place(live, kind)


def _put_in_place(live: Path, kind: str) -> None:
    if kind == "folder":
        live.mkdir()
    elif kind == "symlink":
        other = live.with_name(f"{live.name}.target")
        other.write_bytes(b"somebody else's")
        live.symlink_to(other)


_KINDS = ["bytes", "cut", "longer", "linked", "beside", "mode", "missing", "folder", "symlink"]


@given(damages=st.lists(st.tuples(st.sampled_from(_KINDS), st.integers(0, 10**6)), max_size=5))
@settings(max_examples=80, deadline=None)
def test_reset_makes_the_very_same_bytes(shared: Shared, damages: list[tuple[str, int]]) -> None:
    """Whatever was done to it, the file is the pristine one byte for byte, alone in its folder."""
    truth, live, _ = shared
    pristine = live.parent.parent / "pristine.sqlite3"
    for at, (kind, place) in enumerate(damages):
        _damage(live, kind, place)
        if at % 2:
            truth.judge(live)
    truth.reset(live)
    assert live.read_bytes() == pristine.read_bytes()
    assert live.stat().st_mode == pristine.stat().st_mode
    assert os.listdir(live.parent) == [live.name]
    assert truth.judge(live) == CLEAN


def test_reset_writes_only_what_differs(folder: Path) -> None:
    """The number of pages written is the number of pages that differ."""
    truth, live = judged(folder, page_size=512)
    assert truth.reset(live) == 0
    alter(live, 512 * 3 + 100, b"damage")
    alter(live, 512 * 7 - 1, b"across two")
    assert truth.reset(live) == 3
    live.unlink()
    assert truth.reset(live) == live.stat().st_size // 512


def test_reset_spares_another_name_of_the_file(folder: Path) -> None:
    """A file that has a second name elsewhere is made anew; the other name keeps what it had."""
    truth, live = judged(folder)
    alter(live, 3000, b"damage")
    kept = folder / "kept"
    os.link(live, kept)
    truth.reset(live)
    assert truth.judge(live) == CLEAN
    assert b"damage" in kept.read_bytes()


def test_a_file_that_is_no_baseline_is_refused(folder: Path) -> None:
    """The truth needs a sound pristine file, with nothing waiting in a -wal."""
    for data in (b"", b"no database" * 100):
        (folder / "bad").write_bytes(data)
        with pytest.raises(MeasurementError, match="cannot be the baseline"):
            SqliteTruth(folder / "bad")
    build(folder / "good")
    (folder / "good-wal").write_bytes(b"frames")
    with pytest.raises(MeasurementError, match="fold its -wal in"):
        SqliteTruth(folder / "good")


def test_a_link_to_an_equal_copy_is_not_the_database(folder: Path) -> None:
    """What stands there leads elsewhere: the same rows, and no baseline; it is put right again."""
    pristine, live = folder / "pristine", folder / "live"
    build(pristine)
    truth = SqliteTruth(pristine)
    elsewhere = folder / "elsewhere"
    shutil.copy(pristine, elsewhere)
    live.symlink_to(elsewhere)
    judgement = truth.judge(live)
    assert (judgement.rows, judgement.exact, judgement.lost) == (False, False, False)
    assert judgement.differences == (f"live is a symbolic link to {elsewhere} now",)
    truth.reset(live)
    assert truth.judge(live) == Judgement(True, True, False)
    through = folder / "through"  # where the baseline itself was called by a link, a link it stays
    through.symlink_to(pristine)
    assert SqliteTruth(through).judge(through).exact
    assert SqliteTruth(through).judge(live).differences == ("live is no link now",)


def test_permissions_and_owner_are_of_the_grade_exact(folder: Path) -> None:
    """Rows are rows whoever may read them; back as it was it is not, until it is reset."""
    pristine, live = folder / "pristine", folder / "live"
    build(pristine)
    pristine.chmod(0o640)
    truth = SqliteTruth(pristine)
    shutil.copy(pristine, live)
    live.chmod(0o604)
    told = ["permissions of live: 0640 -> 0604"]
    if os.geteuid() == 0:
        os.chown(live, 65534, 65534)
        told.append("owner of live: 0:0 -> 65534:65534")
    judgement = truth.judge(live)
    assert (judgement.rows, judgement.exact, judgement.lost) == (True, False, False)
    assert list(judgement.differences) == told
    truth.reset(live)
    assert truth.judge(live) == Judgement(True, True, False)
