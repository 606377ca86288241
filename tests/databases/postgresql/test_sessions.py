"""Who is connected to a database, said so that people know them, and ending them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, closing

import psycopg
import pytest

from harness.databases.postgresql.session import connect
from harness.databases.postgresql.sessions import (
    Session,
    blocking,
    end,
    how_to_end,
    named,
    sessions,
    still_there,
    tell_to_end,
)
from tests.databases.postgresql.addresses import client, of
from tests.postgres import Databases


def only(found: list[Session]) -> Session:
    """The one that there is."""
    (one,) = found
    return one


def test_a_session_is_named_by_what_people_know_of_it(databases: Databases) -> None:
    """Its number, program, role, what it does and since when."""
    address = databases.make()
    databases.admin("CREATE ROLE web LOGIN")
    with (
        closing(connect(of(databases, "postgres"))) as our,
        closing(databases.connect("app_dev", "web")) as there,
    ):
        pid = there.info.backend_pid
        there.execute("SET application_name = 'psql'")
        assert (
            only(sessions(our, "app_dev")).named == f"session {pid} (psql, of web, idle since 0 s)"
        )
        there.execute("BEGIN")
        said = only(sessions(our, "app_dev"))
        assert said.in_transaction
        assert said.named == f"session {pid} (psql, of web, idle in transaction since 0 s)"
    with (
        closing(connect(of(databases, "postgres"))) as our,
        client(address, "SELECT 1", "/* 'it' */ -- no\n (select pg_sleep(100))") as (_, pid),
    ):
        time.sleep(0.1)
        said = only(sessions(our, "app_dev"))
        assert said.named == f"session {pid} (of postgres, running SELECT since 0 s)"


def test_nothing_secret_and_nothing_that_speaks_to_a_terminal_is_said(databases: Databases) -> None:
    """Of a statement the first word alone; a program's name is cut and printable."""
    address = databases.make()
    name = "\\033]0;postgresql://me:pass@host\\007" + "x" * 20
    statements = (
        f"SET application_name = E'{name}'",
        "ALTER ROLE postgres PASSWORD 'secret'; SELECT pg_sleep(100)",
    )
    with (
        closing(connect(of(databases, "postgres"))) as our,
        client(address, *statements),
    ):
        time.sleep(0.1)
        said = only(sessions(our, "app_dev"))
        assert "running ALTER" in said.named
        for text in ("secret", "pass", "\x1b", "\x07"):
            assert text not in named([said])
        assert "pass" not in repr(said)


def test_ours_and_the_servers_own_are_told_apart(databases: Databases) -> None:
    """The session that asks is not among them; parallel workers end with their leader."""
    databases.make()
    databases.run("app_dev", "CREATE TABLE big AS SELECT generate_series(1, 100000) AS n")
    with (
        closing(connect(of(databases, "app_dev"))) as our,
        closing(connect(of(databases, "app_dev"))) as other,
    ):
        assert only(sessions(our, "app_dev")).ours
        other.execute("SELECT 1")
        settings = (
            "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
            "SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2"
        )
        slow = "SELECT count(*) FROM big WHERE pg_sleep(0.01) IS NOT NULL"
        with client(databases.address("app_dev"), settings, slow) as (_, pid):
            until = time.monotonic() + 10
            kinds: set[str] = set()
            while "parallel worker" not in kinds and time.monotonic() < until:
                found = [one for one in sessions(our, "app_dev") if not one.ours]
                kinds = {one.kind for one in found}
            assert kinds == {"client backend", "parallel worker"}
            assert {one.pid for one in found if one.in_the_way} == {pid}
            assert end(our, found, 5000) == ((), ())


def test_all_are_ended_at_once(databases: Databases) -> None:
    """Those that do not hear are waited for together, and are given back."""
    databases.make()
    with ExitStack() as stack:
        our = stack.enter_context(closing(connect(of(databases, "postgres"))))
        there = [stack.enter_context(closing(databases.connect("app_dev"))) for _ in range(8)]
        deaf = [one.info.backend_pid for one in there[:3]]
        for pid in deaf:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            left = end(our, sessions(our, "app_dev"), 300)
            assert time.monotonic() - began < 1
            assert [one.pid for one in left.there] == sorted(deaf)
            assert left.forbidden == ()
        finally:
            for pid in deaf:
                os.kill(pid, signal.SIGCONT)
        assert end(our, left.there, 5000).there == ()
        for one in there:
            with pytest.raises(psycopg.OperationalError):
                one.execute("SELECT 1")


def test_what_a_role_may_not_end(databases: Databases) -> None:
    """It is named with what to type, the rest is ended; how it lives does not show to that role."""
    databases.make()
    databases.admin("CREATE ROLE own LOGIN", "CREATE ROLE web LOGIN")
    with ExitStack() as stack:
        our = stack.enter_context(closing(connect(of(databases, "postgres", "own"))))
        for user in ("own", "web", "postgres"):
            stack.enter_context(closing(databases.connect("app_dev", user)))
        found = sessions(our, "app_dev")
        assert {one.user: one.hidden for one in found} == {
            "own": False, "web": True, "postgres": True,
        }  # fmt: skip
        assert all(one.in_the_way for one in found)
        left = end(our, found, 2000)
        assert {one.user for one in left.there} == {"web", "postgres"}
        assert left.there == left.forbidden
        advice = how_to_end(our, left.forbidden)
        assert 'type GRANT pg_signal_backend TO "own"' in advice
        web, admin = sorted(left.forbidden, key=lambda one: one.superuser)
        assert f"role own may not end session {web.pid} (of web)" in advice
        assert f"only a superuser may end session {admin.pid} (of postgres)" in advice
        databases.admin('GRANT pg_signal_backend TO "own"')
        assert [one.user for one in end(our, found, 2000).there] == ["postgres"]


def test_another_session_with_the_number_is_left_alone(databases: Databases) -> None:
    """A number alone names nobody for long."""
    databases.make()
    with (
        closing(connect(of(databases, "postgres"))) as our,
        closing(databases.connect("app_dev")) as there,
    ):
        found = only(sessions(our, "app_dev"))
        earlier = Session(
            found.pid, "", "", False, None, False, found.kind, "", our_start(our), 0.0, ""
        )
        assert tell_to_end(our, [earlier]) == ()
        assert still_there(our, [earlier]) == ()
        there.execute("SELECT 1")
        assert still_there(our, [found]) == (found,)


def our_start(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    """When a session began."""
    ((began,),) = connection.execute(
        "SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    ).fetchall()
    return began


def test_who_is_waited_for(databases: Databases) -> None:
    """Whoever holds the lock, from whatever database."""
    databases.make()
    with (
        closing(connect(of(databases, "postgres"))) as our,
        closing(databases.connect("app_dev")) as holds,
        client(databases.address("app_dev"), "SELECT 1", "SELECT 1 FROM team") as (_, pid),
    ):
        assert blocking(our, pid) == []
    with (
        closing(connect(of(databases, "postgres"))) as our,
        closing(databases.connect("app_dev")) as holds,
    ):
        holds.execute("BEGIN; LOCK TABLE team")
        with client(databases.address("app_dev"), "SELECT 1", "TABLE team") as (_, pid):
            until = time.monotonic() + 5
            while not (found := blocking(our, pid)) and time.monotonic() < until:
                time.sleep(0.01)
            assert [one.pid for one in found] == [holds.info.backend_pid]


def test_very_many_are_not_all_named(databases: Databases) -> None:
    """The first ten are."""
    databases.make()
    with ExitStack() as stack:
        our = stack.enter_context(closing(connect(of(databases, "postgres"))))
        for _ in range(12):
            stack.enter_context(closing(databases.connect("app_dev")))
        said = named(sessions(our, "app_dev"))
        assert said.count("session ") == 10
        assert said.endswith(" and 2 more")
