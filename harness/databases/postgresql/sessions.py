"""Who is connected to a database."""

from __future__ import annotations

import time
from collections.abc import Sequence

from harness.databases.postgresql.seat import Seat


def alone(seat: Seat, name: str, statements: Sequence[str]) -> float:
    """Run statements, as one transaction, that need a database to which nobody is connected."""
    started = time.perf_counter()
    seat.door.execute(
        "SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity WHERE datname = %s", [name]
    )
    ended_ms = (time.perf_counter() - started) * 1000
    seat.unsettle()
    with seat.session.transaction():
        for statement in statements:
            seat.session.execute(statement)
    return ended_ms


def users(seat: Seat, name: str) -> set[int]:
    """Give the processes on this machine that are connected to a database."""
    return set()
