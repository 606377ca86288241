"""Which recovery a guard takes where people named none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql import programs
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.seat import Seat
from harness.guard.postgresql.choosing import chosen
from tests.postgres import Databases

CHAIN = ("undo_log", "template", "dump")


def _database(given: str) -> PostgresDatabase:
    address = address_of(given)
    assert isinstance(address, PostgresDatabase)
    return address


@pytest.fixture
def seat(databases: Databases) -> Iterator[Seat]:
    """On the server of a database to which nobody is connected."""
    made = Seat(_database(databases.make()))
    yield made
    made.close()


def test_alone_it_is_a_clone(seat: Seat) -> None:
    """Nobody is connected; that is said."""
    taken, why = chosen(seat, seat.database, CHAIN)
    assert taken == ("template",)
    assert "nobody is connected" in why


def test_beside_others_it_is_an_undo_log(seat: Seat, databases: Databases) -> None:
    """They are named, and stay; what ends them, if need be, is said before."""
    with closing(databases.connect("app_dev")) as other:
        taken, why = chosen(seat, seat.database, CHAIN)
        assert taken == ("undo_log", "dump")
        assert f"session {other.info.backend_pid} (of postgres, idle" in why
        assert "everybody stays connected" in why
        assert "dump brings back, which ends their sessions" in why
        assert other.execute("SELECT 1").fetchall() == [(1,)]


def test_where_the_undo_log_is_left_to_others_it_is_a_dump(
    seat: Seat, databases: Databases
) -> None:
    """As in a session of pytest: who is connected is named, and stays until the end."""
    with closing(databases.connect("app_dev")) as other:
        taken, why = chosen(seat, seat.database, ("template", "dump"))
        pid = other.info.backend_pid
    assert taken == ("dump",)
    assert f"session {pid} (of postgres, idle" in why
    assert why.endswith("When the baseline comes back their sessions are ended")


def test_what_cannot_be_recorded_is_dumped(seat: Seat, databases: Databases) -> None:
    """Why there is no undo log is said, and that sessions are ended in the end."""
    databases.run("app_dev", "CREATE TABLE nothing ()")
    with closing(databases.connect("app_dev")):
        taken, why = chosen(seat, seat.database, CHAIN)
    assert taken == ("dump",)
    assert "has no column of its own" in why
    assert "their sessions are ended" in why


def test_what_people_named_stays(seat: Seat, databases: Databases) -> None:
    """A chain that is not the engine's own is none to choose from."""
    with closing(databases.connect("app_dev")):
        assert chosen(seat, seat.database, ("template",)) == (("template",), "")


def test_a_role_that_cannot_dump_waits(databases: Databases) -> None:
    """What it lacks for a dump is said, and for whom the clone waits."""
    databases.admin("CREATE ROLE owner LOGIN CREATEDB", "CREATE ROLE maker")
    databases.make()
    databases.admin("ALTER DATABASE app_dev OWNER TO owner")
    databases.run(
        "app_dev", "ALTER TABLE person OWNER TO maker", "GRANT ALL ON person, team TO owner"
    )
    seat = Seat(_database(databases.address("app_dev", "owner")))
    with closing(databases.connect("app_dev", "owner")):
        taken, why = chosen(seat, seat.database, CHAIN)
    assert taken == ("template",)
    assert "waits until these have closed: session" in why
    assert "may not make what maker owns" in why
    assert "GRANT SET ON PARAMETER session_replication_role TO owner" in why
    seat.close()


def test_without_programs_a_clone_stands_by(
    seat: Seat, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to install is said."""
    monkeypatch.setattr(programs, "_folders", lambda: iter(()))
    with closing(databases.connect("app_dev")):
        taken, why = chosen(seat, seat.database, CHAIN)
    assert taken == ("undo_log", "template")
    assert "if these have closed before the tests begin" in why
    assert "install the package postgresql-client" in why
