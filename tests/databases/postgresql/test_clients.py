"""Which processes hold sessions of a database, and which sessions nobody holds any more."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from psycopg import Connection

from harness.databases.postgresql import clients as module
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.clients import (
    await_running,
    clients,
    left_running,
    lockers,
    route,
    users,
)
from harness.databases.postgresql.session import connect
from harness.databases.postgresql.sessions import sessions
from harness.system.peers import End
from tests.databases.postgresql.addresses import client, of
from tests.postgres import Databases


def _now(connection: Connection[Any]) -> datetime:
    """The server's own time."""
    ((time,),) = connection.execute("SELECT clock_timestamp()").fetchall()
    assert isinstance(time, datetime)
    return time


def by_file(databases: Databases, name: str = "app_dev") -> str:
    """Give the address of a database by the server's socket file."""
    folder = databases.server.sockets
    if not folder:
        pytest.skip("the path of the server's socket file is too long")
    return f"postgresql://postgres@/{name}?host={quote(folder)}&port={databases.server.port}"


def by_socket_file(databases: Databases, name: str = "app_dev") -> PostgresDatabase:
    """Give that address as the engine knows it."""
    over_tcp = of(databases, name)
    return over_tcp.__class__(
        name, over_tcp.parameters | {"host": databases.server.sockets}, over_tcp.engine
    )


def test_over_tcp_the_processes_are_seen(databases: Databases) -> None:
    """Of that database alone, whichever way the server is asked."""
    address = databases.make()
    databases.make("other")
    for asked in (of(databases, "postgres"), by_socket_file(databases, "postgres")):
        with (
            closing(connect(asked)) as our,
            client(databases.address("other"), "SELECT 1"),
            client(address, "SELECT 1") as (process, pid),
        ):
            (session,) = sessions(our, "app_dev")
            assert clients(our, [session]) == {pid: {process.pid}}
            assert users(our, "app_dev") == {process.pid}
    assert users_now(databases) == set()


def users_now(databases: Databases, user: str = "postgres") -> set[int]:
    """Ask once."""
    with closing(connect(of(databases, "postgres", user))) as our:
        return users(our, "app_dev")


def test_by_a_socket_file_the_processes_are_seen(databases: Databases) -> None:
    """Of that database alone, whichever way the server is asked."""
    databases.make()
    databases.make("other")
    for asked in (of(databases, "postgres"), by_socket_file(databases, "postgres")):
        with (
            closing(connect(asked)) as our,
            client(by_file(databases, "other"), "SELECT 1"),
            client(by_file(databases), "SELECT 1") as (process, pid),
        ):
            (session,) = sessions(our, "app_dev")
            assert session.by_socket
            assert clients(our, [session]) == {pid: {process.pid}}
            assert users(our, "app_dev") == {process.pid}


def test_a_server_of_another_user_hides_whose_a_socket_is(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then whoever is connected by the file may be; who has the session is not told."""
    databases.make()
    databases.make("other")
    monkeypatch.setattr(module.peers, "across", lambda *_: {})
    with (
        closing(connect(of(databases, "postgres"))) as our,
        client(by_file(databases), "SELECT 1") as (process, pid),
        client(by_file(databases, "other"), "SELECT 1") as (other, _),
    ):
        (session,) = sessions(our, "app_dev")
        assert clients(our, [session]) == {pid: set()}
        assert users(our, "app_dev") == {process.pid, other.pid}
        assert users(our, "postgres") == set()


def test_our_own_sessions_are_this_processs(databases: Databases) -> None:
    """A guard's own session on it shows as held by this process."""
    databases.make()
    with closing(connect(of(databases))):
        assert users_now(databases) == {os.getpid()}


def test_an_application_in_this_process_is_seen(databases: Databases) -> None:
    """Its session is no guard's, and this process holds it."""
    databases.make()
    with closing(databases.connect("app_dev")):
        assert users_now(databases) == {os.getpid()}


def test_of_another_role_whoever_is_connected_may_be_it(databases: Databases) -> None:
    """The server shows nothing of its session; who is seen to be in another database is not."""
    databases.make()
    databases.make("other")
    databases.admin("CREATE ROLE own LOGIN", "CREATE ROLE web LOGIN")
    with (
        client(databases.address("app_dev", "web"), "SELECT 1") as (process, _),
        client(databases.address("other", "own"), "SELECT 1"),
    ):
        assert users_now(databases, "own") == {process.pid}
        databases.admin("GRANT pg_read_all_stats TO own")
        assert users_now(databases, "own") == {process.pid}


@contextmanager
def forwarded(port: int) -> Iterator[int]:
    """A port that somebody else passes on to the server, as that of a container is."""
    with socket.create_server(("127.0.0.1", 0)) as front:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    near, _ = front.accept()
                    far = socket.create_connection(("127.0.0.1", port))
                    for one, other in ((near, far), (far, near)):
                        threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield front.getsockname()[1]
        with suppress(OSError):
            front.shutdown(socket.SHUT_RDWR)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


def test_through_a_containers_port_whoever_is_connected_to_it_may_be(databases: Databases) -> None:
    """The server sees the one who passes it on; our own session goes that way, so that is known."""
    databases.make()
    with forwarded(databases.server.port) as port:
        there = of(databases, "postgres")
        there = there.__class__("it", there.parameters | {"port": str(port)}, there.engine)
        address = f"postgresql://postgres@127.0.0.1:{port}/app_dev"
        with closing(connect(there)) as our:
            assert route(our).server == End("127.0.0.1", port)
            assert not route(our).direct
            with client(address, "SELECT 1") as (process, _):
                assert process.pid in users(our, "app_dev")
    with closing(connect(of(databases, "postgres"))) as our:
        assert route(our).direct
    with closing(connect(by_socket_file(databases, "postgres"))) as our:
        assert route(our).direct
        assert str(route(our).server).endswith(route(our).socket_file)


def test_who_keeps_others_from_what_is_in_it(databases: Databases) -> None:
    """Who has changed something and not committed, or has locked it; no reader."""
    address = databases.make()
    databases.make("other")
    change = "BEGIN; UPDATE team SET name = name"
    with (
        closing(connect(of(databases, "postgres"))) as our,
        client(address, change) as (process, _),
        client(address, "BEGIN; TABLE team"),
        client(databases.address("other"), change),
    ):
        assert lockers(our, "app_dev") == {process.pid}


@pytest.mark.long
@pytest.mark.parametrize("way", ["tcp", "file"])
def test_a_statement_goes_on_after_its_client_was_killed(databases: Databases, way: str) -> None:
    """It is seen until it ends, and commits; while its client lived it was its client's matter."""
    address = databases.make()
    address = by_file(databases) if way == "file" else address
    with closing(connect(of(databases, "postgres"))) as our:
        began = _now(our)
        slow = "DO $$ BEGIN PERFORM pg_sleep(1.5); INSERT INTO team VALUES (7, 'late'); END $$"
        with client(address, "SELECT 1", slow) as (_, pid):
            wait_until_active(our, pid)
            assert left_running(our, "app_dev", began) == []
        assert [one.pid for one in left_running(our, "app_dev", began)] == [pid]
        assert left_running(our, "app_dev", _now(our)) == []  # was there before
        assert users(our, "app_dev") == set()
        assert [one.pid for one in await_running(our, "app_dev", began, 50)] == [pid]
        assert await_running(our, "app_dev", began, 20_000) == []
    assert databases.run("app_dev", "SELECT name FROM team WHERE id = 7") == [("late",)]


def wait_until_active(our: object, pid: int) -> None:
    """Wait until a session runs a statement."""
    until = time.monotonic() + 5
    while not any(one.pid == pid and one.state == "active" for one in sessions(our, "app_dev")):  # type: ignore[arg-type]
        assert time.monotonic() < until


def test_what_lives_in_sight_is_not_left_running(databases: Databases) -> None:
    """A session idle in its transaction is its client's; when that is gone so is the session."""
    address = databases.make()
    with closing(connect(of(databases, "postgres"))) as our:
        began = _now(our)
        with client(address, "BEGIN; UPDATE team SET name = name"):
            assert left_running(our, "app_dev", began) == []
        until = time.monotonic() + 5
        while sessions(our, "app_dev"):
            assert time.monotonic() < until
