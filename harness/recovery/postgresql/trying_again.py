"""Work as one transaction beside others who are at work: again, until they leave a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple, TypeVar

import psycopg
from psycopg import Connection

from harness.databases.postgresql import prepared
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.reading import said
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.sessions import named
from harness.databases.postgresql.undo import at_work, installing, refusing
from harness.databases.postgresql.undo.names import NOT_AS_RECORDED, NOT_BY_IT
from harness.errors import RecoveryRefused, RestoreError

T = TypeVar("T")
_IN_USE = (*installing.IN_USE, refusing.UnderWay)
_PAUSE_S = 0.003


class InTheWay(RecoveryRefused, RestoreError):
    """Somebody is at work, and nothing was done."""


class Asked(NamedTuple):
    """What is to be done where.

    Attributes:
        database: in which the work is.
        seat: whose door asks who is in the way, and stops the server's own vacuum.
        what: would have been done, as in "nothing is undone".
        was_lost: whether the session is one that stays and has ended over it.
    """

    database: PostgresDatabase
    seat: Seat
    what: str
    was_lost: Callable[[], bool]


def as_transaction(
    opened: Callable[[], AbstractContextManager[Connection[Row]]],
    work: Callable[[Connection[Row]], T],
    asked: Asked,
    *,
    within_ms: float,
) -> T:
    """Do it as one transaction, again while somebody is in the way and there is time.

    And once more where a session that stays was lost over it, as tests may end every session: if it
    was done all the same, then to do it again changes nothing.

    Raises:
        InTheWay: somebody was, all the time; it says who.
        RestoreError: something was done that cannot be undone.
        psycopg.Error: as the server says.
    """
    deadline, once_more = time.monotonic() + within_ms / 1000, True
    while True:
        try:
            with opened() as session, session.transaction():
                return work(session)
        except _IN_USE as error:
            at_work.stop_cleaning(asked.seat.door, asked.database.name)
            if time.monotonic() < deadline:
                time.sleep(_PAUSE_S)
                continue
            raise InTheWay(
                f"{asked.database}: nothing {asked.what} while others are at work: {_who(asked)}"
            ) from error
        except psycopg.Error as error:
            if error.sqlstate in (NOT_BY_IT, NOT_AS_RECORDED):
                raise RestoreError(
                    f"{asked.database}: not to be undone by the undo log: {said(error)}"
                ) from error
            if not (once_more and asked.was_lost()):
                raise
            once_more = False


def _who(asked: Asked) -> str:
    left = prepared.prepared(asked.seat.door, asked.database.name)
    there = named(at_work.in_the_way(asked.seat.door, asked.database.name))
    both = [one for one in (there, prepared.named(left)) if one]
    return "; ".join(both) or "one after the other, and each for a moment"
