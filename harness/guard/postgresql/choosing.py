"""Which of the engine's own recoveries a guard takes on a database, where people named none.

A clone by the server is faster and is the same in everything, but the server makes none of a
database to which somebody is connected. A dump leaves everybody connected.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.programs import clients
from harness.databases.postgresql.seat import Seat
from harness.databases.postgresql.session import reached
from harness.databases.postgresql.sessions import named, sessions
from harness.errors import RecoveryRefused
from harness.guard.postgresql.rights import rights

_CLONE, _DUMP = "template", "dump"


def chosen(
    seat: Seat, database: PostgresDatabase, recoveries: Sequence[str]
) -> tuple[tuple[str, ...], str]:
    """Choose one of a chain's two, and say why.

    Args:
        seat: on the server.
        database: that is there.
        recoveries: the chain; one that is not the engine's own stays as it is.

    Returns:
        The chain that is left, and a sentence; empty where there was no choice.

    Raises:
        UsageError: it cannot be connected to.
    """
    if set(recoveries) != {_CLONE, _DUMP}:
        return tuple(recoveries), ""
    with reached(database, busy_timeout_ms=seat.busy_timeout_ms) as session:
        lacking = rights(session, database).missing(_DUMP)
    there = sessions(seat.door, database.name)
    connected = [one for one in there if one.in_the_way and not one.ours]  # ours ends at once
    if not connected:
        return (_CLONE,), "the recovery is template: nobody is connected to the database"
    who = named(connected)
    if lacking:
        why = f"a dump needs more rights: the role {'; '.join(what for what, _ in lacking)}"
        return (_CLONE,), _waiting(who, why)
    try:
        clients(seat.door.info.server_version // 10000)
    except RecoveryRefused as error:
        return (_CLONE,), _waiting(who, str(error))
    return (_DUMP,), (
        f"the recovery is dump, for which others may stay connected: {who}. When the baseline "
        "comes back their sessions are ended"
    )


def _waiting(who: str, why: str) -> str:
    return f"the recovery is template, which waits until these have closed: {who}. For {why}"
