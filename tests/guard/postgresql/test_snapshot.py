"""The BACKUP that people name, and of what it is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.seat import Seat
from harness.errors import RestoreError, UsageError
from harness.guard.by_hand import backup
from harness.guard.postgresql.snapshot import Snapshot, connected, named
from tests.postgres import Databases
from tests.recovery.postgresql.given import until


@contextmanager
def seat_of(address: str) -> Iterator[Seat]:
    """Sit on the server of a database."""
    seat = Seat(cast(PostgresDatabase, address_of(address)))
    yield seat
    seat.close()


def test_a_name_of_63_bytes_is_taken(databases: Databases) -> None:
    """Whatever is in it, up to the last byte that the server has for one."""
    address = cast(PostgresDatabase, address_of(databases.address("shop")))
    for name in ("x" * 63, 'quote"percent%25 space', "é" * 31):
        assert named(address, name).name == name


def test_what_it_is_of_is_asked_of_it(databases: Databases) -> None:
    """It is known again by its token; another in its place is not restored from."""
    address = databases.make("shop")
    backup(address, "before")
    with seat_of(address) as seat:
        snapshot = Snapshot(seat, seat.database.named("before"))
        snapshot.refuse_another()
        snapshot.check()
        databases.admin("DROP DATABASE before")
        with pytest.raises(RestoreError, match="not what it was"):
            snapshot.check()
        backup(address, "before")
        with pytest.raises(RestoreError, match="not what it was"):
            snapshot.restore()


def test_giving_it_up_leaves_the_backup(databases: Databases) -> None:
    """Only what a restore has left goes: the backup is people's own."""
    address = databases.make("shop")
    backup(address, "before")
    databases.make("shop_e2e_spare", script="")
    with seat_of(address) as seat:
        Snapshot(seat, seat.database.named("before")).dispose()
    assert databases.left("shop", "before") == set()


def test_who_is_connected_is_named(databases: Databases) -> None:
    """By role, program and process of the server."""
    address = databases.make("shop")
    with seat_of(address) as seat:
        until(lambda: connected(seat, "shop") == [], "the end of who made it")
        with databases.connect("shop") as session:
            pid = session.info.backend_pid
            assert connected(seat, "shop") == [f"postgres (unnamed, process {pid})"]


def test_there_must_be_one(databases: Databases) -> None:
    """The refusal names it."""
    said = "no_such: there is no such database"
    with seat_of(databases.make("shop")) as seat, pytest.raises(UsageError, match=said):
        Snapshot(seat, seat.database.named("no_such"))
