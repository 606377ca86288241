"""A database file as the ground of cycles: prepared, begun anew, kept, judged and put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from harness.databases.sqlite.session import connect
from harness.errors import MeasurementError, UsageError
from harness.experiment.cycle.grounds.sqlite import Ground
from harness.guard import Guard
from harness.guard.sqlite.second_names import SecondNames
from harness.system.files import Files

_ROW = "INSERT INTO tags (name, colour) VALUES ('new ' || hex(randomblob(8)), 'red')"


@pytest.fixture
def ground(pristine: Path, folder: Path) -> Iterator[Ground]:
    """Give a ground of the platform's baseline."""
    made = Ground(pristine, folder / "live.sqlite3")
    yield made
    made.close()
    assert not [path for path in folder.iterdir() if path.name.startswith("live")]


def write(database: Path, sql: str = _ROW) -> None:
    """Write as the tests do."""
    connection = connect(database)
    connection.execute(sql)
    connection.close()


def test_it_begins_as_the_baseline_and_comes_back_to_it(ground: Ground, pristine: Path) -> None:
    """The same bytes, also where a file was left beside it or the database is gone."""
    before = pristine.read_bytes()
    assert ground.database.read_bytes() == before
    assert (ground.size_bytes, ground.baseline) == (len(before), pristine)
    assert ground.judge().exact
    write(ground.database)
    Path(f"{ground.database}-left").touch()
    judgement = ground.judge()
    assert (judgement.rows, judgement.left_behind) == (False, ("live.sqlite3-left",))
    ground.put_back()
    assert ground.judge().exact
    ground.database.unlink()
    assert ground.judge().lost
    ground.reset()
    assert ground.database.read_bytes() == before


def test_size_and_writers_are_seen(ground: Ground) -> None:
    """What is committed counts, in the file or the -wal, asked with or without a connection."""
    written = ground.written()
    assert ground.used_bytes() == ground.size_bytes
    connection = ground.connect()
    connection.execute("CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(40000))")
    assert ground.used_bytes() == ground.used_bytes(connection) >= ground.size_bytes + 40000
    assert ground.written() != written
    connection.close()
    assert ground.used_bytes() == ground.database.stat().st_size


def test_another_file_in_its_place_is_another(ground: Ground) -> None:
    """Who has the old one open is told from who has this one."""
    identity = ground.identity()
    write(ground.database)
    assert ground.identity() == identity
    data = ground.database.read_bytes()
    ground.database.rename(f"{ground.database}-old")
    assert ground.identity() is None
    ground.database.write_bytes(data)
    assert ground.identity() != identity


@pytest.mark.parametrize("sql", ["BEGIN IMMEDIATE", "BEGIN; SELECT count(*) FROM users"])
def test_a_transaction_is_no_rest(ground: Ground, sql: str) -> None:
    """Whoever writes, or reads what is in the -wal, keeps the truth from it."""
    other = ground.connect()
    assert ground.at_rest()
    other.execute(_ROW)
    other.execute(sql).fetchall()
    write_too = ground.connect(busy_timeout_ms=0)
    if "IMMEDIATE" not in sql:
        write_too.execute(_ROW)
    assert not ground.at_rest()
    other.execute("ROLLBACK")
    assert ground.at_rest()
    other.close()
    write_too.close()
    ground.database.unlink()
    assert ground.at_rest()  # for the truth to say


def test_what_somebody_made_of_it_is_the_baseline(ground: Ground, pristine: Path) -> None:
    """What was kept is put back under a connection that stays, whose files are no leftover."""
    backend = ground.connect()
    backend.execute(_ROW)
    ground.keep()
    assert ground.baseline != pristine
    ground.rebase()
    assert ground.judge(connected=True).exact
    assert ground.judge(connected=True).left_behind == ()
    assert ground.judge().left_behind != ()
    backend.execute(_ROW)
    assert not ground.judge(connected=True).rows
    assert ground.put_back_connected()
    assert ground.judge(connected=True).exact
    assert backend.execute("SELECT count(*) FROM tags WHERE name LIKE 'new %'").fetchall() == [(1,)]
    backend.execute("BEGIN IMMEDIATE")
    assert not ground.put_back_connected()
    backend.close()
    ground.baseline.unlink()


def test_without_anything_kept_nothing_is_put_back(ground: Ground) -> None:
    """It says so."""
    assert not ground.put_back_connected()


@pytest.mark.parametrize("recovery", ["online_backup", "wal_pin"])
def test_where_a_guard_has_the_baseline(ground: Ground, recovery: str) -> None:
    """Its file, or the database that it pins; what it has left can be forgotten."""
    backup = Path(f"{ground.database}.e2e-backup")
    guard = Guard(ground.database, recoveries=[recovery], state=ground.state)
    guard.begin()
    pinned = recovery == "wal_pin"
    assert ground.guards_baseline([backup]) == (ground.database if pinned else backup)
    guard.abandon()
    assert ground.is_backup([recovery]) is pinned
    assert ground.is_kept([backup]) is not pinned
    names = SecondNames(ground.database, Files(), ground.state)
    assert names.exist()
    ground.forget_guard()
    assert not names.exist()
    ground.reset()
    assert not ground.is_backup([recovery])
    assert not ground.is_kept([backup])


def test_a_pristine_is_built(folder: Path) -> None:
    """By whoever knows how; what the disk or the database says is no error of the user's."""
    path = Ground.pristine(folder, "one")
    assert path.parent == folder
    Ground.build(path, lambda place: apsw.Connection(str(place)).close())
    assert path.exists()
    with pytest.raises(MeasurementError, match="cannot be built"):
        Ground.build(folder / "no" / "folder", lambda place: place.touch())


def test_a_users_database_is_copied_without_a_trace(folder: Path) -> None:
    """Rows of the -wal are in the copy, which can be written; nothing is noticed at home."""
    home, root = folder / "home", folder / "root"
    home.mkdir()
    root.mkdir()
    source = home / "dev.db"
    connection = apsw.Connection(str(source))
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    before = Ground.traces(source)
    Ground.copy(source, Ground.pristine(root, "copy"))
    with Ground.private_copy(source) as copy:
        assert copy.parent != home
    assert Ground.traces(source) == before
    assert Ground.size_of(source) == source.stat().st_size
    connection.execute("INSERT INTO t VALUES (2)")
    assert Ground.traces(source) != before
    connection.close()
    write(Ground.pristine(root, "copy"), "INSERT INTO t VALUES (3)")
    source.write_bytes(b"no database at all")
    with pytest.raises(UsageError, match="no SQLite database"):
        Ground.copy(source, Ground.pristine(root, "other"))
    with pytest.raises(UsageError, match="No such file"):
        Ground.copy(home / "none", Ground.pristine(root, "other"))
