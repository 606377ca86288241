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
from harness.faults.reach.storage import FULL, Strike
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
    stage.scene.denials.append(lambda *_: True)
    stage.scene.connect(stage.database).close()
    stage.scene.start()
    connection = stage.scene.connect(stage.database)
    assert len(stage.scene.connections) == 1
    connection.execute("DELETE FROM notes")
    connection.close()


def test_where_backups_are(stage: Stage) -> None:
    """Each recovery has its own file."""
    assert stage.scene.backup_of("file_copy") == stage.folder / "file_copy.backup"


def test_the_cleanups_vfs(stage: Stage) -> None:
    """Through the striking VFS where the site says so, keeping all else; the next cycle too."""
    stage.scene.cleanup_vfs = True
    stage.scene.start()
    connection = stage.scene.connect(stage.database)
    assert connection.open_vfs == stage.scene.vfs.vfs_name
    assert connection.pragma("busy_timeout") == BUSY_TIMEOUT_MS
    assert connection.pragma("foreign_keys") == 1
    stage.scene.denials.append(lambda *_: True)
    stage.scene.apply_denials()
    with pytest.raises(apsw.AuthError):
        connection.execute("DELETE FROM notes")
    connection.close()
    stage.scene.start()


def test_closing_says_nothing_of_the_disk(stage: Stage) -> None:
    """A disk that refuses the last checkpoint is no error of the cleanup's; no row is lost."""
    stage.scene.cleanup_vfs = True
    connection = stage.scene.connect(stage.database)
    connection.execute("DELETE FROM notes WHERE id = 2")
    strike = Strike(FULL, reads=False, after_bytes=0)
    stage.scene.vfs.armed.strikes.append(strike)
    connection.close()
    stage.scene.vfs.armed.strikes.remove(strike)
    strike.close()
    assert bool(strike.said) is (stage.journal_mode == "wal")
    with pytest.raises(apsw.ConnectionClosedError):
        connection.execute("SELECT 1")
    assert stage.rows("SELECT id FROM notes") == [(1,)]


def test_what_serves_the_database(stage: Stage, served_file: Served) -> None:
    """Without a backend there is none; with one, the scene knows it and its token."""
    assert (stage.scene.proxy, stage.scene.backend, stage.scene.token) == (None, None, "")
    assert served_file.scene.proxy is served_file.proxy
    assert served_file.scene.backend is served_file.backend
    assert served_file.scene.api_timeout_ms == TIMEOUT_MS
