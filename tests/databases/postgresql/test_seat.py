"""Where a guard sits on a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.seat import Seat
from harness.errors import UsageError
from tests.postgres import Databases


def address(given: str) -> PostgresDatabase:
    """The address, as the engine makes it."""
    made = address_of(given)
    assert isinstance(made, PostgresDatabase)
    return made


@pytest.fixture
def seat(databases: Databases) -> Iterator[Seat]:
    """One that is not yet used."""
    made = Seat(address(databases.make()))
    yield made
    made.close()


def test_looking_makes_nothing(seat: Seat, databases: Databases) -> None:
    """The small database is there only once somebody has to write in it."""
    assert not seat.is_made
    assert seat.exists("app_dev")
    assert not seat.exists("none_dev")
    assert databases.admin(
        "SELECT count(*) FROM pg_database WHERE datname LIKE 'reliability%'"
    ) == [(0,)]
    seat.session.execute("SELECT 1")
    assert seat.is_made


def test_nobody_else_may_enter(seat: Seat, databases: Databases) -> None:
    """A role without rights of its own cannot connect to the small database."""
    databases.admin("CREATE ROLE stranger LOGIN")
    seat.session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        databases.connect(seat.home.name, "stranger")


def test_a_small_database_of_another_role_is_not_believed(databases: Databases) -> None:
    """Whoever made it could write there what a guard would do."""
    databases.admin(
        "CREATE ROLE stranger",
        "CREATE DATABASE reliability_harness_postgres OWNER stranger",
    )
    with pytest.raises(UsageError, match="of the role stranger"):
        _ = Seat(address(databases.make())).session


def test_a_role_that_may_not_create_one_is_told_how(databases: Databases) -> None:
    """With the statement to type."""
    databases.make()
    databases.admin("CREATE ROLE small LOGIN")
    seat = Seat(address(databases.address("app_dev", "small")))
    with pytest.raises(UsageError, match='ALTER ROLE "small" CREATEDB'):
        _ = seat.session
    seat.close()


def test_it_knows_whether_anybody_else_has_written(seat: Seat, databases: Databases) -> None:
    """Its own statements count for nothing, another's insert for something, a rollback too."""
    seat.session.execute("CREATE TABLE public.mine (a int)")
    seat.settle(seat.quiet_number())
    seat.write("INSERT INTO public.mine VALUES (1)")
    seat.alter("CREATE DATABASE another TEMPLATE template0")
    databases.run("app_dev", "SELECT count(*) FROM team")
    assert seat.is_quiet()
    with closing(databases.connect("app_dev")) as other, other.transaction(force_rollback=True):
        other.execute("INSERT INTO team VALUES (3, 'green')")
    assert not seat.is_quiet()
    seat.settle(seat.quiet_number())
    assert seat.is_quiet()


def test_what_was_written_beside_its_own_statement_is_seen(
    seat: Seat, databases: Databases
) -> None:
    """Also where another's came right before its own, and the numbers go on from there."""
    seat.session.execute("CREATE TABLE public.mine (a int)")
    for own in (
        lambda: seat.write("INSERT INTO public.mine VALUES (1)"),
        lambda: seat.alter("CREATE DATABASE another TEMPLATE template0"),
    ):
        seat.settle(seat.quiet_number())
        databases.run("app_dev", "UPDATE team SET name = name")
        own()
        assert not seat.is_quiet()


def test_a_statement_that_wrote_nothing_hides_nobody(seat: Seat, databases: Databases) -> None:
    """An update of no row takes a number too, so that none of another's is taken for its."""
    seat.session.execute("CREATE TABLE public.mine (a int)")
    seat.settle(seat.quiet_number())
    seat.write("UPDATE public.mine SET a = 2")
    databases.run("app_dev", "UPDATE team SET name = name")
    assert not seat.is_quiet()


def test_one_made_by_a_guard_that_was_killed_over_it(seat: Seat, databases: Databases) -> None:
    """A guard may be killed between making the small database and closing it: closed later."""
    databases.admin("CREATE DATABASE reliability_harness_postgres")
    seat.session.execute("SELECT 1")
    query = "SELECT datacl::text FROM pg_database WHERE datname = 'reliability_harness_postgres'"
    assert databases.admin(query) == [("{postgres=CTc/postgres}",)]


def test_a_session_that_was_ended_is_opened_again(seat: Seat, databases: Databases) -> None:
    """Tests that end every session of a server end the guard's too: it goes on with others."""
    calls: list[int] = []
    seat.when_opened = lambda: calls.append(seat.opened)
    seat.session.execute("SELECT 1")
    databases.admin(
        "SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    assert seat.session.execute("SELECT 1").fetchall() == [(1,)]
    assert seat.exists("app_dev")
    assert calls == [1, 2]


def test_a_database_dropped_by_half(seat: Seat, databases: Databases) -> None:
    """What a broken-off DROP DATABASE has left is no whole database, and can be dropped."""
    assert seat.is_whole("app_dev")
    databases.admin("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'app_dev'")
    assert not seat.is_whole("app_dev")
    assert seat.exists("app_dev")
    seat.drop("app_dev")
    assert not seat.exists("app_dev")


def test_a_template_is_dropped(seat: Seat, databases: Databases) -> None:
    """Also one that the server keeps from being dropped by mistake; one that is gone is gone."""
    databases.admin("ALTER DATABASE app_dev IS_TEMPLATE true")
    seat.drop("app_dev")
    seat.drop("app_dev")
    assert not seat.exists("app_dev")


def test_what_was_under_way_is_nothing_to_count_on(seat: Seat, databases: Databases) -> None:
    """A transaction that had its number before may commit later, which moves no number."""
    seat.session.execute("SELECT 1")
    with closing(databases.connect("app_dev")) as other:
        with other.transaction():
            other.execute("INSERT INTO team VALUES (3, 'green')")
            databases.run("app_dev", "UPDATE person SET name = name")
            seat.settle(seat.quiet_number())
        assert not seat.is_quiet()


def test_a_write_to_the_server_itself_counts(seat: Seat, databases: Databases) -> None:
    """Numbers are the server's: a role that is made takes one, a look at a table none."""
    seat.session.execute("SELECT 1")
    seat.settle(seat.quiet_number())
    databases.run("app_dev", "SELECT * FROM team")
    assert seat.is_quiet()
    databases.admin("CREATE ROLE other")
    assert not seat.is_quiet()
