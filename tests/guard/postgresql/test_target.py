"""The guarded PostgreSQL database: what its server goes on with, and who holds it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import guard
from harness.errors import UsageError
from harness.guard.target import target_of
from tests.command_line import Call
from tests.databases.postgresql.addresses import client
from tests.postgres import Databases
from tests.recovery.postgresql.given import until

pytest_plugins = ["pytester"]

# a migration, killed while the server runs its only statement
_KILLED = """
import subprocess, sys, time
import psycopg
address, seconds = sys.argv[1:]
work = f"DO $$ BEGIN PERFORM pg_sleep({seconds}); INSERT INTO team VALUES (7, 'late'); END $$"
code = "import sys, psycopg; psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])"
migration = subprocess.Popen([sys.executable, "-c", code, address, work])
with psycopg.connect(address, autocommit=True) as watching:
    active = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO %'"
    while not watching.execute(active).fetchall():
        time.sleep(0.01)
migration.kill()
migration.wait()
"""


def late(databases: Databases) -> list[tuple[str]]:
    """What the migration had to write, once nobody is at work there any more."""
    at_work = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'"
    until = time.monotonic() + 20
    while databases.admin(at_work):
        assert time.monotonic() < until
        time.sleep(0.05)
    return databases.run("app_dev", "SELECT name FROM team WHERE id = 7")


@pytest.mark.parametrize(("seconds", "wait_s"), [(60, 0.5), (1.5, 20)], ids=["ended", "waited for"])
def test_a_statement_whose_client_was_killed_commits_nothing_later(
    databases: Databases, harness: Call, seconds: float, wait_s: float
) -> None:
    """It is waited for, and ended when that takes too long; what it commits till then is undone."""
    address = databases.make()
    command = [sys.executable, "-c", _KILLED, address, seconds]
    status, _, said = harness(
        "guard", "--no-archive", "--survivors-wait", wait_s, "--database", address, "--", *command
    )
    assert status == 0, said
    assert ("ended session" in said) == (seconds == 60)
    assert seconds == 60 or "its client is gone, and the server goes on with it" in said
    assert ("team: 1 added" in said) == (seconds != 60)
    assert late(databases) == []


@pytest.mark.long
def test_a_killed_guards_statement_is_ended_before_its_baseline_is_proven(
    databases: Databases, harness: Call, folder: Path
) -> None:
    """Whoever recovers waits a moment for it, and ends it."""
    address, marker = databases.make(), folder / "marker"
    script = f"{_KILLED}\nopen({str(marker)!r}, 'w').close(); time.sleep(60)"
    guard = subprocess.Popen(
        [sys.executable, "-m", "harness", "guard", "--no-archive", "--database", address, "--",
         sys.executable, "-c", script, address, "60"],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    until = time.monotonic() + 30
    while not marker.exists():
        assert guard.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    guard.kill()
    guard.communicate()
    status, _, said = harness("recover", "--end-survivors", "--database", address)
    assert status == 0, said
    assert "ended session" in said
    assert late(databases) == []


def test_who_has_it_open_and_who_has_it_locked(databases: Databases) -> None:
    """The processes here that hold a session on it, and of these who keeps others out."""
    target = target_of(databases.make())
    assert target.users() == target.lockers() == set()
    with (
        client(databases.address("app_dev"), "BEGIN; UPDATE team SET name = name") as (writes, _),
        client(databases.address("app_dev"), "TABLE team") as (reads, _),
    ):
        assert target.users() == {writes.pid, reads.pid}
        assert target.lockers() == {writes.pid}
    until(lambda: not target.orphans(), "the server has ended both")
    assert target.end_orphans() == ()


def test_beside_others_nobody_is_ended(databases: Databases, harness: Call) -> None:
    """What it took and why is said, and that nothing is kept of what was undone."""
    address = databases.make()
    with databases.connect("app_dev") as other:
        code = "import sys, psycopg; psycopg.connect(sys.argv[1], autocommit=True).execute("
        tests = [sys.executable, "-c", f"{code}'DELETE FROM team')", address]
        status, _, said = harness("guard", "--database", address, "--", *tests)
        assert status == 0, said
        assert (
            f"undo_log, with which everybody stays connected: session {other.info.backend_pid}"
            in said
        )
        assert "restored by undo_log" in said
        assert "was undone in its place, and is not kept" in said
        assert other.execute("SELECT count(*) FROM person").fetchall() == [(20,)]
        tests[2] = f"{code}'CREATE TABLE made (a int)')"
        status, _, said = harness("guard", "--database", address, "--", *tests)
        assert status == 0, said
        assert "restored by dump" in said
        assert "CREATE TABLE public.made" in said


def test_a_function_and_a_coroutine_are_guarded(databases: Databases) -> None:
    """Each call anew, as with a file; a second guard in this process is refused by name."""
    address = databases.make()

    @guard(address, archives=False)
    def deletes() -> None:
        databases.run("app_dev", "DELETE FROM person")

    async def deletes_too() -> None:
        async with guard(address, archives=False):
            databases.run("app_dev", "DELETE FROM person")

    deletes()
    asyncio.run(deletes_too())
    assert databases.run("app_dev", "SELECT count(*) FROM person") == [(20,)]
    with (
        guard(address, archives=False),
        pytest.raises(UsageError, match="already guarded in this process"),
    ):
        deletes()
    assert databases.left("app_dev") == set()


def test_pytest_guards_a_session(databases: Databases, pytester: pytest.Pytester) -> None:
    """What tests have left is gone after the last of them."""
    address = databases.make()
    pytester.makepyfile(
        "import psycopg\n"
        "def test_deletes(guarded_database):\n"
        "    with psycopg.connect(guarded_database) as session:\n"
        "        session.execute('DELETE FROM person')\n"
    )
    done = pytester.runpytest_subprocess(f"--guard-database={address}")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines([f"*{address} is proven back*"])
    assert databases.run("app_dev", "SELECT count(*) FROM person") == [(20,)]


@pytest.mark.parametrize(
    "verb",
    [
        ("guard", "--database", "ADDRESS", "--", "true"),
        ("guard", "--absent-ok", "--database", "ADDRESS", "--", "true"),
        ("recover", "--database", "ADDRESS"),
        ("recover", "--discard", "--database", "ADDRESS"),
        ("backup", "ADDRESS", "copy"),
        ("verify", "ADDRESS", "copy", "--json"),
        ("restore", "ADDRESS", "copy"),
        ("restore", "ADDRESS", "--list"),
    ],
    ids=" ".join,
)
def test_a_server_that_is_not_there_is_refused_by_every_verb(
    harness: Call, verb: tuple[str, ...]
) -> None:
    """In one sentence, with 2 and without the password."""
    address = "postgresql://me:s3cret@127.0.0.1:1/shop"
    status, out, said = harness(*(address if word == "ADDRESS" else word for word in verb))
    assert status == 2
    assert "postgresql://me@127.0.0.1:1/shop cannot be connected to" in said
    assert "s3cret" not in out + said
    assert "Traceback" not in said


def test_the_servers_own_database_can_be_guarded(databases: Databases) -> None:
    """Where people know what they do: no session of the guard's is in its way, or in others'."""
    databases.admin(
        "CREATE TABLE kept (a int)",
        "INSERT INTO kept VALUES (1)",
        # what other tests of this process have left open there
        "SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity"
        " WHERE datname = 'postgres' AND pid <> pg_backend_pid()",
    )
    given = databases.address("postgres")
    try:
        with guard(given, i_know=True, archives=False) as guarded:
            databases.admin("DELETE FROM kept", "CREATE DATABASE made_by_tests")
        assert guarded.result.ended == "restored"
        assert databases.admin("SELECT a FROM kept") == [(1,)]
    finally:
        databases.admin("DROP TABLE kept")
    assert databases.left("made_by_tests") == set()
