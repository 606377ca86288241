from __future__ import annotations

import asyncio
import threading

from harness.guard import places
from harness.guard.places import Place


def test_one_place_a_database() -> None:
    """The first has it until it leaves."""
    first, second = Place(1, None, waits=False), Place(2, None, waits=False)
    assert places.take("here", first) is first
    assert places.take("here", second) is first
    places.leave("here")
    assert places.take("here", second) is second
    places.leave("here")


def test_who_would_wait_for_ever() -> None:
    """In one thread: who is in the same task, and who keeps the loop from going on."""
    one, other = object(), object()
    place = Place(1, one, waits=True)
    assert place.never_ends_for(Place(1, one, waits=True))
    assert place.never_ends_for(Place(1, other, waits=False))
    assert not place.never_ends_for(Place(1, other, waits=True))
    assert not place.never_ends_for(Place(2, None, waits=False))


def test_here_is_the_thread_and_its_task() -> None:
    """With a loop and without one."""

    async def within() -> None:
        place = Place.here(waits=True)
        assert place.task is asyncio.current_task()
        assert place.thread == threading.get_ident()

    asyncio.run(within())
    assert Place.here(waits=False).task is None
