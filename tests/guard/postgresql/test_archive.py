"""What restores have thrown away: bounded, found again by exact names, nobody's else touched."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.sealed import Sealed
from harness.databases.postgresql.seat import Seat
from harness.guard.command import run_guarded
from harness.guard.postgresql import archive
from tests.databases.postgresql.test_sealed import PROPERTIES
from tests.postgres import Databases, quoted

DELETES = "import psycopg, sys; psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])"


@contextmanager
def seat_of(address: str) -> Iterator[Seat]:
    """Sit on the server of a database."""
    seat = Seat(cast(PostgresDatabase, address_of(address)))
    yield seat
    seat.close()


def guarded(address: str, statement: str, **asked: Any) -> tuple[int, list[str]]:
    """Guard a database while a command runs a statement in it; the status, and what was said."""
    said: list[str] = []
    argv = [sys.executable, "-c", DELETES, address, statement]
    return run_guarded(address, argv, say=said.append, **asked), said


def archives(databases: Databases, name: str = "shop") -> list[str]:
    """Name the archives of a database, the oldest first."""
    with seat_of(databases.address(name)) as seat:
        return [one.database.name for one in archive.listed(seat, seat.database)]


def test_what_a_guards_restore_throws_away_is_kept_and_told(
    databases: Databases, tmp_path: Path
) -> None:
    """The guard says where it is, how to look at it and how to remove it; so does the document."""
    address, path = databases.make("shop"), tmp_path / "told.json"
    status, said = guarded(address, "DELETE FROM person", json_path=path)
    assert status == 0
    (name,) = archives(databases)
    assert databases.run(name, "SELECT count(*) FROM public.person") == [(0,)]
    whole = databases.address(name)
    assert f"guard: what was there is kept as {whole}" in said
    assert f'DROP DATABASE "{name}"' in "\n".join(said)
    assert json.loads(path.read_text())["archive"] == whole
    assert databases.left("shop") == {f"database {name}"}


def test_none_where_none_is_wanted(databases: Databases) -> None:
    """Without archives nothing is on the server but what was there."""
    status, said = guarded(databases.make("shop"), "DELETE FROM person", archives=False)
    assert status == 0
    assert "kept as" not in "\n".join(said)
    assert databases.left("shop") == set()


def test_the_newest_stay(databases: Databases) -> None:
    """Of many restores as many archives stay as are to be kept, those of the last."""
    address = databases.make("shop")
    for day in range(1, 6):
        databases.admin(f"CREATE DATABASE harness_archive_shop_2020010{day}_000000")
    guarded(address, "DELETE FROM person")
    left = archives(databases)
    assert left[:-1] == [f"harness_archive_shop_2020010{day}_000000" for day in (4, 5)]
    assert len(left) == archive.KEPT


def test_only_exact_names_are_removed(databases: Databases) -> None:
    """Not the archives of a database whose name begins alike, and nothing that only looks so."""
    address = databases.make("shop")
    others = [
        "harness_archive_shop_of_mine",
        "harness_archive_shop_20200101",
        "harness_archive_shop_99999999_000000",
        "harness_archive_shop_x_20200101_000000",
        *(f"harness_archive_shopping_2020010{day}_000000" for day in range(1, 6)),
    ]
    for name in others:
        databases.admin(f"CREATE DATABASE {name}")
    guarded(address, "DELETE FROM person")
    assert {f"database {name}" for name in others} <= databases.left()


def test_what_somebody_looks_at_stays(databases: Databases) -> None:
    """A session on an old archive is not ended, and what was prepared there stays prepared."""
    address = databases.make("shop")
    for day in range(1, 6):
        databases.make(f"harness_archive_shop_2020010{day}_000000", script="")
    first, second = (f"harness_archive_shop_2020010{day}_000000" for day in (1, 2))
    databases.run(second, "BEGIN; CREATE TABLE a (b int); PREPARE TRANSACTION 'kept'")
    with databases.connect(first) as session:
        guarded(address, "DELETE FROM person")
        assert session.execute("SELECT 1").fetchall() == [(1,)]
    left = archives(databases)
    assert {first, second} < set(left)
    assert "harness_archive_shop_20200103_000000" not in left


@pytest.mark.parametrize("name", ["x" * 63, 'quo"te 50%25', "é" * 31])
def test_names_of_every_kind(databases: Databases, name: str) -> None:
    """An archive's name fits into 63 bytes, is the database's own alone, and two can be told."""
    address = databases.make(name)
    other = databases.make(name[:-1] + "y", script="")
    for _ in range(2):
        status, said = guarded(address, "DELETE FROM person")
        assert status == 0, "\n".join(said)
    left = archives(databases, name)
    assert len(left) == len(set(left)) == 2
    assert all(len(one.encode()) <= 63 for one in left)
    with seat_of(other) as seat:
        assert archive.listed(seat, seat.database) == []


def test_a_failed_restore_tells_of_no_archive(databases: Databases, tmp_path: Path) -> None:
    """Where the backup was dropped nothing is kept, and neither people nor programs are told so."""
    address, path = databases.make("shop"), tmp_path / "told.json"
    drop = f"DELETE FROM person; ALTER DATABASE {quoted('shop_e2e_backup')} IS_TEMPLATE false"
    argv = [
        sys.executable,
        "-c",
        DELETES + "; psycopg.connect(sys.argv[3], autocommit=True).execute(sys.argv[4])",
        address,
        drop,
        databases.address("postgres"),
        f"DROP DATABASE {quoted('shop_e2e_backup')}",
    ]
    said: list[str] = []
    assert run_guarded(address, argv, say=said.append, json_path=path) == 125
    assert json.loads(path.read_text())["archive"] is None
    assert archives(databases) == []
    assert "kept as" not in "\n".join(said)


def test_backups_of_ones_own_are_known(databases: Databases) -> None:
    """What says that it is of this database, and is nobody else's; in the order of the chain."""
    databases.admin("CREATE ROLE app LOGIN CREATEDB")
    address = databases.make("shop")
    for name in ("shop_e2e_backup", "shop_e2e_backup_1"):
        databases.admin(
            f"CREATE DATABASE {name}",
            Sealed("shop", 1, "a", PROPERTIES, {}).statement(name),
        )
    databases.make("shop_e2e_backup_2", script="")
    with seat_of(address) as seat:
        names = [one.name for one in archive.standing(seat, seat.database)]
        assert names == ["shop_e2e_backup", "shop_e2e_backup_1"]
        assert archive.of_another(seat, seat.database) is None
        databases.admin("ALTER DATABASE shop_e2e_backup OWNER TO app")
        assert len(archive.standing(seat, seat.database)) == 1
        assert archive.of_another(seat, seat.database) == ("shop_e2e_backup", "app")
