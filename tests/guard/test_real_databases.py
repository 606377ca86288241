"""The guard on databases nobody here wrote: back up, damage in every way, restore, compare."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.session import connect
from harness.guard import by_hand
from harness.guard.protocol import Guard
from harness.truth.sqlite import SqliteTruth

NAMES = (
    "chinook.sqlite",
    "chinook_autoincrement.sqlite",
    "northwind.db",
    "sakila.db",
    "datasette_fixtures.db",
    "wagtail_bakerydemo.sqlite3",
    "wal_database.db",
)


def tables(connection: apsw.Connection) -> list[str]:
    """Name the ordinary tables."""
    return [
        name
        for (name,) in connection.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
            " AND name NOT LIKE 'sqlite%'"
        )
    ]


def quoted(name: str) -> str:
    """Quote a name."""
    return '"' + name.replace('"', '""') + '"'


def damage(database: Path) -> int:
    """Insert, update, delete, drop, alter, pragma; count what could be done."""
    connection = connect(database)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0)
    done = 0

    def tried(sql: str) -> None:
        nonlocal done
        try:
            connection.execute(sql)
            done += 1
        except (apsw.SQLError, apsw.ConstraintError, apsw.MismatchError):
            pass  # a trigger, a constraint, a broken view: there are others

    names = tables(connection)
    for name in names:
        (column,) = connection.execute(
            "SELECT name FROM pragma_table_info(?) ORDER BY cid DESC LIMIT 1", (name,)
        ).fetchone() or ("rowid",)
        table, last = quoted(name), quoted(str(column))
        tried(f"INSERT INTO {table} DEFAULT VALUES")
        tried(f"UPDATE {table} SET {last} = 'changed' WHERE {last} IN"
              f" (SELECT {last} FROM {table} LIMIT 1)")  # fmt: skip
        tried(f"DELETE FROM {table} WHERE {last} IN (SELECT {last} FROM {table} LIMIT 2)")
    tried(f"DROP TABLE {quoted(names[-1])}")
    tried(f"ALTER TABLE {quoted(names[0])} ADD COLUMN made_by_the_tests TEXT")
    tried("CREATE TABLE made_by_the_tests (a)")
    tried("PRAGMA user_version = 987")
    connection.close()
    return done


@pytest.mark.parametrize("recovery", ["online_backup", "file_copy", "wal_pin"])
@pytest.mark.parametrize("name", NAMES)
def test_whatever_the_tests_did_is_undone(
    name: str, recovery: str, real_database: Callable[[str], Path], folder: Path
) -> None:
    """After the guard every page of a damaged real database is the baseline's again."""
    database = real_database(name)
    connection = connect(database)
    wal = connection.pragma("journal_mode") == "wal"
    connection.pragma("user_version")
    connection.close()  # the last one out folds a -wal: the file is the baseline now
    if recovery == "wal_pin" and not wal:
        connection = connect(database)
        connection.pragma("journal_mode", "wal")
        connection.close()
    pristine = Path(shutil.copyfile(database, folder / "pristine"))
    guard = Guard(database, policy="hybrid_verified", recoveries=[recovery], busy_timeout_ms=5000)
    guard.begin()
    assert damage(database) > 3
    result = guard.finish()
    assert result.ended == "restored", result.failures
    assert result.found is not None
    assert not result.found.clean("rows")
    truth = SqliteTruth(pristine)
    judgement = truth.judge(database)
    assert judgement.exact, judgement.differences
    assert judgement.left_behind == ()
    truth.release()


@pytest.mark.parametrize("name", NAMES)
def test_by_hand(name: str, real_database: Callable[[str], Path]) -> None:
    """Back up, damage, verify, restore, verify: by hand on every real database, while one reads."""
    database = real_database(name)
    reader = connect(database)
    reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    kept = database.with_name("kept")
    by_hand.backup(str(database), str(kept))
    assert differences(database, kept).clean("exact")
    assert damage(database) > 3
    assert not by_hand.verify(str(database), str(kept)).clean("rows")
    by_hand.restore(str(database), str(kept))
    assert by_hand.verify(str(database), str(kept)).clean("exact")
    assert reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    reader.close()
