"""Virtual tables are told by their own rows, whatever their shadow tables look like."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cleanup.by_difference import DifferenceCleanup
from harness.databases import Differences
from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.session import connect
from harness.databases.sqlite.virtual import virtual_tables
from harness.retry import Retry
from harness.steps import nobody
from harness.truth import Judgement
from harness.truth.sqlite import SqliteTruth
from tests.databases.virtual_tables import BASELINE, KINDS, Rows, build, garbled, write

_TEXT = st.lists(st.sampled_from(["word0", "word1", "w", "other"]), max_size=6).map(" ".join)
_ROWS = st.dictionaries(st.integers(1, 20), _TEXT, max_size=12)


@cache
def _made(kind: str, *, empty: bool = False) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "made.db")
        build(path, kind, {} if empty else BASELINE)
        return path.read_bytes()


@contextmanager
def _two(baseline: bytes) -> Iterator[tuple[Path, Path]]:
    """Give a baseline, and a live database that is the same as yet."""
    with TemporaryDirectory() as folder:
        pristine, live = Path(folder, "was.db"), Path(folder, "live", "is.db")
        live.parent.mkdir()
        pristine.write_bytes(baseline)
        shutil.copyfile(pristine, live)
        yield pristine, live


def _write(path: Path, *statements: str) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA synchronous=OFF").fetchall()
        for statement in statements:
            connection.execute(statement).fetchall()


def _both(live: Path, pristine: Path) -> tuple[Differences, Judgement]:
    """What the guard finds and what the truth is, which must agree at both grades."""
    found, judged = differences(live, pristine), SqliteTruth(pristine).judge(live)
    assert (judged.rows, judged.exact) == (found.clean("rows"), found.clean("exact")), (
        found,
        judged,
    )
    return found, judged


@given(
    kind=st.sampled_from(sorted(KINDS)),
    empty=st.booleans(),
    steps=st.lists(_ROWS, min_size=1, max_size=3),
    back=st.booleans(),
    optimized=st.booleans(),
)
@settings(max_examples=40)
def test_rows_alone_decide_and_the_truth_agrees(
    kind: str, empty: bool, steps: list[Rows], back: bool, optimized: bool
) -> None:
    """At the grade of rows a virtual table is clean when, and only when, its rows are back."""
    rows = was = {} if empty else BASELINE
    with _two(_made(kind, empty=empty)) as (pristine, live):
        with closing(apsw.Connection(str(live))) as connection:
            connection.execute("PRAGMA synchronous=OFF").fetchall()
            for step in [*steps, was] if back else steps:
                write(connection, kind, rows, step)
                rows = step
            if optimized and "fts" in kind:
                connection.execute("INSERT INTO v(v) VALUES ('optimize')")
        found, _ = _both(live, pristine)
        assert found.clean("rows") == (rows == was), found
        told = found.sentences()
        assert not any(line.startswith("v_") for line in told), told


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_tests_left_is_told_of_the_table_itself(kind: str) -> None:
    """People read of the virtual table, and of none of those that it is stored in."""
    with _two(_made(kind)) as (pristine, live):
        with closing(apsw.Connection(str(live))) as connection:
            write(connection, kind, BASELINE, {2: BASELINE[2]} | {40: "new"})
        found, _ = _both(live, pristine)
        assert "v: 1 added, 11 missing, 0 changed" in found.sentences()
        assert {line.split(":")[0] for line in found.sentences()} <= {"v", "p"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_garbled_index_is_no_clean_table(kind: str) -> None:
    """Equal rows with an index that finds others are a difference, for guard and truth."""
    with _two(_made(kind)) as (pristine, live):
        with closing(apsw.Connection(str(live))) as connection:
            garbled(connection, kind)
        found, judged = _both(live, pristine)
        assert not found.clean("rows")
        assert judged.lost
        if not found.tables:  # of those whose index is all they have, it is their rows
            (sentence,) = (line for line in found.sentences() if line.startswith("the index of v "))
            assert sentence.startswith("the index of v does not match its rows any more: ")


COUNTED = {
    "fts4": "UPDATE v_docsize SET size = x'09' WHERE docid = 3",
    "fts4 of a table": "UPDATE v_stat SET value = x'0909' WHERE id = 0",
    "fts5": "UPDATE v_docsize SET sz = x'09' WHERE id = 3",
    "fts5 of a table": "UPDATE v_docsize SET sz = x'09' WHERE id = 3",
    "fts5 without rows": "UPDATE v_data SET block = x'0909' WHERE id = 1",
}


@pytest.mark.parametrize("kind", COUNTED)
def test_sizes_that_rank_are_part_of_the_index(kind: str) -> None:
    """What rows are ranked by, sizes and totals, is no matter of how they are stored."""
    with _two(_made(kind)) as (pristine, live):
        _write(live, COUNTED[kind])
        found, _ = _both(live, pristine)
        assert found.damage.keys() == {"the index of v"}


def test_an_index_that_never_matched_is_judged_as_it_is_stored() -> None:
    """Where the baseline's own index does not match its rows, only equal storage is equal."""
    with _two(_made("fts5")) as (pristine, live):
        with closing(apsw.Connection(str(pristine))) as connection:
            garbled(connection, "fts5")
        shutil.copyfile(pristine, live)
        _write(live, "INSERT INTO v(v) VALUES ('rebuild')")
        found, _ = _both(live, pristine)
        assert not found.clean("rows")
        assert "the baseline's own index is not vouched for" in found.by_shadows["v"]


_DEFINED = "PRAGMA writable_schema=ON; "
# why -> how such a table is made, and what is written to it
JUDGED_BY_SHADOWS = {
    "no such module: vec0": (
        f"CREATE TABLE v_chunks(id INTEGER PRIMARY KEY, value); {_DEFINED}"
        "INSERT INTO sqlite_schema VALUES"
        "('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING vec0(e float[4])')",
        "INSERT INTO v_chunks VALUES (7, 'x')",
    ),
    "unknown tokenizer: mecab": (
        f"CREATE VIRTUAL TABLE v USING fts4(a); {_DEFINED}UPDATE sqlite_schema "
        "SET sql = 'CREATE VIRTUAL TABLE v USING fts4(a, tokenize=mecab)' WHERE name = 'v'",
        "INSERT INTO v_content VALUES (7, 'x')",
    ),
    "it keeps no rows": (
        'CREATE VIRTUAL TABLE v USING fts4(a, content="")',
        "INSERT INTO v(docid, a) VALUES (1, 'x')",
    ),
    "it has an index of prefixes and keeps no rows": (
        "CREATE VIRTUAL TABLE v USING fts5(a, content='', prefix=2); "
        "INSERT INTO v(rowid, a) VALUES (1, 'x'); INSERT INTO v(rowid, a) VALUES (2, 'x')",
        "INSERT INTO v(v) VALUES ('optimize')",
    ),
    "nothing is known of rows kept by geopoly": (
        "CREATE VIRTUAL TABLE v USING geopoly(a)",
        "INSERT INTO v(_shape) VALUES ('[[0,0],[1,0],[0,1],[0,0]]')",
    ),
}


@pytest.mark.parametrize("reason", JUDGED_BY_SHADOWS)
def test_what_no_rows_tell_is_judged_by_shadow_tables(reason: str) -> None:
    """Of a missing module, or a table that tells too little, they count, and that is said."""
    script, written = JUDGED_BY_SHADOWS[reason]
    with TemporaryDirectory() as folder:
        path = Path(folder, "made.db")
        _write(path, "CREATE TABLE v (a)", "DROP TABLE v", *script.split("; "))
        with _two(path.read_bytes()) as (pristine, live):
            assert _both(live, pristine)[0] == Differences()
            _write(live, written)
            found, _ = _both(live, pristine)
            assert not found.clean("rows")
            assert found.tables
            assert all(name.startswith("v_") for name in found.tables)
            (why,) = found.by_shadows.values()
            assert reason in why
            assert f"v: judged by its shadow tables: {why}" in found.sentences()


def test_a_table_of_a_like_name_is_no_shadow() -> None:
    """Of a missing module's table only what differs may be a shadow of its, not its neighbour's."""
    script, written = JUDGED_BY_SHADOWS["no such module: vec0"]
    with TemporaryDirectory() as folder:
        path = Path(folder, "made.db")
        _write(path, "CREATE VIRTUAL TABLE v_ft USING fts5(a)", *script.split("; "))
        with _two(path.read_bytes()) as (pristine, live):
            _write(live, "INSERT INTO v_ft VALUES ('x')")
            assert _both(live, pristine)[0].sentences() == ["v_ft: 1 added, 0 missing, 0 changed"]
            _write(live, written)
            assert _both(live, pristine)[0].by_shadows == {"v": "no such module: vec0"}


def test_settings_of_an_index_are_told_as_they_are() -> None:
    """How an index ranks is a setting that people see, so it differs at the grade of rows."""
    with _two(_made("fts5")) as (pristine, live):
        _write(live, "INSERT INTO v(v, rank) VALUES ('rank', 'bm25(2.0)')")
        found, _ = _both(live, pristine)
        assert found.sentences()[0] == "v_config: 1 added, 0 missing, 0 changed"
        assert not found.clean("rows")


def test_a_table_that_came_or_went_is_told_alone() -> None:
    """Its shadow tables came or went with it, so nothing is said of them."""
    with _two(_made("fts4")) as (pristine, live):
        _write(live, "DROP TABLE v", "CREATE VIRTUAL TABLE late USING fts5(a)")
        told = _both(live, pristine)[0].sentences()
        assert told == [
            "v: 0 added, 12 missing, 0 changed",
            "table late added",
            "table v missing",
        ]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_all_is_put_back_as_it_was_stored(kind: str) -> None:
    """The cleanup by difference leaves nothing that the grade ``exact`` minds, and tells of it."""
    with _two(_made(kind)) as (pristine, live):
        with closing(apsw.Connection(str(live))) as connection:
            write(connection, kind, BASELINE, {2: BASELINE[2]} | {40: "new"})
            garbled(connection, kind)
        cleanup = DifferenceCleanup(pristine)
        report = cleanup.clean(live, (), connect=connect, retry=Retry(attempts=1), listener=nobody)
        assert report.ok
        assert report.wanted.keys() <= {"v", "p"}
        assert _both(live, pristine)[0] == Differences()


DEFINITIONS = {
    "CREATE VIRTUAL TABLE v USING fts5(a, content)": ("fts5", True),
    "CREATE VIRTUAL TABLE v USING FTS5(a, content = '')": ("fts5", False),
    'CREATE VIRTUAL TABLE "a USING b" USING "fts4"(a, "content"="p")': ("fts4", False),
    "CREATE VIRTUAL TABLE v USING fts3(a, content=p)": ("fts3", True),
    "CREATE VIRTUAL TABLE v /* USING fts5 */ USING rtree": ("rtree", True),
}


@pytest.mark.parametrize("sql", DEFINITIONS)
def test_a_definition_says_which_module_and_whose_rows(sql: str) -> None:
    """However it is written."""
    table = virtual_tables({("table", "v"): ("v", 0, sql)})["v"]
    assert (table.module, table.keeps_rows) == DEFINITIONS[sql]
