"""A clone by the fastest way that the server has for it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql import cloning
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.alone import NotAlone
from harness.databases.postgresql.cloning import clone
from harness.databases.postgresql.seat import Seat
from tests.postgres import Databases

# A clone by the log writes the pages there; one by files does not.
_LOGGED = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '%s')"


@pytest.fixture
def seat(databases: Databases) -> Iterator[Seat]:
    """On the server of a small database."""
    address = address_of(databases.make())
    assert isinstance(address, PostgresDatabase)
    made = Seat(address)
    yield made
    made.close()


@pytest.fixture
def synced(databases: Databases) -> Iterator[None]:
    """The server waits for its disk, as one of somebody's own does."""
    databases.admin("ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()")
    yield
    databases.admin("ALTER SYSTEM RESET fsync", "SELECT pg_reload_conf()")


def _logged_by_clone(databases: Databases, seat: Seat) -> int:
    seat.session.execute("SELECT 1")  # it makes a database of its own
    ((before,),) = databases.admin("SELECT pg_current_wal_insert_lsn()")
    clone(seat, "app_dev", "made")
    ((amount,),) = databases.admin(_LOGGED % before)
    return int(amount)


def test_it_holds_what_the_source_holds(seat: Seat, databases: Databases) -> None:
    """Whichever way was taken."""
    clone(seat, "app_dev", "made")
    query = "SELECT sum(id), count(*) FROM person"
    assert databases.run("made", query) == databases.run("app_dev", query)


def test_where_no_disk_is_waited_for_files_are_copied(seat: Seat, databases: Databases) -> None:
    """They cost less than a log of them at any size."""
    assert _logged_by_clone(databases, seat) < 1_000_000


@pytest.mark.usefixtures("synced")
def test_a_small_one_goes_through_the_log(seat: Seat, databases: Databases) -> None:
    """For copied files the server would bring all that it holds to the disk, twice."""
    assert _logged_by_clone(databases, seat) > 3_000_000


@pytest.mark.usefixtures("synced")
def test_of_a_large_one_files_are_copied(
    seat: Seat, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a size on the log is what costs."""
    monkeypatch.setattr(cloning, "_LARGE_BYTES", 1_000_000)
    assert _logged_by_clone(databases, seat) < 1_000_000


def test_files_are_cloned_where_the_server_can(seat: Seat) -> None:
    """From 18 on; the session is told, and no other."""
    clone(seat, "app_dev", "made")
    if seat.door.info.server_version < 180000:
        pytest.skip("this server has no choice")
    query = "SHOW file_copy_method"
    assert seat.session.execute(query).fetchall() == [("clone",)]
    assert seat.door.execute(query).fetchall() == [("copy",)]


def test_where_files_cannot_be_cloned_they_are_copied(
    seat: Seat, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system, or a build, that has no way for it: the server says so, and copies."""
    if seat.door.info.server_version < 180000:
        pytest.skip("this server has no choice")
    monkeypatch.setattr(cloning, "_CLONED", "nothing_that_it_knows")
    clone(seat, "app_dev", "made")
    assert seat.session.execute("SHOW file_copy_method").fetchall() == [("copy",)]
    assert databases.run("made", "SELECT count(*) FROM team") == [(2,)]


def test_what_else_fails_is_raised(seat: Seat, databases: Databases) -> None:
    """And is not tried another way: a name that is taken, somebody who stays."""
    databases.make("made")
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        clone(seat, "app_dev", "made")
    other = databases.connect("app_dev")
    with pytest.raises(NotAlone):
        clone(seat, "app_dev", "another", ends=False, wait_ms=100)
    other.close()
