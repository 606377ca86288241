"""One transaction a request, several connections, and waiting without standing still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.backend.answers import Refused
from harness.backend.store import CONNECTIONS, Store

COUNT = "SELECT count(*) FROM tags"
ADD = "INSERT INTO tags (name, colour) VALUES ('e2e-x', '#000000')"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    """A store that waits long for a lock."""
    one = Store(database, 20_000)
    yield one
    one.close()


def run(store: Store, work: Callable[[apsw.Connection], Any]) -> Any:
    """Run ``work`` as a request does."""
    return asyncio.run(store.run(work))


def count(connection: apsw.Connection) -> Any:
    """How many tags there are."""
    return connection.execute(COUNT).fetchall()[0][0]


def add(connection: apsw.Connection) -> None:
    """Add a tag."""
    connection.execute(ADD)


def test_connections_are_used_in_turn(store: Store) -> None:
    """Several are held open, each enforces foreign keys, and all are opened again after close."""
    seen: list[apsw.Connection] = []
    for _ in range(2 * CONNECTIONS):
        run(store, seen.append)
    assert len({id(one) for one in seen}) == CONNECTIONS
    assert all(one.pragma("foreign_keys") for one in seen)
    store.close()
    with pytest.raises(apsw.ConnectionClosedError):
        seen[0].pragma("user_version")
    assert run(store, count) == 12


@pytest.mark.parametrize("error", [Refused(404, "x", "y"), ValueError("z"), apsw.BusyError("b")])
def test_a_failure_leaves_nothing(store: Store, error: Exception) -> None:
    """Whatever ends the work, what it wrote is undone and no transaction stays open."""

    def work(connection: apsw.Connection) -> None:
        connection.execute(ADD)
        raise error

    with pytest.raises(type(error)):
        store.attempt(work)
    for _ in range(CONNECTIONS):
        assert run(store, count) == 12
    run(store, add)
    assert run(store, count) == 13


def test_a_lock_is_waited_for_and_others_are_served(store: Store, sql: apsw.Connection) -> None:
    """While one request waits for the write lock, reads pass; it passes once the lock is free."""

    async def both() -> Any:
        sql.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(store.run(add))
        for _ in range(20):
            assert await store.run(count) == 12
            await asyncio.sleep(0.002)
        assert not writing.done()
        sql.execute("ROLLBACK")
        await asyncio.wait_for(writing, 20)
        return await store.run(count)

    assert asyncio.run(both()) == 13


def test_a_lock_held_too_long_is_refused(database: Path, sql: apsw.Connection) -> None:
    """After the busy timeout, not before, it is 503 and nothing was written."""
    store = Store(database, 50)
    sql.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(Refused) as caught:
        run(store, add)
    assert time.monotonic() - started >= 0.05
    assert (caught.value.status, caught.value.reason) == (503, "timeout")
    sql.execute("ROLLBACK")
    assert run(store, count) == 12
    store.close()


def test_who_waits_is_served_in_order(store: Store, database: Path) -> None:
    """Writers that found the database locked get it in the order in which they came."""
    other = apsw.Connection(str(database))
    served: list[int] = []

    def writer(number: int) -> Callable[[apsw.Connection], None]:
        def work(connection: apsw.Connection) -> None:
            connection.execute("UPDATE tags SET colour = '#000000' WHERE id = 1")
            served.append(number)

        return work

    async def all_of_them() -> None:
        other.execute("BEGIN IMMEDIATE")
        tasks = []
        for number in range(12):
            tasks.append(asyncio.create_task(store.run(writer(number), writes=True)))
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        other.execute("ROLLBACK")
        tasks.append(asyncio.create_task(store.run(writer(12), writes=True)))  # comes late
        await asyncio.gather(*tasks)

    asyncio.run(all_of_them())
    other.close()
    assert served == list(range(13))
