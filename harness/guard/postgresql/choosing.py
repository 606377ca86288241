"""Which of the engine's own recoveries a guard takes on a database, where people named none.

A clone by the server is faster and is the same in everything, but the server makes none of a
database to which somebody is connected. A dump leaves everybody connected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.programs import clients
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import reached
from harness.databases.postgresql.sessions import named, sessions
from harness.databases.postgresql.undo.refusing import refuse
from harness.errors import RecoveryRefused
from harness.guard.postgresql.rights import rights

_UNDO, _CLONE, _DUMP = "undo_log", "template", "dump"


def chosen(
    seat: Seat, database: PostgresDatabase, recoveries: Sequence[str]
) -> tuple[tuple[str, ...], str]:
    """Choose from the engine's own chain, and say why.

    Args:
        seat: on the server.
        database: that is there.
        recoveries: the chain; one that is not the engine's own, with or without the undo log, stays
            as it is.

    Returns:
        The chain that is left, and a sentence; empty where there was no choice.

    Raises:
        UsageError: it cannot be connected to.
    """
    if {*recoveries} - {_UNDO} != {_CLONE, _DUMP}:
        return tuple(recoveries), ""
    there = sessions(seat.door, database.name)
    connected = [one for one in there if one.in_the_way and not one.ours]  # ours ends at once
    if not connected:
        return (_CLONE,), "the recovery is template: nobody is connected to the database"
    who = named(connected)
    with reached(database, busy_timeout_ms=seat.busy_timeout_ms) as session:
        allowed = rights(session, database)
        no_undo = _lacks(allowed.missing(_UNDO)) or _refused(lambda: refuse(session, database))
        version = seat.door.info.server_version // 10000
        no_dump = _lacks(allowed.missing(_DUMP)) or _refused(lambda: clients(version))
    if _UNDO in recoveries and not no_undo:
        heavier = _CLONE if no_dump else _DUMP
        return (_UNDO, heavier), _recorded(who, no_dump)
    why = f". For an undo log {no_undo}" if _UNDO in recoveries else ""
    if no_dump:
        return (_CLONE,), (
            f"the recovery is template, which waits until these have closed: {who}. For a dump "
            f"{no_dump}{why}"
        )
    return (_DUMP,), (
        f"the recovery is dump, for which others may stay connected: {who}. When the baseline "
        f"comes back their sessions are ended{why}"
    )


def _recorded(who: str, no_dump: str) -> str:
    said = f"the recovery is undo_log, with which everybody stays connected: {who}. "
    if no_dump:
        return said + (
            "What it cannot undo (a changed definition, a large object) template brings back, if "
            f"these have closed before the tests begin: for a dump {no_dump}"
        )
    return said + (
        "What it cannot undo (a changed definition, a large object) dump brings back, which ends "
        "their sessions"
    )


def _lacks(missing: list[tuple[str, str]]) -> str:
    whats = "; ".join(f"{what} (mended by: {statement})" for what, statement in missing)
    return f"more rights are needed: the role {whats}" if whats else ""


def _refused(asked: Callable[[], object]) -> str:
    try:
        asked()
    except RecoveryRefused as error:
        return str(error)
    return ""
