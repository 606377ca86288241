import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from harness.databases import Differences, SchemaDifference, TableDifferences
from harness.databases.sqlite import differences as module
from harness.databases.sqlite import pages
from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.session import connect
from tests.databases.guarded import COUNT, MODES, Guarded, apart, as_found, whole_dump

BASELINE = f"""
CREATE TABLE person(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, score);
CREATE INDEX person_name ON person(name);
CREATE TABLE line(value);
CREATE TABLE grade(a, b, c, PRIMARY KEY(b, a)) WITHOUT ROWID;
CREATE TABLE fact(id INTEGER PRIMARY KEY, value);
CREATE TABLE "select"("group by" TEXT, rowid TEXT, twice AS (rowid || rowid), last);
CREATE TABLE "it's ""odd"" [1]"(rowid, _rowid_, oid);
CREATE TABLE strict(a INTEGER, b ANY, c INT AS (a + 1) VIRTUAL, d INT AS (a * 2) STORED) STRICT;
CREATE VIEW names AS SELECT name FROM person;
CREATE TRIGGER no_more BEFORE INSERT ON line WHEN new.value = -1 BEGIN SELECT RAISE(IGNORE); END;
{COUNT.format(400)}
    INSERT INTO person(name, score) SELECT 'person ' || i || hex(zeroblob(60)), i FROM n;
{COUNT.format(300)} INSERT INTO line SELECT i / 2 FROM n;
{COUNT.format(200)} INSERT INTO grade SELECT i, i % 7, hex(zeroblob(40)) FROM n;
INSERT INTO fact VALUES (1, 1), (2, ''), (3, 'x'), (4, zeroblob(9000)), (5, 9e999), (6, NULL);
INSERT INTO fact VALUES (9223372036854775807, 'last'), (-9223372036854775808, 'first');
INSERT INTO "select" VALUES ('a', 'b', 'c');
INSERT INTO "it's ""odd"" [1]" VALUES (1, 2, 3), (1, 2, 3);
INSERT INTO strict(a, b) VALUES (1, 'any');
PRAGMA user_version = 7;
"""
LONG = 120 * "0"
ROWS_OF = TableDifferences


@pytest.fixture(params=MODES)
def guard(request: pytest.FixtureRequest, folder: Path) -> Iterator[Callable[..., Guarded]]:
    """Guard a database made by a script, in each way of keeping its baseline."""
    made: list[Guarded] = []

    def make(script: str = BASELINE) -> Guarded:
        made.append(Guarded(folder / "a ?#%41.db", request.param, script))
        return made[-1]

    yield make
    for guarded in made:
        guarded.close()


def tables(**found: TableDifferences) -> Differences:
    """Expect differences in rows only."""
    return Differences(tables=found)


PLANTED: dict[str, tuple[list[str], Differences]] = {
    "row added": (
        ["INSERT INTO fact VALUES (10, 'new')"],
        tables(fact=ROWS_OF(added=((10, 10, "new"),))),
    ),
    "row missing": (
        ["DELETE FROM person WHERE id = 200"],
        tables(person=ROWS_OF(missing=((200, 200, f"person 200{LONG}", 200),))),
    ),
    "row changed": (
        ["UPDATE person SET score = 'none' WHERE id = 7"],
        tables(
            person=ROWS_OF(
                changed=(((7, 7, f"person 7{LONG}", 7), (7, 7, f"person 7{LONG}", "none")),)
            )
        ),
    ),
    "integer to real": (
        ["UPDATE fact SET value = 1.0 WHERE id = 1"],
        tables(fact=ROWS_OF(changed=(((1, 1, 1), (1, 1, 1.0)),))),
    ),
    "empty text to null": (
        ["UPDATE fact SET value = NULL WHERE id = 2"],
        tables(fact=ROWS_OF(changed=(((2, 2, ""), (2, 2, None)),))),
    ),
    "text to blob": (
        ["UPDATE fact SET value = x'78' WHERE id = 3"],
        tables(fact=ROWS_OF(changed=(((3, 3, "x"), (3, 3, b"x")),))),
    ),
    "infinity to its negative": (
        ["UPDATE fact SET value = -9e999 WHERE id = 5"],
        tables(fact=ROWS_OF(changed=(((5, 5, float("inf")), (5, 5, float("-inf"))),))),
    ),
    "a long value, in place": (
        ["UPDATE fact SET value = CAST(zeroblob(8999) || x'01' AS BLOB) WHERE id = 4"],
        tables(fact=ROWS_OF(changed=(((4, 4, bytes(9000)), (4, 4, bytes(8999) + b"\1")),))),
    ),
    "first and last rowid": (
        ["DELETE FROM fact WHERE id IN (9223372036854775807, -9223372036854775808)"],
        tables(
            fact=ROWS_OF(
                missing=(
                    (-(2**63), -(2**63), "first"),
                    (2**63 - 1, 2**63 - 1, "last"),
                )
            )
        ),
    ),
    "one of two equal rows": (
        ["DELETE FROM line WHERE rowid = 11"],
        tables(line=ROWS_OF(missing=((11, 5),))),
    ),
    "without rowid": (
        [
            "INSERT INTO grade VALUES ('k', 1, 2)",
            "DELETE FROM grade WHERE a = 14",
            "UPDATE grade SET c = 3 WHERE a = 50",
        ],
        tables(
            grade=ROWS_OF(
                added=(("k", 1, 2),),
                missing=((14, 0, 80 * "0"),),
                changed=(((50, 1, 80 * "0"), (50, 1, 3)),),
            )
        ),
    ),
    "odd names, hidden rowid": (
        ["""UPDATE "select" SET rowid = 'B'"""],
        Differences(
            tables={"select": ROWS_OF(changed=(((1, "a", "b", "c"), (1, "a", "B", "c")),))}
        ),
    ),
    "every rowid name taken": (
        ["""INSERT INTO "it's ""odd"" [1]" VALUES (1, 2, 3.0)"""],
        Differences(tables={'it\'s "odd" [1]': ROWS_OF(added=((1, 2, 3.0),))}),
    ),
    "strict, generated": (
        ["UPDATE strict SET a = 5"],
        tables(strict=ROWS_OF(changed=(((1, 1, "any", 2), (1, 5, "any", 10)),))),
    ),
    "text that is not UTF-8": (
        ["UPDATE fact SET value = CAST(x'ff41' AS TEXT) WHERE id = 3"],
        tables(fact=ROWS_OF(changed=(((3, 3, "x"), (3, 3, "\udcffA")),))),
    ),
    "sequence": (
        ["INSERT INTO person(name) VALUES ('x')", "DELETE FROM person WHERE name = 'x'"],
        Differences(sequences={"person": (400, 401)}),
    ),
    "table added": (
        ["CREATE TABLE more(a)", "INSERT INTO more VALUES ('m')"],
        Differences(
            tables={"more": ROWS_OF(added=((1, "m"),))},
            schema=(SchemaDifference("table", "more", "added"),),
        ),
    ),
    "table missing": (
        ["DROP TABLE strict"],
        Differences(
            tables={"strict": ROWS_OF(missing=((1, 1, "any", 2),))},
            schema=(SchemaDifference("table", "strict", "missing"),),
        ),
    ),
    "column added": (
        ["ALTER TABLE strict ADD COLUMN e TEXT"],
        Differences(schema=(SchemaDifference("table", "strict", "changed"),)),
    ),
    "table made anew": (
        [
            "CREATE TABLE fill(a)",
            "DROP TABLE strict",
            "CREATE TABLE strict(a INTEGER, b ANY, c INT AS (a + 1) VIRTUAL, "
            "d INT AS (a * 2) STORED) STRICT",
            "DROP TABLE fill",
        ],
        tables(strict=ROWS_OF(missing=((1, 1, "any", 2),))),
    ),
    "table made anew without rowid": (
        [
            "DROP TABLE line",
            "CREATE TABLE line(value PRIMARY KEY) WITHOUT ROWID",
            "INSERT INTO line VALUES (1)",
            "DELETE FROM fact WHERE id < 4",
        ],
        Differences(
            tables={
                "fact": ROWS_OF(
                    missing=((-(2**63), -(2**63), "first"), (1, 1, 1), (2, 2, ""), (3, 3, "x"))
                ),
                "line": ROWS_OF(added=((1,),), missing=tuple((i, i // 2) for i in range(1, 301))),
            },
            schema=(
                SchemaDifference("table", "line", "changed"),
                SchemaDifference("trigger", "no_more", "missing"),
            ),
        ),
    ),
    "index, view and trigger": (
        [
            "DROP INDEX person_name",
            "DROP VIEW names",
            "CREATE VIEW names AS SELECT 1",
            "DROP TRIGGER no_more",
        ],
        Differences(
            schema=(
                SchemaDifference("index", "person_name", "missing"),
                SchemaDifference("trigger", "no_more", "missing"),
                SchemaDifference("view", "names", "changed"),
            )
        ),
    ),
    "settings": (
        ["PRAGMA user_version = 8", "PRAGMA application_id = 99"],
        Differences(settings={"user_version": (7, 8), "application_id": (0, 99)}),
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_difference_is_named_exactly(guard: Callable[..., Guarded], kind: str) -> None:
    """Each kind of difference is found, with its rows and types, and nothing else is."""
    statements, expected = PLANTED[kind]
    guarded = guard()

    found = guarded.find(*statements)

    assert found.unread == {}
    assert repr(found) == repr(expected)  # 1 == 1.0, so compare what is printed


CLEAN: dict[str, list[str]] = {
    "nothing done": [],
    "row there and gone": ["INSERT INTO fact VALUES (10, 'x')", "DELETE FROM fact WHERE id = 10"],
    "row gone and back": [
        "CREATE TEMP TABLE kept AS SELECT * FROM grade WHERE a < 9",
        "DELETE FROM grade WHERE a < 9",
        "INSERT INTO grade SELECT * FROM kept",
    ],
    "table there and gone": ["CREATE TABLE more(a)", "DROP TABLE more"],
    "many rows there and gone": [
        f"{COUNT.format(3000)} INSERT INTO line SELECT hex(zeroblob(50)) FROM n",
        "DELETE FROM line WHERE typeof(value) = 'text'",
    ],
    "long rows there and gone": [
        "INSERT INTO fact VALUES (11, zeroblob(50000)), (12, zeroblob(50000))",
        "DELETE FROM fact WHERE id IN (11, 12)",
    ],
    "all moved": ["VACUUM"],
    "settings there and back": ["PRAGMA user_version = 8", "PRAGMA user_version = 7"],
    "written again": ["UPDATE person SET name = name, score = score", "REINDEX"],
}


@pytest.mark.parametrize("kind", CLEAN)
def test_what_is_back_as_it_was_is_no_difference(guard: Callable[..., Guarded], kind: str) -> None:
    """Pages that moved or changed while their rows did not are not reported."""
    assert guard().find(*CLEAN[kind]) == Differences()


def test_invalid_text_that_stays_is_no_difference(guard: Callable[..., Guarded]) -> None:
    """A row changed beside text that is not UTF-8 is found alone."""
    guarded = guard(f"{BASELINE}; UPDATE fact SET value = CAST(x'ff' AS TEXT) WHERE id = 3")
    found = guarded.find("UPDATE fact SET value = CAST(x'fe' AS TEXT) WHERE id = 2")
    assert found == tables(fact=ROWS_OF(changed=(((2, 2, ""), (2, 2, "\udcfe")),)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pragma", ["encoding = 'UTF-16le'", "auto_vacuum = 1", "page_size = 512"])
def test_other_file_formats(folder: Path, pragma: str, mode: str) -> None:
    """UTF-16, pointer maps and small pages change nothing in what is found."""
    guarded = Guarded(folder / "x.db", mode, f"PRAGMA {pragma}; {BASELINE}")
    assert guarded.find(*CLEAN["long rows there and gone"]) == Differences()
    assert guarded.find("UPDATE fact SET value = 'é' WHERE id = 3") == tables(
        fact=ROWS_OF(changed=(((3, 3, "x"), (3, 3, "é")),))
    )
    guarded.close()


def test_a_copy_of_another_page_size_is_compared_by_rows(folder: Path) -> None:
    """Where pages cannot be compared every row is."""
    guarded = Guarded(folder / "x.db", "copy of delete", BASELINE)
    guarded.writer.pragma("page_size", 1024)
    found = guarded.find("VACUUM", "DELETE FROM fact WHERE id = 6", "PRAGMA journal_mode = wal")
    assert found == Differences(
        tables={"fact": ROWS_OF(missing=((6, 6, None),))},
        settings={"page_size": (4096, 1024), "journal_mode": ("delete", "wal")},
    )
    guarded.close()


def test_a_table_that_sql_cannot_read_is_said_to_be_unread(folder: Path) -> None:
    """A damaged page of a table is reported with its table, never passed over."""
    guarded = Guarded(folder / "x.db", "copy of delete", BASELINE)
    root = guarded.writer.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'line'").get
    guarded.close()
    with open(guarded.database, "r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xee" * 64)

    found = differences(guarded.database, guarded.baseline)

    assert found.unread.keys() == {"line"}
    assert not found.clean("rows")


def test_an_unknown_function_or_collation_in_an_untouched_table_is_no_matter(
    folder: Path,
) -> None:
    """What an application adds to SQLite is needed only where rows may have changed."""
    path = folder / "x.db"
    with apsw.Connection(str(path)) as own:
        own.create_scalar_function("own", lambda x: x, 1, deterministic=True)
        own.create_collation("own", lambda a, b: (a > b) - (a < b))
        own.execute("CREATE TABLE f(a, b AS (own(a)) STORED); INSERT INTO f VALUES (1)")
        own.execute("CREATE TABLE c(a COLLATE own PRIMARY KEY) WITHOUT ROWID")
        own.execute("INSERT INTO c VALUES ('x'), ('y')")
        own.execute("CREATE TABLE t(a)")
    own.close()
    guarded = Guarded(path, "copy of delete")

    found = guarded.find("INSERT INTO t VALUES (1)")

    assert found == tables(t=ROWS_OF(added=((1, 1),)))
    guarded.close()


def test_virtual_tables_show_by_their_own_rows(guard: Callable[..., Guarded]) -> None:
    """A virtual table differs as its rows do; what it is stored in stands beside that."""
    guarded = guard("CREATE VIRTUAL TABLE note USING fts5(text); INSERT INTO note VALUES ('one')")
    assert guarded.find() == Differences()
    found = guarded.find("INSERT INTO note VALUES ('two')")
    assert found.tables == {"note": ROWS_OF(added=((2, "two"),))}
    assert found.shadows["note"]["note_content"] == ROWS_OF(added=((2, 2, "two"),))
    found = guarded.find("DELETE FROM note WHERE rowid = 2")
    assert found.tables == {}
    assert found.clean("rows")
    assert not found.clean("exact")


def test_the_live_side_is_read_under_the_write_lock(guard: Callable[..., Guarded]) -> None:
    """While another writes, nothing is said: BusyError goes up."""
    guarded = guard()
    guarded.writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(apsw.BusyError):
        guarded.find()
    guarded.writer.execute("ROLLBACK")
    assert guarded.find() == Differences()


def test_a_failed_commit_whose_frames_stay_in_the_wal_does_not_mislead(folder: Path) -> None:
    """Frames that look committed, but whose sync failed, are not taken for the live state."""
    guarded = Guarded(folder / "x.db", "same file", BASELINE)
    guarded.writer.execute("UPDATE person SET score = 8 WHERE id = 7")
    guarded.writer.close()

    class FailingFile(apsw.VFSFile):
        def xSync(self, flags: int) -> None:  # noqa: N802 - the name is SQLite's
            raise apsw.IOError("sync failed")

    class FailingSync(apsw.VFS):
        def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - as above
            if flags[0] & apsw.SQLITE_OPEN_WAL:
                return FailingFile("", name, flags)
            return super().xOpen(name, flags)

    vfs = FailingSync("failing_sync", "")
    failing = connect(folder / "x.db", vfs="failing_sync")
    failing.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    failing.pragma("synchronous", 2)
    with pytest.raises(apsw.IOError):
        failing.execute("UPDATE person SET score = 7 WHERE id = 7")  # the baseline's very bytes

    found = guarded.find()

    name = f"person 7{LONG}"
    assert found == tables(person=ROWS_OF(changed=(((7, 7, name, 7), (7, 7, name, 8)),)))
    failing.close()
    guarded.close()
    del vfs


ELSEWHERE = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.set_busy_timeout(0)
try:
    print(connection.execute(sys.argv[2]).get)
except apsw.BusyError:
    print("refused")
connection.close()
"""


def is_kept_out(database: Path) -> bool:
    """Whether another process can neither write a locked database nor begin its WAL anew."""
    wal = Path(f"{database}-wal").exists()
    tried = "PRAGMA wal_checkpoint(RESTART)" if wal else "BEGIN EXCLUSIVE"
    command = [sys.executable, "-c", ELSEWHERE, str(database), tried]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return said.startswith("(1," if wal else "refused")


def locks_held(folder: Path) -> set[tuple[int, int]]:
    """Ask the kernel which bytes of the folder's files this process has locked (proc_locks(5))."""
    inodes = {path.stat().st_ino for path in folder.iterdir()}
    locked: set[tuple[int, int]] = set()
    for line in Path("/proc/locks").read_text().splitlines():
        _, _, _, _, process, device, first, last = line.replace("->", "").split()
        inode = int(device.split(":")[2])
        if int(process) == os.getpid() and inode in inodes:
            locked.update((inode, byte) for byte in range(int(first), int(last) + 1))
    return locked


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs Linux to tell of its locks")
@pytest.mark.parametrize("mode", MODES)
def test_no_lock_of_this_process_is_dropped(
    folder: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a reader here holds keeps another process out before, during and after."""
    guarded = Guarded(folder / "x.db", mode, BASELINE)
    guarded.writer.execute("DELETE FROM fact WHERE id = 1")
    guarded.writer.execute("BEGIN")
    guarded.writer.execute("SELECT count(*) FROM fact").fetchall()
    before = locks_held(folder)
    read, during = pages.page_size_of, []

    def look(connection: apsw.Connection) -> Any:
        during.append(locks_held(folder))
        return read(connection)

    monkeypatch.setattr(pages, "page_size_of", look)
    assert before
    assert is_kept_out(guarded.database)
    assert guarded.find() == tables(fact=ROWS_OF(missing=((1, 1, 1),)))
    assert is_kept_out(guarded.database)
    assert locks_held(folder) == before
    assert during
    assert all(before <= held for held in during)
    guarded.database.read_bytes()  # the defect: to open and close drops this process's locks
    assert not before <= locks_held(folder)
    guarded.close()


def test_nothing_is_written(guard: Callable[..., Guarded]) -> None:
    """The last connection to a database with a WAL changes no byte and makes no checkpoint."""
    guarded = guard()
    guarded.writer.execute("DELETE FROM fact WHERE id = 1")
    guarded.close()

    def files() -> dict[str, bytes]:
        folder = guarded.database.parent.iterdir()
        return {path.name: path.read_bytes() for path in folder if not path.match("*-shm")}

    before = files()
    assert len(guarded.find().tables["fact"]) == 1
    assert files() == before
    assert len(guarded.find().tables["fact"]) == 1


@pytest.mark.parametrize("mode", ["copy of wal", "copy of delete"])
def test_nothing_is_left_behind(folder: Path, mode: str) -> None:
    """A database that had no -wal has none afterwards."""
    guarded = Guarded(folder / "x.db", mode, BASELINE)
    guarded.writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
    guarded.close()
    assert guarded.find() == Differences()
    assert set(folder.iterdir()) == {guarded.database, guarded.baseline}


def test_a_commit_just_before_the_lock_is_not_missed(
    guard: Callable[..., Guarded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another writer commits between the look at the WAL and the lock is found as well."""
    guarded = guard()
    guarded.writer.execute("DELETE FROM fact WHERE id = 1")
    look, commits = pages.wal_state, ["DELETE FROM strict"]

    def look_then_commit(connection: apsw.Connection) -> Any:
        state = look(connection)
        if commits:
            guarded.writer.execute(commits.pop())
        return state

    monkeypatch.setattr(pages, "wal_state", look_then_commit)
    assert guarded.find() == tables(
        fact=ROWS_OF(missing=((1, 1, 1),)), strict=ROWS_OF(missing=((1, 1, "any", 2),))
    )


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
@pytest.mark.parametrize("mode", ["copy of wal", "copy of delete"])
def test_a_file_that_cannot_be_written_is_still_verified(folder: Path, mode: str) -> None:
    """Without permission to write, the live side is read in a read transaction."""
    guarded = Guarded(folder / "x.db", mode, BASELINE)
    guarded.writer.execute("DELETE FROM fact WHERE id = 1")
    guarded.close()
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o755)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from harness.databases.sqlite.differences import differences\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "print(differences(Path(sys.argv[1]), Path(sys.argv[2])).sentences())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(guarded.database), str(guarded.baseline)],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.strip() == "['fact: 0 added, 1 missing, 0 changed']", done.stderr


VALUES = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.sampled_from([1.0, 0.0, float("inf"), 1e300]),
    st.text("ab\0é", max_size=3),
    st.binary(max_size=3),
    st.integers(0, 9000).map(bytes),
    st.integers(0, 700).map(lambda n: n * "t"),
)
KEYS = st.integers(1, 60)
ROWS, SIZES = st.integers(60, 300), st.integers(0, 130)
MANY = COUNT.format("?1")
STATEMENTS = st.one_of(
    st.tuples(st.just("INSERT OR REPLACE INTO t VALUES (?, ?)"), KEYS, VALUES),
    st.tuples(st.just("DELETE FROM t WHERE id BETWEEN ? AND ?"), KEYS, KEYS),
    st.tuples(st.just("UPDATE t SET v = ?2 WHERE id = ?1"), KEYS, VALUES),
    st.tuples(st.just("INSERT OR REPLACE INTO w VALUES (?, ?)"), KEYS, VALUES),
    st.tuples(st.just("DELETE FROM w WHERE id BETWEEN ? AND ?"), KEYS, KEYS),
    # trees of several levels: leaves that are full to the last, rows on interior pages
    st.tuples(
        st.just(f"{MANY} INSERT OR REPLACE INTO w SELECT i, zeroblob(?2) FROM n"), ROWS, SIZES
    ),
    st.tuples(st.just(f"{MANY} INSERT INTO t SELECT NULL, zeroblob(?2) FROM n"), ROWS, SIZES),
    st.tuples(st.just("UPDATE w SET v = ?2 WHERE id % 60 = ?1"), KEYS, VALUES),
    st.tuples(st.just("DELETE FROM w WHERE id > 60 + ?1"), KEYS),
    st.tuples(st.just("DELETE FROM t WHERE id > 60 + ?1"), KEYS),
    st.tuples(st.just("INSERT OR REPLACE INTO a(id, v) VALUES (?, ?)"), KEYS, VALUES),
    st.tuples(st.just("UPDATE a SET v = ?2 WHERE id > ?1"), KEYS, VALUES),
    st.tuples(st.just("DELETE FROM a")),
    st.tuples(
        st.just("ALTER TABLE t RENAME TO x"),
    ),
    st.tuples(
        st.just("ALTER TABLE x RENAME TO t"),
    ),
    st.tuples(
        st.just("DROP TABLE a"),
    ),
    st.tuples(
        st.just("CREATE TABLE a(id INTEGER PRIMARY KEY, v)"),
    ),
    st.tuples(
        st.just("CREATE INDEX i ON t(v)"),
    ),
    st.tuples(
        st.just("DROP INDEX i"),
    ),
    st.tuples(
        st.just("VACUUM"),
    ),
)
SMALL = f"""
PRAGMA page_size = 512;
CREATE TABLE t(id INTEGER PRIMARY KEY, v);
CREATE TABLE w(id PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, v);
CREATE INDEX w_v ON w(v);
{COUNT.format(300)} INSERT INTO w SELECT i, hex(zeroblob(i % 40)) FROM n;
{COUNT.format(90)} INSERT INTO t SELECT i, zeroblob(i % 50) FROM n;
"""


def run(connection: apsw.Connection, statements: list[tuple[Any, ...]]) -> None:
    """Run what can be run of some random statements."""
    for sql, *values in statements:
        try:
            connection.execute(sql, values)
        except apsw.Error:  # a table that another statement dropped, a value not unique
            continue


@contextmanager
def paths() -> Iterator[list[str]]:
    """Tell which ways of comparing are taken: by pages, by rows where these do not tell enough."""
    taken: list[str] = []
    real = {name: getattr(module, name) for name in ("_by_pages", "_by_rows")}

    def noting(name: str) -> Callable[..., Differences]:
        def note(*arguments: Any, **options: Any) -> Differences:
            taken.append(name.strip("_").replace("_", " "))
            compared: Differences = real[name](*arguments, **options)
            return compared

        return note

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(module, name, noting(name))
        yield taken


PATHS = {
    "UPDATE fact SET value = CAST(zeroblob(8999) || x'01' AS BLOB) WHERE id = 4": ["by pages"],
    "VACUUM": ["by pages"],
    "DELETE FROM grade": ["by pages"],
    "PRAGMA journal_mode = delete; PRAGMA page_size = 1024; VACUUM": ["by rows"],
}


@pytest.mark.parametrize("statement", PATHS)
def test_pages_are_compared_where_they_can_be(folder: Path, statement: str) -> None:
    """Rows are compared one by one only where the pages of the two files are not alike."""
    guarded = Guarded(folder / "x.db", "copy of wal", BASELINE)
    with paths() as taken:
        guarded.find(statement)
    guarded.close()
    assert taken == PATHS[statement]


@pytest.mark.parametrize("mode", MODES)
@given(first=st.lists(STATEMENTS, max_size=40), then=st.lists(STATEMENTS, max_size=15))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_was_done_the_same_is_found_as_by_reading_everything(
    folder: Path, mode: str, first: list[tuple[Any, ...]], then: list[tuple[Any, ...]]
) -> None:
    """What is found by pages is what a plain dump tells; what SQLite writes is never damage."""
    for path in folder.iterdir():
        path.unlink()
    with apsw.Connection(str(folder / "x.db")) as maker:
        maker.execute(SMALL)
    run(maker, first)
    maker.close()
    guarded = Guarded(folder / "x.db", mode)
    before = whole_dump(guarded.writer)
    run(guarded.writer, then)
    now = whole_dump(guarded.writer)

    with paths() as taken:
        found = guarded.find()
    event(" and ".join(taken) or "no page differs")
    guarded.close()

    expected = apart(before, now)
    expected.pop("sqlite_sequence", None)
    assert as_found(found.tables) == expected
    assert not found.unread
    assert not found.damage


REAL = (
    "chinook.sqlite",
    "chinook_autoincrement.sqlite",
    "northwind.db",
    "sakila.db",
    "datasette_fixtures.db",
    "wagtail_bakerydemo.sqlite3",
    "wal_database.db",
)


def a_change_in(connection: apsw.Connection, table: str) -> bool:
    """Insert a copy of a row, or else change or delete one; say whether SQLite did."""
    name = '"' + table.replace('"', '""') + '"'
    columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
    free = [f'"{column[1]}"' for column in columns if not column[5]]
    column = free[-1] if free else f'"{columns[-1][1]}"'
    for statement in (
        f"INSERT INTO {name} SELECT * FROM {name} LIMIT 1",
        f"UPDATE {name} SET {column} = {column} || 'x' WHERE {column} = "
        f"(SELECT max({column}) FROM {name})",
        f"DELETE FROM {name} WHERE {column} IS (SELECT {column} FROM {name} LIMIT 1)",
        f"INSERT INTO {name} DEFAULT VALUES",
    ):
        try:
            before = connection.total_changes()
            connection.execute(statement)
            if connection.total_changes() > before:
                return True
        except apsw.Error:  # unique, checked, raised by a trigger: try the next
            continue
    return False


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", REAL)
def test_real_databases(real_database: Callable[[str], Path], name: str, mode: str) -> None:
    """On databases nobody here wrote: untouched none, and a change in each table is found."""
    guarded = Guarded(real_database(name), mode)
    guarded.writer.pragma("foreign_keys", 0)
    assert guarded.find() == Differences()
    before = whole_dump(guarded.writer)
    changed = set()
    for table in before:
        if table == "sqlite_sequence" or "_fts" in table:  # a damaged FTS index stops its triggers
            continue
        guarded.writer.execute("SAVEPOINT one")
        if not a_change_in(guarded.writer, table):
            guarded.writer.execute("ROLLBACK TO one; RELEASE one")
            continue
        guarded.writer.execute("RELEASE one")
        changed.add(table)
    expected = apart(before, whole_dump(guarded.writer))
    expected.pop("sqlite_sequence", None)
    stored = {name: rows for _, name, rows in guarded.find().as_stored()}
    found = as_found(stored)
    assert found == expected
    assert changed <= found.keys()
    assert len(changed) > len(before) // 2
    guarded.close()


def test_what_the_sequences_table_holds_can_be_told_whatever_it_is(folder: Path) -> None:
    """SQLite lets anybody write names there that are no text: each is told, in some order."""
    with closing(
        Guarded(
            folder / "x.db", "copy of wal", "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT)"
        )
    ) as guarded:
        rows = "(NULL, 3), (5, 4), ('t', 9), (x'00ff', 1)"
        found = guarded.find(f"INSERT INTO sqlite_sequence VALUES {rows}")
    assert found.sentences() == [
        "sequence 5: None -> 4",
        "sequence None: None -> 3",
        "sequence b'\\x00\\xff': None -> 1",
        "sequence t: None -> 9",
    ]


def test_a_number_of_another_type_in_a_table_without_rowid_differs(folder: Path) -> None:
    """1 where 1.0 was is another row, though the two compare as equal."""
    live, baseline = folder / "live", folder / "baseline"
    for path, value in ((live, "1"), (baseline, "1.0")):
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute("CREATE TABLE t (k PRIMARY KEY, v) WITHOUT ROWID")
            connection.execute(f"INSERT INTO t VALUES ('a', {value})")
    assert not differences(live, baseline).clean("rows")
