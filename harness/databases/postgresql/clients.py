"""Which processes here hold sessions of a database, and which sessions nobody holds any more."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

from psycopg import Connection

from harness.databases.postgresql.session import Row
from harness.databases.postgresql.sessions import CLIENT, Session, sessions
from harness.system import peers
from harness.system.peers import End, canonical

_POLL_S = 0.05
# Locks that writers and changes of tables take, and that last as long as their transaction.
_LOCKERS = """
SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_database d ON d.datname = %s
WHERE l.granted AND l.mode NOT IN ('AccessShareLock', 'RowShareLock') AND (
  l.database = d.oid AND l.locktype NOT IN ('virtualxid', 'transactionid')
  OR l.locktype = 'object' AND l.classid = 'pg_database'::regclass AND l.objid = d.oid)
"""
_ELSEWHERE = """
SELECT host(client_addr), client_port FROM pg_stat_activity
WHERE client_addr IS NOT NULL AND datname IS NOT NULL AND datname <> %s
"""
_OWN = """
SELECT host(client_addr), client_port, current_setting('port')
FROM pg_stat_activity WHERE pid = pg_backend_pid()
"""


class Route(NamedTuple):
    """The way that this process takes to a server.

    Attributes:
        server: the end that it is connected to: TCP, or a socket file.
        direct: whether the server sees the client's own end, and not that of a pooler, of a
            container's port or of a tunnel.
        socket_file: the name of the server's socket file.
    """

    server: End | str
    direct: bool
    socket_file: str


def route(connection: Connection[Row]) -> Route:
    """Tell the way that a session takes.

    Raises:
        psycopg.Error: the server did not answer.
    """
    with closing(socket.socket(fileno=os.dup(connection.fileno()))) as own:
        by_file = own.family == socket.AF_UNIX
        name, server = own.getsockname(), own.getpeername()
    (told,) = connection.execute(_OWN).fetchall()
    address, port, server_port = told
    socket_file = f".s.PGSQL.{server_port}"
    if by_file:
        return Route(os.fsdecode(server).rstrip("\0"), address is None, socket_file)
    seen = End(canonical(address), port) if address else None
    return Route(_end(server), seen == _end(name), socket_file)


def _end(name: tuple[str, int]) -> End:
    return End(canonical(name[0]), name[1])


def clients(connection: Connection[Row], those: Collection[Session]) -> dict[int, set[int]]:
    """Give the processes here that hold sessions, by the session's own number.

    A session that is not in it is held by nobody here: its client is gone, or on another machine
    or in another container; or it comes by a socket file, and of these one is without a client.
    With an empty set it is held by a process that this user may not look at.

    Raises:
        psycopg.Error: the server did not answer.
    """
    held = peers.at({one.client for one in those if one.client})
    found = {one.pid: held[one.client] for one in those if one.client in held}
    if by_socket := [one.pid for one in those if one.by_socket]:
        for path in _socket_files(route(connection)):
            found |= peers.across(path, by_socket)
            if not peers.is_abandoned(path):
                found = {pid: set[int]() for pid in by_socket} | found
    return found


def users(connection: Connection[Row], database: str) -> set[int]:
    """Give the processes here that hold a session on a database, as far as that can be seen.

    Where the server does not show whose a session is (through a pooler, a container's port, by a
    socket file of another user's server, or a session of another role), whoever is connected to the
    server and not seen to be in another database may be, and counts.

    Raises:
        psycopg.Error: the server did not answer.
    """
    those = [one for one in sessions(connection, database) if one.kind == CLIENT]
    held = clients(connection, those)
    way = route(connection)
    perhaps: set[int] = set()
    others = [one for one in those if not one.ours]
    if any(one.hidden or not way.direct for one in others):
        rows = connection.execute(_ELSEWHERE, (database,))
        elsewhere = {End(canonical(address), port) for address, port in rows}
        perhaps |= peers.connected_to(way.server, but=elsewhere)
    if any(one.hidden or (one.by_socket and not held.get(one.pid)) for one in others):
        for path in _socket_files(way):
            perhaps |= peers.connected_to(path)
    # this process is connected in any case
    return set[int]().union(*held.values()) | (perhaps - {os.getpid()})


def _socket_files(way: Route) -> set[str]:
    return {way.server} if isinstance(way.server, str) else peers.socket_files(way.socket_file)


def lockers(connection: Connection[Row], database: str) -> set[int]:
    """Give the processes here whose sessions hold a lock in a database that keeps others out.

    Raises:
        psycopg.Error: the server did not answer.
    """
    locking = {pid for (pid,) in connection.execute(_LOCKERS, (database,))}
    those = [one for one in sessions(connection, database) if one.pid in locking]
    return set[int]().union(*clients(connection, those).values())


def left_running(connection: Connection[Row], database: str, since: datetime) -> list[Session]:
    """Give the sessions that go on though nobody here holds them any more.

    A server carries a statement of a killed client through to its end, and commits it. Those count
    that began after a moment, and have not ended their transaction. One whose client is on another
    machine or in another container cannot be told from them; one whose client lives here, in sight,
    is not among them.

    Raises:
        psycopg.Error: the server did not answer.
    """
    those = [
        one
        for one in sessions(connection, database)
        if one.kind == CLIENT and one.in_transaction and not one.ours
        if one.since is not None and one.since >= since
    ]
    held = clients(connection, those)
    return [one for one in those if one.pid not in held]


def await_running(
    connection: Connection[Row], database: str, since: datetime, wait_ms: float
) -> list[Session]:
    """Wait until none of ``left_running`` is there, but no longer than that; give those that are.

    Raises:
        psycopg.Error: the server did not answer.
    """
    deadline = time.monotonic() + wait_ms / 1000
    while (left := left_running(connection, database, since)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return left
