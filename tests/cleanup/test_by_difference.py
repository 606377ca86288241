from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cleanup import CleanupReport
from harness.cleanup.by_difference import DifferenceCleanup
from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.session import connect
from harness.errors import UsageError
from harness.guard import Guard
from harness.retry import Retry
from harness.steps import Listener, Step, nobody
from harness.truth.sqlite import SqliteTruth
from tests.databases.guarded import apart, whole_dump

SHOP = """
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE COLLATE NOCASE);
CREATE TABLE bots (id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id NOT NULL REFERENCES Users ON DELETE CASCADE, name TEXT CHECK (length(name) > 1));
CREATE TABLE tags (bot_id REFERENCES bots ON DELETE RESTRICT, tag TEXT COLLATE NOCASE, weight,
  PRIMARY KEY (bot_id, tag)) WITHOUT ROWID;
CREATE TABLE audit_log (what TEXT, size INT AS (length(what)), twice AS (what || what) STORED);
CREATE TRIGGER bots_gone AFTER DELETE ON bots BEGIN
  INSERT INTO audit_log (what) VALUES ('gone ' || OLD.id); END;
CREATE TRIGGER users_kept BEFORE DELETE ON users WHEN OLD.id = 1 BEGIN
  SELECT RAISE(ABORT, 'the owner stays'); END;
INSERT INTO users VALUES (1, 'ada@x'), (2, 'bob@x'), (9, 'cy@x');
INSERT INTO bots VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three');
INSERT INTO tags VALUES (1, 'red', 1), (1, 'blue', 1.0), (2, 'Red', NULL);
INSERT INTO audit_log (what) VALUES ('first'), ('second'), (NULL);
DELETE FROM users WHERE id = 9;
"""
KINDS = """
CREATE TABLE a (v, w BLOB, r REAL) ;
CREATE TABLE b (n INT, t TEXT, x ANY) STRICT;
CREATE TABLE c (rowid, v UNIQUE, "a ""x"" b" TEXT);
CREATE TABLE d (k BLOB PRIMARY KEY, v) WITHOUT ROWID;
CREATE INDEX a_v ON a (v) WHERE v NOT NULL;
INSERT INTO a VALUES (1, x'00ff', 1.5), (1.0, zeroblob(0), 1e300), ('', 'a' || char(0) || 'b', 0.5);
INSERT INTO a VALUES (CAST(x'ff80' AS TEXT), -0.0, 5.5), (9223372036854775807, 9e999, -9e999);
INSERT INTO b VALUES (1, 'a', 1), (2, 'b', '1'), (NULL, NULL, x'31');
INSERT INTO c VALUES ('a', 1, 'b'), ('a', 2, NULL);
INSERT INTO d VALUES (x'61', 1), ('a', 2), (CAST(x'ff' AS TEXT), 3), (7, 4);
"""
CIRCLE = """
PRAGMA foreign_keys = OFF;
CREATE TABLE staff (id INTEGER PRIMARY KEY, shop REFERENCES shop, boss REFERENCES staff);
CREATE TABLE shop (id INTEGER PRIMARY KEY, chief REFERENCES staff UNIQUE);
CREATE TABLE broken (id INTEGER PRIMARY KEY, staff REFERENCES staff, lost REFERENCES nowhere);
INSERT INTO staff VALUES (1, 1, NULL), (2, 1, 1), (3, 2, 1);
INSERT INTO shop VALUES (1, 1), (2, 3);
INSERT INTO broken VALUES (1, 77, NULL), (2, 1, 5);
"""
UTF16 = "PRAGMA encoding = 'UTF-16le';" + KINDS.replace("x'ff80'", "x'00d8'").replace(
    "CAST(x'ff' AS TEXT)", "CAST(x'00dc' AS TEXT)"
)
SEARCH = """
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE found USING fts5(body, content='notes', content_rowid='id');
CREATE TRIGGER notes_in AFTER INSERT ON notes BEGIN
  INSERT INTO found (rowid, body) VALUES (NEW.id, NEW.body); END;
CREATE TRIGGER notes_out AFTER DELETE ON notes BEGIN
  INSERT INTO found (found, rowid, body) VALUES ('delete', OLD.id, OLD.body); END;
INSERT INTO notes (body) VALUES ('alpha beta'), ('beta gamma'), ('delta');
"""
SCHEMAS = {
    "shop": (SHOP, ("users", "bots", "tags", "audit_log")),
    "kinds": (KINDS, ("a", "b", "c", "d")),
    "utf-16": (UTF16, ("a", "b", "c", "d")),
    "circle": (CIRCLE, ("staff", "shop", "broken")),
    "search": (SEARCH, ("notes",)),
}
EDITS = (
    "DELETE FROM {table} WHERE {column} IS (SELECT {column} FROM {table} LIMIT 1 OFFSET {n})",
    "DELETE FROM {table}",
    "UPDATE {table} SET {column} = {value} WHERE {column} IS (SELECT max({column}) FROM {table})",
    "UPDATE {table} SET {column} = {value}",
    "UPDATE {table} SET {column} = {column} || 'x'",
    "UPDATE {table} SET {column} = -{column}",
    "UPDATE OR REPLACE {table} SET {column} = {column} + 1",
    "INSERT INTO {table} ({column}) VALUES ({value})",
    "INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT {n}",
    "PRAGMA foreign_keys = OFF",
    "UPDATE sqlite_sequence SET seq = seq + {n}",
    "DELETE FROM sqlite_sequence WHERE rowid = {n}",
    "PRAGMA user_version = {n}",
)
VALUES = ("NULL", "1", "1.0", "'a'", "'A'", "x'61'", "''", "x''", "-0.0", "CAST(x'ff' AS TEXT)")


def clean(
    database: Path, baseline: Path, listener: Listener = nobody, attempts: int = 3
) -> CleanupReport:
    """Run the cleanup."""
    return DifferenceCleanup(baseline, busy_timeout_ms=10).clean(
        database,
        (),
        connect=lambda path: connect(path, busy_timeout_ms=10),
        retry=Retry(attempts, 0.1),
        listener=listener,
    )


def made(folder: Path, script: str, journal_mode: str = "wal") -> tuple[Path, Path]:
    """Write a database by a script; give it and its baseline."""
    database, baseline = folder / "live.sqlite3", folder / "live.sqlite3.e2e-backup"
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute(script)
        connection.pragma("journal_mode", journal_mode)
    shutil.copyfile(database, baseline)
    return database, baseline


def write(database: Path, *statements: str, foreign_keys: bool = True) -> None:
    """Write as the tests do; what SQLite refuses is not written."""
    with closing(connect(database)) as connection:
        connection.pragma("foreign_keys", foreign_keys)
        for statement in statements:
            with suppress(apsw.Error):
                connection.execute(statement).fetchall()


def test_what_tests_do(folder: Path) -> None:
    """Rows added, changed, deleted with all that cascades: all back, counted, nothing triggered."""
    database, baseline = made(folder, SHOP)
    write(
        database,
        "INSERT INTO users (email) VALUES ('test@x')",
        "INSERT INTO bots (user_id, name) VALUES (10, 'test')",
        "UPDATE users SET email = 'changed@x' WHERE id = 1",
        "DELETE FROM tags WHERE bot_id = 2",
        "DELETE FROM bots WHERE id = 2",
        "UPDATE tags SET tag = 'BLUE', weight = 1 WHERE tag = 'blue'",
    )
    heard: list[Step] = []
    report = clean(database, baseline, heard.append)
    assert report.ok
    assert heard == [Step("cleanup", "by_difference", 1)]
    assert report.removed == report.wanted == {"users": 2, "bots": 2, "tags": 3, "audit_log": 1}
    assert differences(database, baseline).clean("exact")
    assert SqliteTruth(baseline).judge(database).exact
    assert clean(database, baseline) == CleanupReport()  # nothing is left to do


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=20)
@given(data=st.data())
def test_any_edits_are_undone(name: str, data: st.DataObject) -> None:
    """Whatever was written to whatever tables, afterwards verification and truth find nothing."""
    script, tables = SCHEMAS[name]
    memory = Path("/dev/shm")  # noqa: S108 - a tmpfs of the system's, and the folder made is private
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        journal_mode = data.draw(st.sampled_from(("wal", "delete")))
        database, baseline = made(Path(folder), script, journal_mode)
        with closing(connect(database)) as connection:
            columns = {
                table: [
                    column
                    for (column,) in connection.execute(
                        "SELECT name FROM pragma_table_info(?)", (table,)
                    )
                ]
                for table in tables
            }
        edits = []
        for _ in range(data.draw(st.integers(1, 6))):
            table = data.draw(st.sampled_from(tables))
            column = data.draw(st.sampled_from(columns[table]))
            edits.append(
                data.draw(st.sampled_from(EDITS)).format(
                    table=table,
                    column='"' + column.replace('"', '""') + '"',
                    value=data.draw(st.sampled_from(VALUES)),
                    n=data.draw(st.integers(0, 4)),
                )
            )
        write(database, *edits)
        found = differences(database, baseline, checked=False)
        report = clean(database, baseline)
        assert report.ok, report.failures
        assert report.removed == {table: len(rows) for table, rows in found.tables.items()}
        assert differences(database, baseline).sentences() == []
        assert SqliteTruth(baseline).judge(database).exact
        with closing(connect(database)) as connection:
            assert connection.pragma("integrity_check") == "ok"


def test_a_search_index_comes_back(folder: Path) -> None:
    """A virtual table's own tables are put back, and the index agrees with itself and content."""
    database, baseline = made(folder, SEARCH)
    with closing(connect(database)) as reader:  # somebody's connection that has it loaded
        query = "SELECT rowid FROM found WHERE found MATCH ?"
        write(database, "INSERT INTO notes (body) VALUES ('omega')", "DELETE FROM notes WHERE id=1")
        assert reader.execute(query, ("omega",)).fetchall() == [(4,)]
        report = clean(database, baseline)
        assert report.ok
        assert report.wanted["notes"] == 2
        assert reader.execute(query, ("omega",)).fetchall() == []
        assert reader.execute(query, ("alpha",)).fetchall() == [(1,)]
        reader.execute("INSERT INTO found (found, rank) VALUES ('integrity-check', 1)")
    assert differences(database, baseline).clean("exact")


def test_what_it_cannot_do_it_says_and_leaves(folder: Path) -> None:
    """A changed definition, a hidden rowid, a setting: said one by one; other tables come back."""
    script = SHOP + "CREATE TABLE hidden (rowid, oid, _rowid_); INSERT INTO hidden VALUES (1, 2, 3)"
    database, baseline = made(folder, script)
    write(
        database,
        "ALTER TABLE audit_log ADD COLUMN extra",
        "INSERT INTO audit_log (what) VALUES ('test')",
        "CREATE TABLE scratch (id INTEGER PRIMARY KEY AUTOINCREMENT)",
        "INSERT INTO scratch VALUES (5)",
        "INSERT INTO hidden VALUES (4, 5, 6)",
        "INSERT INTO users (email) VALUES ('test@x')",
        "CREATE INDEX quick ON bots (name)",
        "PRAGMA user_version = 8",
        "PRAGMA journal_mode = DELETE",
    )
    report = clean(database, baseline)
    assert {entity.table: failure.reason for entity, failure in report.failed} == {
        "audit_log": "schema changed: table audit_log changed",
        "scratch": "schema changed: table scratch added",
        "quick": "schema changed: index quick added",
        "hidden": "its columns take all three names of the rowid",
        "setting journal_mode": "delete, was wal",
    }
    assert report.removed == {"users": 1}
    assert report.wanted == {"users": 1, "audit_log": 1, "scratch": 1, "hidden": 1}
    assert (
        "Hidden: 0/1 deleted; failed: hidden "
        "(its columns take all three names of the rowid, 1 attempt)"
    ) in report.sentences()
    left = differences(database, baseline)
    assert left.tables.keys() == {"audit_log", "scratch", "hidden"}
    assert left.sequences == {"scratch": (None, 5)}
    assert left.settings.keys() == {"journal_mode"}


def test_no_foreign_key_is_left_broken(folder: Path) -> None:
    """A table it must leave refers to a row it would delete: all is rolled back, and it says so."""
    database, baseline = made(folder, SHOP)
    write(
        database,
        "INSERT INTO users VALUES (50, 'test@x')",
        "ALTER TABLE bots ADD COLUMN extra",
        "INSERT INTO bots VALUES (60, 50, 'test', NULL)",
    )
    before = database.read_bytes()
    report = clean(database, baseline)
    assert database.read_bytes() == before
    ((entity, failure),) = report.failed
    assert (entity.table, failure.reason) == ("everything", "foreign-key violation")
    assert "1 rows of bots" in failure.error
    assert report.wanted == {"bots": 1, "users": 1}
    assert report.removed == {}


def test_broken_ones_of_the_baseline_are_fine(folder: Path) -> None:
    """Rows that already referred to nothing, or failed a CHECK, do not stand in the way."""
    unchecked = "PRAGMA ignore_check_constraints = ON; CREATE TABLE odd (v CHECK (v > 0));"
    database, baseline = made(folder, f"{CIRCLE}{unchecked}INSERT INTO odd VALUES (-1)")
    write(
        database, "DELETE FROM broken", "DELETE FROM staff", "DELETE FROM odd", foreign_keys=False
    )
    assert clean(database, baseline).removed == {"broken": 2, "odd": 1, "staff": 3}
    assert differences(database, baseline).clean("exact")


def test_another_database_altogether(folder: Path) -> None:
    """Where the file was made anew in another encoding, nothing is written."""
    database, baseline = made(folder, "CREATE TABLE t (v); INSERT INTO t VALUES ('one')", "delete")
    database.unlink()
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (v)")
    before = database.read_bytes()
    report = clean(database, baseline)
    assert {e.table for e, _ in report.failed} == {"t", "setting encoding"}
    assert report.removed == {}
    assert database.read_bytes() == before


def test_a_lock_costs_an_attempt(folder: Path) -> None:
    """A writer that goes away between attempts costs one failure; one that stays fails it all."""
    database, baseline = made(folder, SHOP)
    write(database, "INSERT INTO users (email) VALUES ('test@x')")
    with closing(connect(database)) as holder:

        def listener(step: Step) -> None:
            if step.attempt == 1:
                holder.execute("BEGIN IMMEDIATE")
            if step.attempt == 3:
                holder.execute("ROLLBACK")

        report = clean(database, baseline, listener, attempts=2)
        assert [(e.table, f.reason) for e, f in report.failed] == [("everything", "timeout")]
        holder.execute("ROLLBACK")
        report = clean(database, baseline, listener)
    assert report.ok
    assert [f.reason for f in report.failures] == ["timeout", "timeout"]
    assert report.removed == {"users": 1}


def test_a_full_disk_changes_nothing(folder: Path) -> None:
    """When SQLite runs out of room half way, everything is rolled back and reported."""
    script = SHOP + (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
        "INSERT INTO audit_log (what) SELECT hex(randomblob(500)) FROM n;"
    )
    database, baseline = made(folder, script, "delete")
    write(database, "DELETE FROM audit_log", "INSERT INTO users (email) VALUES ('t@x')", "VACUUM")
    before = database.read_bytes()

    def cramped(path: Path) -> apsw.Connection:
        connection = connect(path)
        connection.pragma("max_page_count", connection.pragma("page_count") + 20)
        return connection

    report = DifferenceCleanup(baseline).clean(
        database, (), connect=cramped, retry=Retry(2, 0.1), listener=nobody
    )
    assert [(e.table, f.reason) for e, f in report.failed] == [("everything", "disk full")]
    assert len(report.failures) == 2
    assert database.read_bytes() == before
    assert clean(database, baseline).ok
    assert differences(database, baseline).clean("exact")


@pytest.mark.parametrize("recovery", ["online_backup", "wal_pin"])
def test_in_the_guard(folder: Path, recovery: str) -> None:
    """With the guard's own backup as the baseline no restore is needed, its main file included."""
    database, _ = made(folder, SHOP)
    pinned = recovery == "wal_pin"  # its baseline is the database's own main file
    baseline = database if pinned else folder / "live.sqlite3.e2e-backup"
    baseline.with_name("live.sqlite3.e2e-backup").unlink()
    with Guard(database, recoveries=(recovery,), cleanup=DifferenceCleanup(baseline)) as guard:
        write(database, "INSERT INTO users (email) VALUES ('t@x')", "DELETE FROM tags")
    assert guard.result.ended == "cleaned"
    assert guard.result.report is not None
    assert guard.result.report.removed == {"users": 1, "tags": 3}


def test_without_a_baseline(folder: Path) -> None:
    """Without one it is a usage error; one that is not there is a failure of everything."""
    database, baseline = made(folder, SHOP)
    with pytest.raises(UsageError, match="no baseline"):
        DifferenceCleanup().clean(database, (), connect=connect, retry=Retry(), listener=nobody)
    baseline.unlink()
    report = clean(database, baseline)
    assert [(e.table, f.reason) for e, f in report.failed] == [("everything", "missing file")]


REAL = (
    "chinook.sqlite",
    "chinook_autoincrement.sqlite",
    "datasette_fixtures.db",
    "northwind.db",
    "sakila.db",
    "wagtail_bakerydemo.sqlite3",
    "wal_database.db",
)


@pytest.mark.parametrize("name", REAL)
def test_real_databases(real_database: Callable[[str], Path], name: str) -> None:
    """On databases nobody here wrote: a row of every table deleted, changed, added; all back."""
    database = real_database(name)
    baseline = database.with_name("baseline")
    with closing(connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        shutil.copyfile(database, baseline)
        tables = [
            row[1]
            for row in connection.execute("PRAGMA main.table_list").fetchall()
            if row[2] == "table" and not row[1].startswith("sqlite_")
        ]
        first = {
            t: connection.execute("SELECT name FROM pragma_table_info(?)", (t,)).fetchall()[-1][0]
            for t in tables
        }
    statements = [
        template.format(table=f'"{table}"', column=f'"{first[table]}"')
        for table in tables
        for template in (
            "INSERT INTO {table} SELECT * FROM {table} LIMIT 1",
            "UPDATE {table} SET {column} = {column} || 'x' WHERE {column} = "
            "(SELECT max({column}) FROM {table})",
            "DELETE FROM {table} WHERE {column} IS (SELECT {column} FROM {table} LIMIT 1)",
        )
    ]
    write(database, *statements, foreign_keys=False)
    found = differences(database, baseline)
    assert 2 * len(found.tables) >= len(tables)
    report = clean(database, baseline)
    assert report.ok, report.sentences()
    assert report.removed == {table: len(rows) for table, rows in found.tables.items()}
    assert differences(database, baseline).sentences() == []
    with closing(connect(database)) as now, closing(connect(baseline)) as was:
        assert apart(whole_dump(was), whole_dump(now)) == {}
        assert now.pragma("integrity_check") == was.pragma("integrity_check")
    judgement = SqliteTruth(baseline).judge(database)
    assert judgement.exact, judgement.differences
