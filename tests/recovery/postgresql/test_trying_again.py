"""Work as one transaction, again beside people who are at work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from psycopg import Connection

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import Row, connect
from harness.databases.postgresql.undo.names import NOT_BY_IT
from harness.errors import RestoreError
from harness.recovery.postgresql.trying_again import Asked, InTheWay, as_transaction
from tests.databases.postgresql.undo.given import address
from tests.postgres import Databases

LOCK = "LOCK TABLE public.t IN EXCLUSIVE MODE NOWAIT"


class Sessions:
    """One session for each try, counted."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database, self.opened, self.lost = database, 0, False

    @contextmanager
    def open(self) -> Iterator[Connection[Row]]:
        """Open one."""
        self.opened += 1
        with closing(connect(self.database)) as session:
            yield session

    def asked(self, seat: Seat) -> Asked:
        """Say what is to be done."""
        return Asked(self.database, seat, "is locked", lambda: self.lost)


@pytest.fixture(name="sessions")
def _sessions(databases: Databases) -> Sessions:
    databases.make(script="CREATE TABLE t (a int)")
    return Sessions(address(databases))


def test_whoever_is_in_the_way_all_the_time_is_named(
    databases: Databases, sessions: Sessions
) -> None:
    """And it was tried again until the time was over."""
    with databases.connect("app_dev") as other, closing(Seat(sessions.database)) as seat:
        other.execute("BEGIN; INSERT INTO t VALUES (1)")
        assert seat.door  # opened before the time begins to run
        said = f"nothing is locked while others are at work: .*{other.info.backend_pid}"
        with pytest.raises(InTheWay, match=said):
            as_transaction(
                sessions.open,
                lambda session: session.execute(LOCK),
                sessions.asked(seat),
                within_ms=500,
            )
    assert sessions.opened > 1


def test_it_is_done_once_they_have_gone(databases: Databases, sessions: Sessions) -> None:
    """The work is begun anew, in a transaction of its own."""
    with databases.connect("app_dev") as other, closing(Seat(sessions.database)) as seat:
        other.execute("BEGIN; INSERT INTO t VALUES (1)")

        def work(session: Connection[Row]) -> str:
            if sessions.opened == 3:
                other.execute("COMMIT")
            session.execute(LOCK)
            return "done"

        asked = sessions.asked(seat)
        assert as_transaction(sessions.open, work, asked, within_ms=10_000) == "done"
    assert sessions.opened == 3


def test_what_cannot_be_undone_is_told_at_once(sessions: Sessions) -> None:
    """It would be the same the next time."""

    def work(session: Connection[Row]) -> None:
        session.execute(
            f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{NOT_BY_IT}', MESSAGE = 'so'; END $$"
        )

    with closing(Seat(sessions.database)) as seat, pytest.raises(RestoreError, match="log: so"):
        as_transaction(sessions.open, work, sessions.asked(seat), within_ms=10_000)
    assert sessions.opened == 1


@pytest.mark.parametrize(("lost", "tries"), [(True, 2), (False, 1)])
def test_a_lost_session_is_tried_once_more(sessions: Sessions, lost: bool, tries: int) -> None:
    """One that stays, which tests may have ended; another's end is an error."""
    sessions.lost = lost

    def work(session: Connection[Row]) -> None:
        session.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with (
        closing(Seat(sessions.database)) as seat,
        pytest.raises(psycopg.OperationalError, match=re.escape("terminating connection")),
    ):
        as_transaction(sessions.open, work, sessions.asked(seat), within_ms=10_000)
    assert sessions.opened == tries
