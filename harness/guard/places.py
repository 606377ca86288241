"""Which databases are guarded in this process, and where: one guard a database, whoever asks."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress


class Place:
    """Where a block runs.

    Args:
        thread: its thread.
        task: its task of asyncio's, if it is in one.
        waits: whether others go on in its thread while it waits.
    """

    def __init__(self, thread: int, task: object, *, waits: bool) -> None:
        self.thread, self.task, self.waits = thread, task, waits

    @classmethod
    def here(cls, *, waits: bool) -> Place:
        """Give that of whoever asks."""
        asyncio, task = sys.modules.get("asyncio"), None
        if asyncio is not None:
            with suppress(RuntimeError):  # no loop runs here
                task = asyncio.current_task()
        return cls(threading.get_ident(), task, waits=waits)

    def never_ends_for(self, other: Place) -> bool:
        """Whether a block here could not go on while one in the other place waits for its end."""
        if self.thread != other.thread:
            return False
        return self.task is other.task or not other.waits


# By the real path. Only ``setdefault`` and ``del`` touch it: they need no lock, and a lock could be
# held by another thread at a fork.
_guarded: dict[str, Place] = {}


def take(database: str, place: Place) -> Place:
    """Note that a database is guarded in a place; the place in which it is, perhaps another."""
    return _guarded.setdefault(database, place)


def leave(database: str) -> None:
    """Note that it is guarded no more."""
    del _guarded[database]
