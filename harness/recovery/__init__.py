"""Recoveries: one file each; a recovery captures a backup of the baseline and puts it back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from harness.files import Files

HELPERS: tuple[str, ...] = ("sqlite_files",)


class Recovery(ABC):
    """One way to capture a backup and put it back.

    ``capture``, ``restore`` and ``dispose`` may each be called again after they raised. Whatever
    they raise, the database is then either as it was or the baseline, and never absent.
    """

    name: ClassVar[str]
    contract: ClassVar[str]  # one sentence: what it needs, what it survives

    def __init__(
        self,
        database: Path,
        backup: Path,
        *,
        files: Files,
        vfs: str | None = None,
        busy_timeout_ms: int = 1000,
    ) -> None:
        """Take the database's path and the path a backup file may be written to."""
        self.database = database
        self.backup = backup
        self.files = files
        self.vfs = vfs  # SQLite VFS for connections that this recovery opens; None: the default
        self.busy_timeout_ms = busy_timeout_ms

    @abstractmethod
    def capture(self) -> None:
        """Capture the baseline; raise RecoveryRefused where this recovery cannot work."""

    @abstractmethod
    def restore(self) -> None:
        """Put the baseline back; the backup stays until ``dispose``."""

    @abstractmethod
    def dispose(self) -> None:
        """Give up the backup: remove its file, release its locks."""

    @property
    @abstractmethod
    def baseline(self) -> Path:
        """The file whose own bytes (without any -wal) are the baseline, for verification."""

    def describe(self) -> dict[str, Any]:
        """What the journal must know to restore after a crash."""
        return {"recovery": self.name, "backup": str(self.backup)}
