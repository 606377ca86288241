"""Statements that need a database without sessions, whoever is there and comes again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from harness.databases.postgresql.alone import Alone, NotAlone
from harness.databases.postgresql.session import connect
from harness.errors import RecoveryRefused, RestoreError
from tests.databases.postgresql.addresses import client, of
from tests.pipes import line_of
from tests.postgres import Databases

SWAP = ["ALTER DATABASE app_dev RENAME TO app_old", "ALTER DATABASE spare RENAME TO app_dev"]
CLONE = ["CREATE DATABASE copied TEMPLATE app_dev"]
DROP = ["DROP DATABASE app_dev"]
Make = Callable[..., Alone]


@pytest.fixture
def alone(databases: Databases) -> Iterator[Make]:
    """Make one, with sessions of its own, for the databases app_dev and spare."""
    databases.make()
    databases.make("spare", "CREATE TABLE new (a int)")
    opened: list[psycopg.Connection[Any]] = []

    def make(*names: str, user: str = "postgres", ends: bool = True) -> Alone:
        address = of(databases, "postgres", user)
        opened.extend([connect(address), connect(address)])
        return Alone(
            *opened[-2:], *names or ("app_dev",), ends=ends, waker=lambda: connect(address)
        )

    yield make
    for connection in opened:
        if connection.closed:
            continue
        # whatever became of the statement, nothing of it stays in the session
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        assert connection.execute("SELECT * FROM pg_listening_channels()").fetchall() == []
        connection.close()


@contextmanager
def comes_again(
    databases: Databases, *names: str, threads: int = 4, busy: str = "SELECT 1"
) -> Iterator[list[str]]:
    """Sessions that come again the moment they are ended; what they were told."""
    over, reading, told = threading.Event(), threading.Event(), list[str]()

    def one() -> None:
        while not over.is_set():
            for name in names or databases.present()["database"] - {"template0"}:
                try:
                    with closing(databases.connect(name)) as connection:
                        connection.execute(busy)
                        reading.set()
                        while names and not over.is_set():
                            connection.execute(busy)
                except psycopg.Error as error:
                    told.append(str(error))

    running = [threading.Thread(target=one) for _ in range(threads)]
    for thread in running:
        thread.start()
    assert reading.wait(10)
    try:
        yield told
    finally:
        over.set()
        for thread in running:
            thread.join()


def names(databases: Databases) -> set[str]:
    """The databases of these tests that are there."""
    return databases.present()["database"] & {"app_dev", "app_old", "spare", "copied"}


@pytest.mark.parametrize(
    ("statements", "after"),
    [
        (SWAP, {"app_dev", "app_old"}),
        (CLONE, {"app_dev", "spare", "copied"}),
        (DROP, {"spare"}),
    ],
    ids=["swap", "clone", "drop"],
)
def test_a_pool_that_comes_again_at_once_loses(
    databases: Databases, alone: Make, statements: list[str], after: set[str]
) -> None:
    """However many sessions it has; and once that is done it comes in again, where it can."""
    with comes_again(databases, "app_dev", threads=6):
        alone("app_dev", "spare").run(statements, wait_ms=10_000)
        assert names(databases) == after
        back = time.monotonic() + 5
        while "app_dev" in after and not _connected(databases, "app_dev"):
            assert time.monotonic() < back
    if statements is SWAP:
        assert databases.run("app_dev", "SELECT a FROM new") == []


def _connected(databases: Databases, name: str) -> list[Any]:
    return databases.admin(f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}'")


def test_nobody_is_shut_out_for_good(databases: Databases, alone: Make) -> None:
    """Nothing is forbidden on the server, so a kill leaves nothing forbidden."""
    with comes_again(databases, "app_dev") as told:
        alone("app_dev", "spare").run(SWAP, wait_ms=10_000)
    assert not [one for one in told if "not currently accepting" in one]
    allowed = "SELECT bool_and(datallowconn) FROM pg_database WHERE datname LIKE 'app%'"
    assert databases.admin(allowed) == [(True,)]


def test_a_monitor_opens_every_database_in_turn(databases: Databases, alone: Make) -> None:
    """It is ended wherever it is, also on the database that takes the other's place."""
    with comes_again(databases, threads=3):
        alone("app_dev", "spare").run(SWAP, wait_ms=10_000)
        alone("app_dev").run(CLONE, wait_ms=10_000)
        alone("app_old").run(["DROP DATABASE app_old"], wait_ms=10_000)
    assert names(databases) == {"app_dev", "copied"}


@pytest.mark.parametrize(
    "statements",
    [
        ["BEGIN; UPDATE team SET name = name; LOCK TABLE person IN ACCESS EXCLUSIVE MODE"],
        ["SELECT 1", "SELECT pg_sleep(300)"],
        ["SELECT 1", "DO $$ BEGIN LOOP END LOOP; END $$"],
        ["SET default_transaction_isolation = 'serializable'; BEGIN; TABLE team", "SELECT 1"],
    ],
    ids=["idle in transaction", "a long statement", "an endless loop", "serializable"],
)
def test_whatever_a_session_does_it_is_ended(
    databases: Databases, alone: Make, statements: list[str]
) -> None:
    """Locks, open transactions and statements of others keep nobody from it."""
    with client(databases.address("app_dev"), *statements):
        time.sleep(0.1)
        alone("app_dev", "spare").run(SWAP, wait_ms=10_000)
    assert names(databases) == {"app_dev", "app_old"}


def test_with_nobody_there_nothing_is_waited_for(databases: Databases, alone: Make) -> None:
    """So all the time that it takes is our own."""
    while _connected(databases, "app_dev") or _connected(databases, "spare"):
        time.sleep(0.01)
    time.sleep(0.1)  # those who have just left show no more before they are gone
    assert alone("app_dev", "spare").run(SWAP, wait_ms=1000) == 0


@contextmanager
def deaf(databases: Databases, for_s: float) -> Iterator[int]:
    """A session that hears nothing for a while."""
    with closing(databases.connect("app_dev")) as connection:
        pid = connection.info.backend_pid
        os.kill(pid, signal.SIGSTOP)
        again = threading.Timer(for_s, os.kill, [pid, signal.SIGCONT])
        again.start()
        yield pid
        again.join()


def test_a_session_that_does_not_hear_for_a_while(databases: Databases, alone: Make) -> None:
    """It is waited for, and how long is told apart."""
    with deaf(databases, 1.0):
        began = time.monotonic()
        waited_ms = alone("app_dev", "spare").run(SWAP, wait_ms=10_000)
        whole_ms = (time.monotonic() - began) * 1000
    assert names(databases) == {"app_dev", "app_old"}
    assert 900 < waited_ms <= whole_ms


@pytest.mark.long
@pytest.mark.parametrize("statements", [SWAP, CLONE], ids=["swap", "clone"])
def test_a_session_that_never_hears_is_named(
    databases: Databases, alone: Make, statements: list[str]
) -> None:
    """In time, and all is as it was; nobody else is kept out any longer."""
    with deaf(databases, 2.0) as pid:
        began = time.monotonic()
        with pytest.raises(NotAlone, match=rf"in use by session {pid} .* does not end") as raised:
            alone("app_dev", "spare").run(statements, wait_ms=300)
        assert time.monotonic() - began < 1.5
        assert [one.pid for one in raised.value.sessions] == [pid]
        databases.run("app_dev", "SELECT 1")
    assert names(databases) == {"app_dev", "spare"}


@pytest.mark.long
def test_the_server_waits_5_s_and_is_asked_again(databases: Databases, alone: Make) -> None:
    """A session that takes longer than the server's own patience is waited for all the same."""
    with deaf(databases, 6.0):
        alone("app_dev").run(CLONE, wait_ms=20_000)
    assert "copied" in names(databases)


def test_who_is_not_to_be_ended_is_waited_for(databases: Databases, alone: Make) -> None:
    """As long as was said, without keeping others out; then that is named, and lives."""
    with closing(databases.connect("app_dev")) as there:
        with pytest.raises(NotAlone, match=rf"in use by session {there.info.backend_pid} "):
            alone(ends=False).run(CLONE, wait_ms=200)
        there.execute("SELECT 1")
        leaves = threading.Timer(0.3, there.close)
        leaves.start()
        assert alone(ends=False).run(CLONE, wait_ms=5000) > 200
        leaves.join()
    assert "copied" in names(databases)


def test_what_the_role_may_not_end_comes_with_the_grant(databases: Databases, alone: Make) -> None:
    """At once, whatever the wait; with the right that was typed it goes."""
    databases.admin(
        "CREATE ROLE own LOGIN CREATEDB",
        "CREATE ROLE web LOGIN",
        "ALTER DATABASE app_dev OWNER TO own",
    )
    with closing(databases.connect("app_dev", "web")):
        began = time.monotonic()
        with pytest.raises(NotAlone) as raised:
            alone(user="own").run(["ALTER DATABASE app_dev RENAME TO app_old"], wait_ms=60_000)
        assert time.monotonic() - began < 5
        grant = 'GRANT pg_signal_backend TO "own"'
        assert f"as a superuser type {grant}" in str(raised.value)
        databases.admin(grant)
        alone(user="own").run(["ALTER DATABASE app_dev RENAME TO app_old"], wait_ms=5000)
    with closing(databases.connect("app_old")) as admin:
        pid = admin.info.backend_pid
        with pytest.raises(NotAlone, match=rf"only a superuser may end session {pid} "):
            alone("app_old", user="own").run(["DROP DATABASE app_old"], wait_ms=60_000)
    assert "app_old" in names(databases)


def test_a_prepared_transaction_is_named(databases: Databases, alone: Make) -> None:
    """No session ends it, so that is said at once, and how to end it."""
    databases.run(
        "app_dev", "BEGIN; INSERT INTO team VALUES (5, 'two'); PREPARE TRANSACTION 'it''s left'"
    )
    began = time.monotonic()
    with pytest.raises(NotAlone, match="type ROLLBACK PREPARED 'it''s left'") as raised:
        alone("app_dev", "spare").run(SWAP, wait_ms=60_000)
    assert time.monotonic() - began < 4
    assert [one.name for one in raised.value.prepared] == ["it's left"]
    assert names(databases) == {"app_dev", "spare"}


def test_who_has_the_database_locked_from_elsewhere(databases: Databases, alone: Make) -> None:
    """Connected to another database: it is waited for, named, and not ended."""
    with closing(databases.connect()) as elsewhere:
        elsewhere.execute("BEGIN; COMMENT ON DATABASE app_dev IS 'mine'")
        pid = elsewhere.info.backend_pid
        with pytest.raises(NotAlone, match=rf"in use by session {pid} .*idle in transaction"):
            alone("app_dev", "spare").run(SWAP, wait_ms=1500)
        elsewhere.execute("COMMIT")
    alone("app_dev", "spare").run(SWAP, wait_ms=1000)


def test_another_error_is_the_servers_own(databases: Databases, alone: Make) -> None:
    """It comes as it is, and what was done before it is undone."""
    with pytest.raises(psycopg.errors.InvalidCatalogName):
        alone("app_dev").run([SWAP[0], "ALTER DATABASE none RENAME TO app_dev"], wait_ms=1000)
    databases.run(
        "app_dev",
        "CREATE SUBSCRIPTION s CONNECTION 'host=none' PUBLICATION p WITH (connect = false)",
    )
    with pytest.raises(psycopg.errors.ObjectInUse, match="subscription"):
        alone("app_dev").run(DROP, wait_ms=60_000)
    databases.run("app_dev", "ALTER SUBSCRIPTION s SET (slot_name = NONE)", "DROP SUBSCRIPTION s")
    assert names(databases) == {"app_dev", "spare"}


def test_autovacuum_is_no_reason_to_wait(databases: Databases, alone: Make) -> None:
    """The server ends its own workers; a role that may end nobody's sessions needs no right."""
    databases.admin("CREATE ROLE own LOGIN CREATEDB", "ALTER DATABASE app_dev OWNER TO own")
    databases.run(
        "app_dev",
        "CREATE TABLE big WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit"
        " = 1, autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0) AS"
        " SELECT n, repeat('x', 500) AS t FROM generate_series(1, 20000) n",
        "DELETE FROM big WHERE n % 2 = 0",
    )
    databases.admin("ALTER SYSTEM SET autovacuum_naptime = 1", "SELECT pg_reload_conf()")
    try:
        at_work = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
        over = time.monotonic() + 30
        while not databases.admin(f"{at_work} AND datname = 'app_dev'"):
            assert time.monotonic() < over, "no worker came"
            time.sleep(0.05)
        alone(user="own").run(["ALTER DATABASE app_dev RENAME TO app_old"], wait_ms=5000)
    finally:
        databases.admin("ALTER SYSTEM RESET autovacuum_naptime", "SELECT pg_reload_conf()")
    assert "app_old" in names(databases)


@pytest.mark.long
def test_an_interrupt_leaves_nothing_running(databases: Databases, alone: Make) -> None:
    """The statement is broken off, so that whoever waits at the door comes in."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def when_it_waits() -> None:
        waits = (
            "SELECT 1 FROM pg_locks WHERE locktype = 'object' AND mode = 'AccessExclusiveLock'"
            " AND granted AND classid = 'pg_database'::regclass"
        )
        while not databases.admin(waits):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    interrupts = threading.Thread(target=when_it_waits)
    try:
        with deaf(databases, 2.0):
            interrupts.start()
            with pytest.raises(KeyboardInterrupt):
                alone("app_dev", "spare").run(SWAP, wait_ms=10_000)
            interrupts.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    databases.run("app_dev", "SELECT 1")
    assert names(databases) == {"app_dev", "spare"}


_SWAPS = """
import sys
from harness.databases.engines import address_of
from harness.databases.postgresql.alone import Alone
from harness.databases.postgresql.session import connect
one, other = (connect(address_of(sys.argv[1])) for _ in "12")
print(one.info.backend_pid, flush=True)
Alone(one, other, "app_dev").run(sys.argv[2:], wait_ms=60_000)
"""


@pytest.mark.long
def test_a_kill_leaves_nobody_shut_out(databases: Databases, alone: Make) -> None:
    """The statement ends soon after its client, and all is as it was."""
    with deaf(databases, 3.0) as pid:
        command = [sys.executable, "-c", _SWAPS, databases.address("postgres"), *SWAP]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
            assert killed.stdout is not None
            runner = int(line_of(killed))
            waits = f"SELECT 1 FROM pg_locks WHERE pid = {runner} AND mode = 'AccessExclusiveLock'"
            while not databases.admin(waits):
                time.sleep(0.01)
            killed.kill()
        began = time.monotonic()
        databases.run("app_dev", "SELECT 1")
        assert time.monotonic() - began < 2
        assert databases.admin(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}")
    assert names(databases) == {"app_dev", "spare"}


def test_it_is_a_refusal_and_a_failed_restore(databases: Databases, alone: Make) -> None:
    """Before the tests the next recovery may do it, after them the restore has failed."""
    assert issubclass(NotAlone, RecoveryRefused)
    assert issubclass(NotAlone, RestoreError)
