from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from harness.databases.sqlite.names import quoted
from harness.databases.sqlite.session import connect
from harness.faults.foreign_key import ForeignKey
from harness.faults.reach.scene import (
    Scene,
    copy_statement,
    primary_key,
    restricted_tables,
    restricting_child,
)
from harness.steps import Step
from tests.faults.conftest import BUSY_TIMEOUT_MS, Stage, plan
from tests.faults.served import TIMEOUT_MS, Served


def test_restricted_tables(stage: Stage) -> None:
    """Referred to with RESTRICT or NO ACTION: yes. With CASCADE or by nobody: no."""
    assert stage.restricted == {"users", "bots"}
    connection = connect(stage.database)
    assert restricting_child(connection, "users") == ("bots", "user_id", "id")  # key not named
    assert restricting_child(connection, "USERS") == ("bots", "user_id", "id")
    assert restricting_child(connection, "logins") is None
    connection.close()


def test_a_copied_row_is_another_row(stage: Stage) -> None:
    """The copy has the wanted reference, its own key, and else the same values."""
    connection = connect(stage.database)
    connection.execute(copy_statement(connection, "notes", "bot_id"), (9,))
    assert list(connection.execute("SELECT * FROM notes")) == [
        (1, "hello", 1),
        (2, "world", 2),
        (3, "hello", 9),
    ]
    connection.close()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("chinook.sqlite", 8),
        ("sakila.db", 8),
        ("wagtail_bakerydemo.sqlite3", 15),
        ("northwind.db", 5),
    ],
)
def test_real_databases(real_database: Callable[[str], Path], name: str, count: int) -> None:
    """In databases nobody here wrote, the row that is copied is accepted and refuses the DELETE."""
    path = real_database(name)
    connection = connect(path)
    scene = Scene(path, busy_timeout_ms=0, size_bytes=0, backups={})
    refused = set()
    restricted = restricted_tables(connection)
    for table in restricted:
        key = quoted(primary_key(connection, table))
        where = f"FROM {quoted(table)} WHERE {key} = ?"
        (value,) = connection.execute(f"SELECT max({key}) FROM {quoted(table)}").fetchone()
        fault = ForeignKey(scene, plan("foreign_key", f"delete {table} {value}"))
        fault.strike(Step(*fault.planned.slot))
        if fault.evidence:
            with pytest.raises(apsw.ConstraintError, match="FOREIGN KEY"):
                connection.execute(f"DELETE {where}", (value,))
            assert list(connection.execute(f"SELECT 1 {where}", (value,))) == [(1,)]
            refused.add(table)
        fault.lift()
    connection.close()
    assert refused == restricted
    assert len(refused) == count


def test_the_cleanups_connection(stage: Stage) -> None:
    """It waits as long as the condition says, and keeps foreign keys."""
    connection = stage.scene.connect(stage.database)
    assert connection.pragma("busy_timeout") == BUSY_TIMEOUT_MS
    assert connection.pragma("foreign_keys") == 1
    assert connection.authorizer is None
    connection.close()


def test_start_forgets(stage: Stage) -> None:
    """What the last cycle left does not reach into the next."""
    stage.reach.deny("notes", print).begin()
    stage.scene.connect(stage.database).close()
    stage.scene.start()
    connection = stage.scene.connect(stage.database)
    assert stage.scene.connections == [connection]
    connection.execute("DELETE FROM notes")
    connection.close()


def test_a_lock_is_held_until_nobody_wants_it(stage: Stage) -> None:
    """Several hold it at once, or hand it over; where somebody else has it, nobody holds it."""
    scene = stage.scene
    assert scene.lock() == scene.lock() != ""
    scene.unlock(keep=False)
    assert stage.is_locked()
    scene.unlock(keep=True)
    assert stage.is_locked()
    scene.drop_lock()
    assert not stage.is_locked()
    theirs = scene.other()
    theirs.execute("BEGIN IMMEDIATE")
    assert scene.lock() == ""
    theirs.close()
    scene.drop_lock()


def test_where_backups_are(stage: Stage) -> None:
    """Each recovery has its own file."""
    assert stage.scene.backup_of("file_copy") == stage.folder / "file_copy.backup"


def test_what_serves_the_database(stage: Stage, served_file: Served) -> None:
    """Without a backend there is none; with one, the scene knows it and its token."""
    assert (stage.scene.proxy, stage.scene.backend, stage.scene.token) == (None, None, "")
    assert served_file.scene.proxy is served_file.proxy
    assert served_file.scene.backend is served_file.backend
    assert served_file.scene.api_timeout_ms == TIMEOUT_MS
