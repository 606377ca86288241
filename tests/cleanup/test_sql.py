from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import registry
from harness.cleanup import CleanupReport
from harness.cleanup.sql import SqlCleanup, in_order
from harness.databases.sqlite.dialect import DIALECT
from harness.databases.sqlite.session import connect
from harness.retry import Retry
from harness.steps import Entity, Listener, Step, nobody
from harness.truth.sqlite import SqliteTruth

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT DEFAULT 'member');
CREATE TABLE bots (id INTEGER PRIMARY KEY, user_id REFERENCES Users ON DELETE RESTRICT);
CREATE TABLE notes (id INTEGER PRIMARY KEY, bot_id REFERENCES bots, reply_to REFERENCES notes);
CREATE TABLE audit_log (id INTEGER PRIMARY KEY, what TEXT);
CREATE TRIGGER users_audit AFTER UPDATE OF role ON users BEGIN
  INSERT INTO audit_log (what) VALUES (OLD.role || ' to ' || NEW.role); END;
CREATE TRIGGER bots_audit AFTER DELETE ON bots BEGIN
  INSERT INTO audit_log (what) VALUES ('bot gone'); END;
INSERT INTO users VALUES (1, 'Ada', 'owner');
INSERT INTO audit_log VALUES (1, 'baseline');
"""


def row(table: str, key: int) -> Entity:
    """Name a row to delete."""
    return Entity(table, (("id", key),))


@pytest.fixture
def database(folder: Path) -> Path:
    """Make a small database."""
    path = folder / "sql.sqlite3"
    connection = apsw.Connection(str(path))
    connection.execute(SCHEMA)
    connection.close()
    return path


def write(database: Path, sql: str) -> None:
    """Write as the tests do, foreign keys on."""
    connection = connect(database)
    connection.execute(sql)
    connection.close()


def read(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read as anybody."""
    connection = connect(database)
    try:
        return list(connection.execute(sql))
    finally:
        connection.close()


def clean(
    database: Path,
    entities: Sequence[Entity],
    *,
    listener: Listener = nobody,
    opened: list[apsw.Connection] | None = None,
    attempts: int = 3,
    busy_timeout_ms: int = 10,
) -> CleanupReport:
    """Run the cleanup; ``opened`` collects the connections it opens."""

    def open_one(path: Path) -> apsw.Connection:
        connection = connect(path, busy_timeout_ms=busy_timeout_ms)
        if opened is not None:
            opened.append(connection)
        return connection

    return SqlCleanup().clean(
        database, entities, connect=open_one, retry=Retry(attempts, 0.1), listener=listener
    )


def is_closed(connection: apsw.Connection) -> bool:
    """Whether a connection has been closed."""
    try:
        connection.total_changes()
    except apsw.ConnectionClosedError:
        return True
    return False


MADE = """
INSERT INTO users VALUES (7, 'Test', 'member');
UPDATE users SET role = 'admin' WHERE id = 1;
INSERT INTO bots VALUES (8, 7), (9, 7);
INSERT INTO notes VALUES (1, 8, NULL), (2, 8, 1), (3, 9, 2);
"""
ENTITIES = (
    Entity("audit_log", (("id", 1),), after=True),
    row("users", 7),
    Entity("users", (("id", 1),), before=(("role", "owner"),)),
    row("bots", 8),
    row("bots", 9),
    row("notes", 1),
    row("notes", 2),
    row("notes", 3),
)


def test_everything_goes_in_the_right_order(database: Path) -> None:
    """Reverts, children before parents, newest replies first, what triggers wrote at the end."""
    baseline = [read(database, f"SELECT * FROM {table}") for table in ("users", "audit_log")]
    write(database, MADE)
    heard: list[Step] = []
    report = clean(database, ENTITIES, listener=heard.append)
    assert [step.operation for step in heard] == [
        "revert users 1",
        "delete notes 3",
        "delete notes 2",
        "delete notes 1",
        "delete bots 9",
        "delete bots 8",
        "delete users 7",
        "purge audit_log 1",
    ]
    assert report.ok
    assert report.failures == []
    assert report.removed == report.wanted == {"users": 2, "notes": 3, "bots": 2, "audit_log": 1}
    assert [read(database, f"SELECT * FROM {t}") for t in ("users", "audit_log")] == baseline
    assert read(database, "SELECT * FROM bots, notes") == []


@settings(max_examples=60, deadline=None)
@given(data=st.data(), tables=st.integers(1, 6))
def test_no_row_goes_before_those_that_refer_to_it(data: st.DataObject, tables: int) -> None:
    """Whatever refers to whatever, circles and self references too: what was made can be removed.

    Rows are made in any order that foreign keys allow; each refers to rows made before it. Where
    the tables have an order, they may also be listed table by table, in any order of tables.
    """
    circles = data.draw(st.booleans())
    ends = st.tuples(st.integers(0, tables - 1), st.integers(0, tables - 1))
    arrows = data.draw(st.sets(ends.filter(lambda a: circles or a[0] >= a[1]), max_size=8))
    connection = apsw.Connection(":memory:")
    connection.pragma("foreign_keys", True)
    for table in range(tables):
        columns = [f"c{to} REFERENCES T{to}" for at, to in sorted(arrows) if at == table]
        connection.execute(
            f"CREATE TABLE t{table} (id INTEGER PRIMARY KEY{''.join(', ' + c for c in columns)})"
        )
    made: dict[int, list[int]] = {table: [] for table in range(tables)}
    entities = []
    for key, table in enumerate(data.draw(st.lists(st.integers(0, tables - 1), max_size=12))):
        values = {"id": key}
        for at, to in sorted(arrows):
            if at == table and made[to]:
                values[f"c{to}"] = data.draw(st.sampled_from(made[to]))
        connection.execute(
            f"INSERT INTO t{table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
            tuple(values.values()),
        )
        made[table].append(key)
        entities.append(row(f"t{table}", key))
    if not circles:
        by_table = data.draw(st.permutations([f"t{table}" for table in range(tables)]))
        entities.sort(key=lambda entity: by_table.index(entity.table))
    for entity in in_order(connection, entities, DIALECT):
        connection.execute(f"DELETE FROM {entity.table} WHERE id = ?", (entity.key[0][1],))
    assert connection.total_changes() == 2 * len(entities)
    connection.close()


def test_order_through_a_table_without_entities(database: Path) -> None:
    """A grandchild goes before its grandparent also where the table between has nothing to go."""
    connection = connect(database)
    for made in ([row("notes", 1), row("users", 7)], [row("users", 7), row("notes", 1)]):
        assert [e.table for e in in_order(connection, made, DIALECT)] == ["notes", "users"]
    connection.close()


def test_one_that_fails_does_not_stop_the_others(database: Path) -> None:
    """An unseen child holds a bot, and so its user; everything else goes, and it is all said."""
    write(database, MADE + "INSERT INTO notes VALUES (50, 9, NULL);")
    report = clean(database, ENTITIES)
    assert not report.ok
    assert report.removed == {"users": 1, "notes": 3, "bots": 1, "audit_log": 1}
    assert [(entity.label, failure.reason, failure.step) for entity, failure in report.failed] == [
        (label, "foreign-key violation", Step("cleanup", label, 3))
        for label in ("delete bots 9", "delete users 7")
    ]
    assert report.sentences() == [
        "Users: 1/2 deleted; failed: users 7 (foreign-key violation, 3 attempts)",
        "Notes: 3/3 deleted",
        "Bots: 1/2 deleted; failed: bots 9 (foreign-key violation, 3 attempts)",
        "Audit log: 1/1 deleted",
    ]
    assert [(f.step.operation, f.step.attempt, f.code) for f in report.failures] == [
        ("delete bots 9", 1, apsw.SQLITE_CONSTRAINT_FOREIGNKEY),
        ("delete bots 9", 2, apsw.SQLITE_CONSTRAINT_FOREIGNKEY),
        ("delete bots 9", 3, apsw.SQLITE_CONSTRAINT_FOREIGNKEY),
        ("delete users 7", 1, apsw.SQLITE_CONSTRAINT_TRIGGER),
        ("delete users 7", 2, apsw.SQLITE_CONSTRAINT_TRIGGER),
        ("delete users 7", 3, apsw.SQLITE_CONSTRAINT_TRIGGER),
    ]


def test_retries_are_counted_and_win(database: Path) -> None:
    """A lock released between attempts costs one failure entry each, and the row goes."""
    write(database, "INSERT INTO users VALUES (7, 'Test', 'member')")
    holder = connect(database)

    def listener(step: Step) -> None:
        if step.attempt == 1:
            holder.execute("BEGIN IMMEDIATE")
        if step.attempt == 3:
            holder.execute("ROLLBACK")

    report = clean(database, [row("users", 7)], listener=listener)
    holder.close()
    assert report.ok
    assert report.removed == {"users": 1}
    assert [(f.step, f.reason) for f in report.failures] == [
        (Step("cleanup", "delete users 7", attempt), "timeout") for attempt in (1, 2)
    ]


def test_what_cannot_pass_is_not_tried_again(database: Path) -> None:
    """A trigger that refuses refuses again: one attempt. A missing table likewise."""
    write(
        database,
        "CREATE TRIGGER keep BEFORE DELETE ON users BEGIN SELECT RAISE(ABORT, 'kept'); END;"
        "INSERT INTO users VALUES (7, 'Test', 'member')",
    )
    report = clean(database, [row("users", 7), row("nowhere", 1)])
    assert sorted((f.step.operation, f.reason) for f in report.failures) == [
        ("delete nowhere 1", "database error"),
        ("delete users 7", "refused by a trigger"),
    ]
    assert {e.label for e, _ in report.failed} == {"delete users 7", "delete nowhere 1"}


def test_already_gone_is_removed(database: Path) -> None:
    """A row that a test deleted itself, or a cascade took, is gone: that is what is wanted."""
    report = clean(database, [row("users", 77), row("bots", 78)])
    assert report.ok
    assert report.removed == report.wanted == {"users": 1, "bots": 1}


def test_names_that_need_quoting(database: Path) -> None:
    """Tables and columns may be called anything SQL allows."""
    write(
        database,
        'CREATE TABLE "select ""all""" ("from" TEXT, "a b" INTEGER, PRIMARY KEY ("from", "a b"));'
        "INSERT INTO \"select \"\"all\"\"\" VALUES ('x', 1), ('x', 2), ('y', 1)",
    )
    table = 'select "all"'
    gone = Entity(table, (("from", "x"), ("a b", 2)))
    back = Entity(table, (("from", "y"), ("a b", 1)), before=(("a b", 5),))
    assert clean(database, [gone, back]).ok
    assert read(database, 'SELECT * FROM "select ""all"""') == [("x", 1), ("y", 5)]


def test_the_connection_is_closed_whatever_happens(database: Path) -> None:
    """After success, after failures, and when something raises in the middle."""
    write(
        database, "INSERT INTO users VALUES (7, 'Test', 'member'); INSERT INTO bots VALUES (1, 7)"
    )
    opened: list[apsw.Connection] = []

    def interrupted(step: Step) -> None:
        raise KeyboardInterrupt

    assert clean(database, [], opened=opened).ok
    assert not clean(database, [row("users", 7)], opened=opened).ok
    with pytest.raises(KeyboardInterrupt):
        clean(database, [row("users", 7)], opened=opened, listener=interrupted)
    holder = connect(database)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(apsw.BusyError):  # in rollback mode not even the order can be found out
        clean(database, [row("users", 7)], opened=opened)
    holder.close()
    assert len(opened) == 4
    assert all(is_closed(connection) for connection in opened)


def test_it_waits_for_a_lock_within_the_busy_timeout(database: Path) -> None:
    """One attempt is enough where the lock is given back in time."""
    write(database, "INSERT INTO users VALUES (7, 'Test', 'member')")
    holder = connect(database)
    holder.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.03, holder.close)
    release.start()
    report = clean(database, [row("users", 7)], attempts=1, busy_timeout_ms=5000)
    release.join()
    assert report.ok
    assert report.failures == []


@pytest.mark.parametrize("shape", ["simple", "complex"])
def test_the_platform_comes_back(folder: Path, shape: str) -> None:
    """All that the platform's tests make goes, and every row is the baseline's by the truth."""
    platform = registry.find("workloads", "platform")
    pristine, database = folder / "pristine", folder / "work"
    platform.build_baseline(pristine, size_bytes=80 * 4096, seed=1, journal_mode="wal")
    database.write_bytes(pristine.read_bytes())
    connection = connect(database)
    made = platform(shape, 1).create(connection, 5)
    connection.close()
    report = clean(database, made.entities)
    assert report.ok
    assert sum(report.removed.values()) == len(made.entities)
    truth = SqliteTruth(pristine)
    assert truth.judge(database).rows


def test_a_circle_of_real_tables(real_database: Callable[[str], Path]) -> None:
    """Where staff and store refer to each other, the order is found and the newest goes first."""
    connection = connect(real_database("sakila.db"))
    made = [row("store", 3), row("staff", 3), row("store", 4), row("payment", 1), row("city", 1)]
    ordered = [e.label for e in in_order(connection, made, DIALECT)]
    connection.close()
    assert ordered == [
        "delete payment 1",
        "delete store 4",
        "delete staff 3",
        "delete store 3",
        "delete city 1",
    ]
