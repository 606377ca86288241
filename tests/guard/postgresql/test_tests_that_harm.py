"""Tests that do to a server what nobody should: the baseline comes back, or it is said why not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress

import psycopg
import pytest

from harness.databases.postgresql.server import Server
from harness.guard import Guard
from tests.guard.postgresql.striking import Case, Countdown
from tests.postgres import Databases

# What the tests do, as statements in the server's database postgres.
MENDED = {
    "the live database dropped": ("DROP DATABASE app_dev",),
    "dropped by half": ("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'app_dev'",),
    "made anew from another template": (
        "DROP DATABASE app_dev",
        "CREATE DATABASE app_dev TEMPLATE template0 ENCODING 'SQL_ASCII'",
    ),
    "nobody let in": ("ALTER DATABASE app_dev ALLOW_CONNECTIONS false",),
    "no connection allowed": ("ALTER DATABASE app_dev CONNECTION LIMIT 0",),
    "a template made of it": ("ALTER DATABASE app_dev IS_TEMPLATE true",),
    "settings that end every statement": (
        "ALTER DATABASE app_dev SET statement_timeout = '1ms'",
        "ALTER ROLE postgres IN DATABASE app_dev SET default_transaction_read_only = on",
    ),
    "nobody let into the backup": ("ALTER DATABASE app_dev_e2e_backup ALLOW_CONNECTIONS false",),
    "the backup no template": ("ALTER DATABASE app_dev_e2e_backup IS_TEMPLATE false",),
    "the names of a restore taken": (
        "CREATE DATABASE app_dev_e2e_spare",
        "CREATE DATABASE app_dev_e2e_old",
    ),
    "the journal's database dropped": ("DROP DATABASE reliability_harness_postgres WITH (FORCE)",),
    "every session ended": (
        "SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    ),
}
LOST = {
    "dropped": (
        "ALTER DATABASE app_dev_e2e_backup IS_TEMPLATE false",
        "DROP DATABASE app_dev_e2e_backup",
    ),
    "dropped by half": (
        "ALTER DATABASE app_dev_e2e_backup IS_TEMPLATE false",
        "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'app_dev_e2e_backup'",
    ),
    "its comment altered": ("COMMENT ON DATABASE app_dev_e2e_backup IS 'of mine'",),
}
INSIDE = {
    "public dropped": ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"),
    "a transaction prepared": (
        "BEGIN",
        "LOCK TABLE person IN ACCESS EXCLUSIVE MODE",
        "PREPARE TRANSACTION 'of the tests'",
    ),
    "rights taken": ("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM postgres",),
}


@pytest.fixture
def case(postgres_server: Server) -> Iterator[Case]:
    """A database whose tests a test says."""
    made = Case(postgres_server)
    yield made
    made.databases.wipe()


def guarded(case: Case, tests: Callable[[], object]) -> int:
    """Guard those tests, in a process of its own; the status, and 1 for a traceback."""
    case.test = tests  # type: ignore[assignment, method-assign]
    return case.guarded(Countdown(0))


@pytest.mark.parametrize("what", MENDED)
def test_what_the_server_still_has_is_enough(case: Case, what: str) -> None:
    """Nothing that tests do to the databases of a server keeps the baseline from coming back."""
    assert guarded(case, lambda: case.databases.admin(*MENDED[what])) == 0
    assert not case.wrong()


@pytest.mark.parametrize("what", INSIDE)
def test_what_tests_do_inside(case: Case, what: str) -> None:
    """What is done in the database itself is undone, also what locks all of it."""
    assert guarded(case, lambda: case.databases.run("app_dev", *INSIDE[what])) == 0
    assert not case.wrong()


@pytest.mark.parametrize("what", LOST)
def test_a_lost_backup_is_said(case: Case, capfd: pytest.CaptureFixture[str], what: str) -> None:
    """Without a backup nothing is proven and nothing touched, now and by ``recover``."""
    case.databases.admin("CREATE TABLE untouched (id int)")

    def tests() -> None:
        case.databases.run("app_dev", "DELETE FROM person")
        case.databases.admin(*LOST[what])

    assert guarded(case, tests) == 125
    assert case.recovered(Countdown(0)) == 125
    assert "app_dev_e2e_backup" in capfd.readouterr().err
    assert case.databases.run("app_dev", "SELECT count(*) FROM person") == [(0,)]
    case.databases.admin("DROP TABLE untouched")


def test_a_database_that_was_renamed(case: Case) -> None:
    """The baseline has its name again; what was renamed away is the tests' own, and stays."""
    assert guarded(case, lambda: case.databases.admin("ALTER DATABASE app_dev RENAME TO was")) == 0
    assert case.wrong() == "left behind: database was"


def test_clients_that_come_back_at_once(case: Case) -> None:
    """A pool that connects again whenever its session is ended does not keep a restore off."""
    over = threading.Event()

    def pool() -> None:
        while not over.is_set():
            with suppress(psycopg.Error), closing(case.databases.connect("app_dev")) as session:
                while not over.is_set():
                    session.execute("SELECT pg_sleep(0.01)")

    threads = [threading.Thread(target=pool) for _ in range(4)]

    def tests() -> None:
        case.databases.run("app_dev", "DELETE FROM person")
        for thread in threads:
            thread.start()

    case.test = tests  # type: ignore[method-assign]
    try:
        assert case.guard(Countdown(0)) == 0  # in this process: the pool has to live on
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not case.wrong()


def test_sessions_on_the_backup(case: Case) -> None:
    """Who looks into the backup, or has it in a transaction, is no obstacle for the restore."""
    with ExitStack() as stack:

        def tests() -> None:
            case.databases.run("app_dev", "DELETE FROM person")
            case.databases.admin("ALTER DATABASE app_dev_e2e_backup ALLOW_CONNECTIONS true")
            session = stack.enter_context(closing(case.databases.connect("app_dev_e2e_backup")))
            session.execute("BEGIN")
            session.execute("SELECT * FROM person")

        # in this process: the session has to live on while the guard ends
        case.test = tests  # type: ignore[method-assign]
        assert case.guard(Countdown(0)) == 0
    assert not case.wrong()


NAMES = ['with "quotes"', "per%cent %s", "it's", "back\\slash", "x" * 63, "ä" * 31]


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_names(postgres_server: Server, name: str) -> None:
    """A name of any kind is guarded, killed and recovered as any other."""
    case = Case(postgres_server, name=name)
    try:
        assert case.guarded(Countdown(0)) == 0
        assert not case.wrong()
        assert case.guarded(Countdown(0), killed_after_tests=True) == -9
        assert case.recovered(Countdown(0)) == 0
        assert not case.wrong()
    finally:
        case.databases.wipe()


def test_two_names_that_agree_in_their_first_bytes(postgres_server: Server) -> None:
    """Two databases whose names differ in their last byte have each their own of everything."""
    before = Databases(postgres_server)
    one, other = (Case(postgres_server, name="y" * 62 + last) for last in "ab")
    try:
        assert one.guarded(Countdown(0), killed_after_tests=True) == -9
        assert other.guarded(Countdown(0), killed_after_tests=True) == -9
        assert one.recovered(Countdown(0)) == 0
        assert other.recovered(Countdown(0)) == 0
        assert before.left(one.name, other.name) == set()
        assert not other.wrong()
    finally:
        before.wipe()


def test_two_guards_on_one_server(postgres_server: Server) -> None:
    """Guards of two databases work at the same time; of one database the second is refused."""
    before = Databases(postgres_server)
    one, other = Case(postgres_server), Case(postgres_server, name="app_other")
    try:

        def tests() -> None:
            one.databases.run("app_dev", "DELETE FROM person")
            assert one.next_guard() == 2
            assert other.guarded(Countdown(0)) == 0
            other.databases.run("app_other", "DELETE FROM person")

        again, one.test = one.test, tests  # type: ignore[method-assign]
        assert one.guarded(Countdown(0)) == 0
        assert before.left("app_dev", "app_other") == set()
        one.test = again  # type: ignore[method-assign]
        assert one.next_guard() == 0
        assert one.databases.run("app_dev", "SELECT count(*) FROM person") == [(20,)]
    finally:
        before.wipe()


def test_nobody_can_write_in_the_backup_while_tests_run(databases: Databases) -> None:
    """What is done in every database of a server is not done in the one that holds the baseline."""
    given = databases.make("app_dev")
    with Guard(given, recoveries=("template",), archives=False) as guard:
        for (name,) in databases.admin(
            "SELECT datname FROM pg_database WHERE datallowconn AND datname LIKE 'app_dev%'"
        ):
            databases.run(name, "DELETE FROM person")
        with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
            databases.connect("app_dev_e2e_backup")
    assert guard.result.ended == "restored"
    assert databases.run("app_dev", "SELECT count(*) FROM person") == [(20,)]
    assert databases.left("app_dev") == set()
