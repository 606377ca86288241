"""Recoveries: one file each; a recovery captures a backup of the baseline and puts it back."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from harness.databases import Differences, Grade
from harness.databases.engine import Engine
from harness.databases.engines import engine_of
from harness.errors import RestoreError
from harness.system.files import Files

CopiesBy = Literal["files", "engine"]


class Recovery(ABC):
    """One way to capture a backup and put it back.

    ``capture``, ``restore`` and ``dispose`` may each be called again after they raised. Whatever
    they raise, the database is then either as it was or the baseline, and never absent.
    """

    name: ClassVar[str]
    contract: ClassVar[str]  # one sentence: what it needs, what it survives
    journal_modes: ClassVar[tuple[str, ...]] = ("wal", "delete")  # in which it can work
    needs_sole_access: ClassVar[bool] = False  # whether others must have closed it to restore
    pins: ClassVar[bool] = False  # whether its baseline is the database's own main file
    of_absence: ClassVar[bool] = False  # whether its baseline is that there is no database
    engines: ClassVar[tuple[str, ...]] = ("sqlite",)  # the names of those whose databases it knows
    # How it writes and reads a copy: by ``files``, by the engine itself (SQLite through ``vfs``),
    # or it makes none.
    copies_by: ClassVar[CopiesBy | None] = None
    copies_in: ClassVar[tuple[str, ...]] = ("backup", "restore")  # the phases it writes a copy in
    copies_alone: ClassVar[bool] = True  # False: only while others are connected
    changes_database: ClassVar[bool] = False  # whether its backup is in the database itself
    definitions: ClassVar[bool] = True  # whether it brings back what is defined; else it refuses
    rows_alone: ClassVar[bool] = False  # a control that brings nothing else back, and says so
    control: ClassVar[bool] = False  # kept to show what goes wrong; nobody should be led to it

    @classmethod
    def fits(cls, journal_mode: str) -> bool:
        """Whether it can work on this system, on a database in that mode."""
        return journal_mode in cls.journal_modes

    def __init__(
        self,
        database: Any,
        backup: Any,
        *,
        files: Files,
        vfs: str | None = None,
        busy_timeout_ms: int = 1000,
    ) -> None:
        """Take the database, by path or address, and where a backup of it may stand."""
        self.database = database
        self.backup = backup
        self.files = files
        self.vfs = vfs  # SQLite VFS for connections that this recovery opens; None: the default
        self.busy_timeout_ms = busy_timeout_ms
        self.second: Path | None = None  # a second name for the backup, out of the tests' reach
        self.released = False  # whether locks this recovery held have been let go without dispose

    @abstractmethod
    def capture(self) -> None:
        """Capture the baseline; raise RecoveryRefused where this recovery cannot work."""

    @abstractmethod
    def restore(self) -> None:
        """Put the baseline back; the backup stays until ``dispose``."""

    @abstractmethod
    def dispose(self) -> None:
        """Give up the backup: remove its file, release its locks."""

    def release(self) -> None:
        """Let go of every lock and handle and leave everything on disk, as a kill would.

        Nothing may be folded, removed or changed by it. Afterwards the next recovery of the chain
        can work; this one is done. A recovery that holds nothing has nothing to do.
        """
        self.released = True

    def keep_out_of_reach(self) -> None:  # noqa: B027 - a recovery without a file has nothing to keep
        """Hold the backup that was captured, and give it its ``second`` name if there is one.

        What is held is let go of by ``release`` and ``dispose``.

        Raises:
            OSError: it cannot be had; the backup itself is as good as before.
        """

    def bring_back(self) -> None:  # noqa: B027 - as above
        """See that a backup which is still there can also be found by whoever comes next.

        Raises:
            RestoreError: it cannot.
        """

    def rescue(self) -> dict[str, Any] | None:
        """Keep as a file at ``backup`` a baseline that goes with this process; as ``describe``.

        None where there is nothing to rescue: it is found by whoever comes next.

        Raises:
            OSError, RestoreError: it cannot be kept.
        """
        return None

    def untouched(self) -> bool:
        """Whether it is proven that nobody has written the database since ``capture``.

        False says nothing: whoever asked compares. It must be cheap at any size and write nothing.
        """
        return False

    def check(self) -> None:  # noqa: B027 - a recovery without a file has nothing to check
        """Prove that the backup still is what was captured, before anything is compared with it.

        Raises:
            RestoreError: what has become of it.
        """

    @cached_property
    def engine(self) -> Engine:
        """The engine of the database; whoever made its address sets it."""
        return engine_of(self.database)

    @property
    @abstractmethod
    def baseline(self) -> Any:
        """What holds the baseline: a file by its own bytes (without any -wal), or a database."""

    def differences(self, *, grade: Grade = "exact") -> Differences:
        """Find every difference between the live database and the baseline of this backup.

        Args:
            grade: at "rows" sequences need not be looked at.

        Raises:
            OSError, the engine's Error: a state cannot be read, or a lock not be had.
        """
        return self.engine.differences(
            self.database, self.baseline, grade=grade, busy_timeout_ms=self.busy_timeout_ms
        )

    @property
    def size_bytes(self) -> int:
        """The size of the backup; 0 where it is no file."""
        try:
            return os.stat(self.backup).st_size
        except OSError:
            return 0

    @property
    def file_left(self) -> Path | None:
        """The backup's file by a name that it still has; None where there is none."""
        for path in (self.backup, self.second):
            if path is None or not path.is_file() or path.is_symlink():
                continue
            if os.stat(path).st_size > 0:
                return path
        return None

    @property
    def stands_apart(self) -> bool:
        """Whether the backup stands beside the database, and not in it."""
        return self.file_left is not None

    def describe(self) -> dict[str, Any]:
        """What the journal must know to restore after a crash; JSON can hold it.

        No path, owner or mode: a journal is not believed so far.
        """
        return {"recovery": self.name}

    def resume(self, description: dict[str, Any]) -> None:
        """Know again what ``capture`` knew, from what ``describe`` returned before a crash.

        ``restore`` and ``dispose`` work afterwards as if this object had captured. Raise
        RestoreError where the backup did not outlive its process; nothing is changed then.
        """
        raise RestoreError(f"a backup by {self.name} does not outlive the process that took it")
