"""Who has a database locked: said wherever a lock kept the guard from a step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from harness.databases.errors import is_lock
from harness.system import processes
from harness.system.holders import unseen_owners


class Locked(Protocol):
    """What can be asked of a database that is locked, a target for instance."""

    def users(self) -> set[int]:
        """Give the processes that have it open, as far as this user sees them."""

    def lockers(self) -> set[int]:
        """Give those of which the system says that they hold its lock."""


def who(database: Locked) -> str:
    """Say who holds the lock, or else who has the database open, as far as anybody can see."""
    own = os.getpid()
    lockers, users = database.lockers(), database.users()
    if others := lockers - {own}:
        return f"process {processes.named(others)} holds the lock"
    if own in lockers:
        return "another connection of this process holds the lock"
    if others := users - {own}:
        return f"process {processes.named(others)} has it open"
    unseen = ", ".join(sorted(unseen_owners())) or "another container"
    return f"no other process is seen to have it open; those of {unseen} do not show"


def note_who(error: Exception, database: Locked) -> None:
    """Note with an error that is a lock who has it; once, and not of any other."""
    if is_lock(error) and not getattr(error, "__notes__", ()):
        error.add_note(who(database))


@contextmanager
def noting_who(database: Locked) -> Iterator[None]:
    """Note with every error that is a lock, and comes through, who has it."""
    try:
        yield
    except Exception as error:
        note_who(error, database)
        raise
