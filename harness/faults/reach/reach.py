"""What faults ask of an engine: each of these is done by the thing that fails in life."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from harness.faults.reach.storage import Armed
from harness.recovery import CopiesBy


class LockedOut(Exception):
    """Others hold locks that left no moment for what was to be done."""


class Holding(Protocol):
    """Something that can be held for a while. What it begins only in part it also ends."""

    def begin(self) -> str:
        """Make it so; return what the kernel or the database says of it now, "" for nothing."""

    def end(self) -> None:
        """Undo it; nothing happens where it was never begun."""


class Reach(ABC):
    """The ways to one database on which cycles run, from which faults strike the guard unseen.

    Evidence is a sentence that says what the kernel or the database shows: no port, no time and no
    folder, so that the same cycle is the same record wherever it ran; "" where nothing happened.
    """

    def __init__(self, database: Path) -> None:
        """Reach nothing yet."""
        self.database = database
        self.connections: list[Any] = []  # those the cleanup has opened in this cycle
        self.storage_in_cleanup = False  # whether ``connect`` goes where storage faults strike

    @abstractmethod
    def start(self) -> None:
        """Forget what the last cycle left."""

    # -- connections ----------------------------------------------------------------------------

    @abstractmethod
    def connect(self, database: Path, *, busy_timeout_ms: int) -> Any:
        """Open a connection for the cleanup and remember it: the seam of several faults."""

    @abstractmethod
    def other(self, *, busy_timeout_ms: int = 0) -> Any:
        """Open a connection as another program would."""

    @abstractmethod
    def transaction(
        self, *, busy_timeout_ms: int, writes: bool = True
    ) -> AbstractContextManager[Any]:
        """Give a connection of another program's, within one transaction if it ``writes``.

        It is committed at the end, and rolled back where anything was raised.

        Raises:
            LockedOut: at the beginning, within or at the end.
        """

    @abstractmethod
    def lock(self) -> str:
        """Keep all who write from the database, as another program does; evidence.

        Somebody may be at work for a client that has given up: their turn is waited for. "" where
        they keep it.
        """

    @abstractmethod
    def unlock(self) -> None:
        """Let them."""

    # -- rights ---------------------------------------------------------------------------------

    @abstractmethod
    def deny(self, table: str, told: Callable[[str], None]) -> Holding:
        """Have the database deny the cleanup's connections to write ``table``, while it is held.

        ``told`` is given the evidence, each time that something was denied.
        """

    @abstractmethod
    def read_only(self) -> Holding:
        """Have whoever opens the database anew unable to write to it, while it is held."""

    # -- files ----------------------------------------------------------------------------------

    @abstractmethod
    def growing_bytes(self) -> int:
        """Size of the file that the next commit makes longer; 0 where there is none yet."""

    @abstractmethod
    def file_of(self, size_bytes: int) -> str:
        """Name the file of the database that has just this size: "database"; "" for none."""

    @abstractmethod
    def lose(self, backup: Path) -> str:
        """Remove a backup; evidence."""

    @abstractmethod
    def cut(self, backup: Path, share: float) -> str:
        """Leave ``share`` (0..1) of a backup and take its end away; evidence."""

    @abstractmethod
    def storage(self, by: CopiesBy) -> Armed:
        """Give the place where storage faults are armed: below what works by ``by``."""

    @abstractmethod
    def seams(self, by: Collection[CopiesBy]) -> dict[str, Any]:
        """Return what to make a guard with, so that ``storage`` is below what its recoveries do."""


__all__ = ["Holding", "LockedOut", "Reach"]
