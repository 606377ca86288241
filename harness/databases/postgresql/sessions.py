"""The sessions on a database: who they are, as far as the server shows them, and ending them.

https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg import Connection

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.session import APPLICATION, Row
from harness.hidden import without_passwords
from harness.printable import printable
from harness.system.peers import End, canonical

CLIENT = "client backend"
_AUTOVACUUM, _PARALLEL = "autovacuum worker", "parallel worker"
_SHOWN = 40  # characters of the name that a program gives itself
_LISTED = 10  # sessions: a pool, but not a thousand
_FIRST_POLL_S, _LAST_POLL_S = 0.001, 0.05
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]{2,20})(?![\w.])", re.DOTALL)

# A role that may not read another's sees its number, user and program, and no more.
_SESSIONS = """
SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.usename, ''), coalesce(r.rolsuper, true),
  host(a.client_addr), a.client_port, a.backend_type, coalesce(a.state, ''), a.backend_start,
  coalesce(extract(epoch FROM clock_timestamp() -
    CASE WHEN a.state = 'active' THEN a.query_start ELSE a.state_change END), 0)::float8,
  CASE WHEN a.state = 'active' THEN a.query ELSE '' END
FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.pid <> pg_backend_pid() AND {which} ORDER BY a.pid
"""
_END = """
SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
JOIN unnest(%s::int4[], %s::timestamptz[]) AS given (pid, since) ON given.pid = a.pid
  AND given.since IS NOT DISTINCT FROM a.backend_start
WHERE a.datname IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Session:
    """One session, and no other of its number later.

    Attributes:
        pid: the server's process for it.
        application: the name that the program gives itself, or "".
        user: its role; "" where the server itself works.
        superuser: whether that is a superuser, or the server itself.
        client: where its client is over TCP; None by a socket file, or where that is not shown.
        by_socket: whether it comes by a socket file.
        kind: as the server calls it: "client backend", "walsender", ...
        state: "active", "idle", "idle in transaction", ...; "" where that is not shown.
        since: when it was opened; None where that is not shown.
        state_s: for how long it has been in this state.
        word: the first word of the statement that it runs.
    """

    pid: int
    application: str = field(compare=False)
    user: str = field(compare=False)
    superuser: bool = field(compare=False)
    client: End | None = field(compare=False)
    by_socket: bool = field(compare=False)
    kind: str = field(compare=False)
    state: str = field(compare=False)
    since: datetime | None
    state_s: float = field(compare=False)
    word: str = field(compare=False)

    @property
    def ours(self) -> bool:
        """Whether it is one of the harness's own; of another guard perhaps."""
        return self.application == APPLICATION

    @property
    def hidden(self) -> bool:
        """Whether the server shows to this role neither where it comes from nor what it does."""
        return self.since is None

    @property
    def in_the_way(self) -> bool:
        """Whether it must end before one is alone: the server ends by itself what is left out."""
        return self.kind not in (_AUTOVACUUM, _PARALLEL)

    @property
    def in_transaction(self) -> bool:
        """Whether it runs a statement, or has not ended its transaction."""
        return self.state in ("active", "fastpath function call") or "transaction" in self.state

    @property
    def named(self) -> str:
        """Say who it is: ``session 123 (psql, of web, idle in transaction since 12 s)``."""
        program = printable(self.application)
        program = program if len(program) <= _SHOWN else f"{program[:_SHOWN]}..."
        does = f"running {self.word}" if self.word else self.state
        said = [
            program,
            self.kind if self.kind != CLIENT else "",
            f"of {printable(self.user)}" if self.user else "",
            f"{does} since {self.state_s:.0f} s" if does else "",
        ]
        return f"session {self.pid} ({', '.join(part for part in said if part)})"


class Left(NamedTuple):
    """What of some sessions is still there, and which of these this role may not end."""

    there: tuple[Session, ...]
    forbidden: tuple[Session, ...]


def sessions(connection: Connection[Row], *databases: str) -> list[Session]:
    """Give the sessions on databases of a server, but for this one.

    Args:
        connection: outside a transaction, in which the server would show them as they once were.
        databases: their names.

    Raises:
        psycopg.Error: the server did not answer.
    """
    query = _SESSIONS.format(which="a.datname = ANY (%s)")
    return [_session(row) for row in connection.execute(query, (list(databases),))]


def blocking(connection: Connection[Row], pid: int) -> list[Session]:
    """Give the sessions, of any database, that hold a lock which a server's process waits for.

    Raises:
        psycopg.Error: the server did not answer.
    """
    query = _SESSIONS.format(which="a.pid = ANY (pg_blocking_pids(%s))")
    return [_session(row) for row in connection.execute(query, (pid,))]


def _session(row: Row) -> Session:
    pid, program, user, superuser, address, port, kind, state, since, state_s, query = row
    if kind is None:  # not shown; who has no role is no client
        kind = CLIENT if user else _AUTOVACUUM
    found = _FIRST_WORD.match(query or "")
    client = End(canonical(address), port) if address else None
    return Session(
        pid=pid,
        application=without_passwords(program),
        user=user,
        superuser=superuser,
        client=client,
        by_socket=port == -1,
        kind=kind,
        state=state,
        since=since,
        state_s=max(0.0, state_s),
        word=found[1].upper() if found and state == "active" else "",
    )


def named(those: Collection[Session]) -> str:
    """Say who they are, the first of very many."""
    ordered = sorted(those, key=lambda session: session.pid)
    more = f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return ", ".join(session.named for session in ordered[:_LISTED]) + more


def end(connection: Connection[Row], those: Collection[Session], wait_ms: float) -> Left:
    """End sessions, all at once, and wait until they are gone; who is still there.

    Args:
        connection: outside a transaction.
        those: of any database of the server.
        wait_ms: how long to wait for all of them; 0 is not at all.

    Raises:
        psycopg.Error: the server did not answer.
    """
    forbidden = tell_to_end(connection, those)
    deadline, pause_s = time.monotonic() + wait_ms / 1000, _FIRST_POLL_S
    waited = [session for session in those if session not in forbidden]
    while there := still_there(connection, waited):
        if time.monotonic() >= deadline:
            break
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LAST_POLL_S)
    forbidden = still_there(connection, forbidden)
    return Left((*there, *forbidden), forbidden)


def tell_to_end(connection: Connection[Row], those: Iterable[Session]) -> tuple[Session, ...]:
    """Tell sessions to end and do not wait; those that this role may not end."""
    asked = [session for session in those if session.in_the_way]
    try:
        _tell(connection, asked)
    except psycopg.errors.InsufficientPrivilege:
        return tuple(session for session in asked if not _told(connection, session))
    return ()


def _tell(connection: Connection[Row], those: Sequence[Session]) -> None:
    if those:
        numbers, since = [one.pid for one in those], [one.since for one in those]
        connection.execute(_END, (numbers, since))


def _told(connection: Connection[Row], session: Session) -> bool:
    try:
        _tell(connection, [session])
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def still_there(connection: Connection[Row], those: Collection[Session]) -> tuple[Session, ...]:
    """Give those of them that have not ended."""
    if not those:
        return ()
    rows = connection.execute(
        "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = ANY (%s)",
        ([session.pid for session in those],),
    )
    living = set(rows)
    return tuple(session for session in those if (session.pid, session.since) in living)


def how_to_end(connection: Connection[Row], forbidden: Collection[Session]) -> str:
    """Say what lets this role end sessions that it may not: the GRANT to type, and by whom."""
    role = connection.info.user
    others = [session for session in forbidden if not session.superuser]
    said = []
    if others:
        said.append(
            f"role {role} may not end {named(others)}: as a superuser type "
            f"GRANT pg_signal_backend TO {quoted(role)}"
        )
    if supers := [session for session in forbidden if session.superuser]:
        said.append(f"only a superuser may end {named(supers)}, which is a superuser's")
    return "; ".join(said)
