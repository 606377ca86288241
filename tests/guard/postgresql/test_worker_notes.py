from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql.seat import Seat
from harness.guard.postgresql import worker_notes
from tests.postgres import Databases
from tests.recovery.postgresql.given import until

NAME = "app_dev_e2e_gw0"


def lost(databases: Databases, seat: Seat) -> None:
    """End a seat's sessions, and wait until the server has."""
    pid = seat.session.info.backend_pid
    seat.close()
    query = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}"
    until(lambda: not databases.admin(query), f"the end of session {pid}")


@pytest.fixture
def seats(databases: Databases) -> Iterator[list[Seat]]:
    """Two guards' seats on one server, for the same database."""
    address = address_of(databases.make())
    found = [Seat(address) for _ in range(2)]  # type: ignore[arg-type] # PostgreSQL's
    yield found
    for seat in found:
        seat.close()


def test_a_name_is_claimed_by_one(databases: Databases, seats: list[Seat]) -> None:
    """As long as its session lives nobody else gets it, nor removes what has it."""
    first, second = seats
    assert worker_notes.claim(first, NAME)
    databases.admin(f"CREATE DATABASE {NAME}")
    assert not worker_notes.claim(second, NAME)
    worker_notes.sweep(second)
    assert databases.left("app_dev") == {f"database {NAME}"}
    worker_notes.remove(first, NAME)
    assert databases.left("app_dev") == set()
    assert worker_notes.claim(second, NAME)


def test_what_a_lost_session_has_left_is_removed(databases: Databases, seats: list[Seat]) -> None:
    """By a sweep, whoever is connected to it, or by who claims its name."""
    first, second = seats
    for remove in (
        lambda: worker_notes.sweep(second),
        lambda: worker_notes.claim(second, NAME),
    ):
        assert worker_notes.claim(first, NAME)
        databases.admin(f"CREATE DATABASE {NAME}")
        lost(databases, first)
        with closing(databases.connect(NAME)):
            remove()
        assert databases.left("app_dev") == set()


def test_what_is_none_of_ours_is_never_removed(databases: Databases, seats: list[Seat]) -> None:
    """A database of that name which nobody has noted; and one that came in before ours."""
    first, second = seats
    databases.admin(f"CREATE DATABASE {NAME}")
    assert not worker_notes.claim(first, NAME)
    databases.admin(f"DROP DATABASE {NAME}")
    assert worker_notes.claim(first, NAME)
    databases.admin(f"CREATE DATABASE {NAME}")  # by somebody else, before this session does it
    worker_notes.forget(first, NAME)
    worker_notes.sweep(second)
    assert not worker_notes.claim(second, NAME)
    assert databases.left("app_dev") == {f"database {NAME}"}


def test_of_another_database_nothing_is_swept(databases: Databases) -> None:
    """Its guard may be at work, though the session that had its locks was lost."""
    databases.make()
    app, shop = (
        Seat(address_of(databases.address(name)))  # type: ignore[arg-type] # PostgreSQL's
        for name in ("app_dev", "shop")
    )
    assert worker_notes.claim(app, NAME)
    databases.admin(f"CREATE DATABASE {NAME}")
    lost(databases, app)
    worker_notes.sweep(shop)
    assert databases.left("app_dev") == {f"database {NAME}"}
    worker_notes.sweep(app)
    assert databases.left("app_dev") == set()
    for seat in (app, shop):
        seat.close()
