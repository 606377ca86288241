"""Whose journals, backups and names count on a server that several roles share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest

import harness
from harness.databases.postgresql.seat import Seat
from harness.errors import RestoreError, UsageError
from harness.guard.command import run_recover
from harness.guard.journal import AtWork
from tests.guard.postgresql.test_by_hand import killed_guard, rows
from tests.postgres import Databases

HOME = "reliability_harness_"


@contextmanager
def two_roles(databases: Databases) -> Iterator[tuple[str, str]]:
    """Make a database of the role app; give its address as app and as the superuser."""
    databases.admin('CREATE ROLE "App-1" LOGIN CREATEDB', "CREATE ROLE mallory LOGIN CREATEDB")
    address = databases.make("shop")
    databases.admin('ALTER DATABASE shop OWNER TO "App-1"')
    databases.run("shop", *(f'ALTER TABLE {one} OWNER TO "App-1"' for one in ("team", "person")))
    yield databases.address("shop", "App-1"), address


def test_nobody_else_may_come_in(databases: Databases) -> None:
    """The small database is its role's, and others may not connect; also to the backup."""
    with two_roles(databases) as (as_app, _), harness.guard(as_app):
        with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
            databases.connect("shop_e2e_backup")
        databases.admin("ALTER DATABASE shop_e2e_backup ALLOW_CONNECTIONS true")
        for name in (f"{HOME}App-1", "shop_e2e_backup"):
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                databases.connect(name, "mallory")
        homes = databases.admin(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'reliability_harness_"
            "App-1'"
        )
        assert homes == [("App-1",)]


def test_one_that_was_left_open_is_closed(databases: Databases) -> None:
    """Whoever made it was killed before others were shut out: the next does that."""
    address = databases.make("shop")
    with suppress(psycopg.errors.DuplicateDatabase):
        databases.admin(f"CREATE DATABASE {HOME}postgres")
    databases.admin(
        f"GRANT CONNECT ON DATABASE {HOME}postgres TO PUBLIC",
        f"UPDATE pg_database SET datacl = NULL WHERE datname = '{HOME}postgres'",
        "CREATE ROLE mallory LOGIN",
    )
    databases.connect(f"{HOME}postgres", "mallory").close()
    with harness.guard(address):
        pass
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        databases.connect(f"{HOME}postgres", "mallory")


def test_a_journal_that_another_role_planted_is_not_believed(databases: Databases) -> None:
    """A small database of another role is refused by name, and nothing in it is read."""
    with two_roles(databases) as (as_app, _):
        databases.run("postgres", f'CREATE DATABASE "{HOME}App-1"', user="mallory")
        with pytest.raises(UsageError, match="is of the role mallory"), harness.guard(as_app):
            raise AssertionError("ran")
        assert len(rows(databases, "shop")) == 20


def test_a_second_role_is_told_of_the_first(databases: Databases) -> None:
    """While its guard lives one waits or is refused; afterwards its exact command is given."""
    with two_roles(databases) as (as_app, as_superuser):
        said = "that of the role App-1"
        with harness.guard(as_app), pytest.raises(AtWork, match=said), harness.guard(as_superuser):
            raise AssertionError("ran")
        killed_guard(as_app, "DELETE FROM person")
        with pytest.raises(UsageError, match=r"harness recover --database \S*App-1@"):
            run_recover(as_superuser, say=print)
        assert rows(databases, "shop") == []
        assert run_recover(as_app, say=print) == 0
        assert len(rows(databases, "shop")) == 20


def test_a_backup_put_in_the_place_of_a_guards_is_not_believed(databases: Databases) -> None:
    """Another role's database with the very comment of the backup: nothing is restored from it."""
    address = databases.make("shop")
    databases.admin("CREATE ROLE mallory LOGIN CREATEDB")
    guarded = harness.guard(address)
    guarded.__enter__()
    databases.admin("ALTER DATABASE shop_e2e_backup OWNER TO mallory")
    databases.run("shop", "DELETE FROM person")
    with pytest.raises(RestoreError, match="is of the role mallory"):
        guarded.__exit__(None, None, None)
    databases.admin("ALTER DATABASE shop_e2e_backup OWNER TO postgres")
    assert run_recover(address, say=print) == 0
    assert len(rows(databases, "shop")) == 20


@pytest.mark.parametrize("suffix", ["_e2e_backup", "_e2e_spare", "_e2e_old"])
def test_a_database_of_a_guards_name_is_never_removed(databases: Databases, suffix: str) -> None:
    """It is somebody's: the guard says so, does not begin, and leaves it."""
    address = databases.make("shop")
    databases.make(f"shop{suffix}", "CREATE TABLE precious (a int)")
    with (
        pytest.raises(UsageError, match=f"there is a database shop{suffix}"),
        harness.guard(address),
    ):
        raise AssertionError("ran")
    assert databases.run(f"shop{suffix}", "SELECT count(*) FROM precious") == [(0,)]
    assert databases.left("shop") == {f"database shop{suffix}"}


def test_a_backup_of_which_no_journal_tells_is_kept(databases: Databases) -> None:
    """The journal was dropped after a kill: the next guard does not remove the backup."""
    address = databases.make("shop")
    killed_guard(address, "DELETE FROM person")
    databases.admin(f"DROP DATABASE {HOME}postgres WITH (FORCE)")
    with pytest.raises(UsageError, match="of which no journal tells"), harness.guard(address):
        raise AssertionError("ran")
    databases.admin("ALTER DATABASE shop_e2e_backup ALLOW_CONNECTIONS true")
    assert databases.run("shop_e2e_backup", "SELECT count(*) FROM person") == [(20,)]


def test_home_is_named_after_the_role() -> None:
    """Names of 63 bytes too, each its own."""
    homes = {Seat.home_of("x" * 63), Seat.home_of("x" * 62 + "y"), Seat.home_of("app")}
    assert len(homes) == 3
    assert all(len(home) <= 63 for home in homes)
