"""The intent journal: what the guard is about to do, on disk before it does it.

One JSON object a line, beside the database, synced before each step. While a guard lives it
holds an advisory lock (flock) on the file; the kernel drops the lock with the process, so a
journal that nobody holds is what a killed guard left.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from harness.errors import RestoreError, UsageError
from harness.files import Files

VERSION = 1
# What an entry says: backups are being taken and no test has run; the tests may run or have run
# and the backups are whole; the database is proven back and only tidying up is left.
CAPTURING, CAPTURED, PROVEN = "capturing", "captured", "proven"
SUFFIX = ".e2e-journal"


class Journal:
    """The journal of one guard on one database."""

    def __init__(self, database: Path, files: Files) -> None:
        self.path = database.with_name(database.name + SUFFIX)
        self._files = files
        self._descriptor = -1

    def begin(self, entry: dict[str, Any]) -> None:
        """Create the journal, lock it and write its first entry; UsageError if another lives."""
        try:
            self._descriptor = self._files.create(self.path, 0o600)
        except FileExistsError:
            raise UsageError(
                f"{self.path} is there: another guard is at work on this database, or one was "
                f"killed. Run 'harness recover --database {self.path.name[: -len(SUFFIX)]}' first."
            ) from None
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.write({"version": VERSION, "pid": os.getpid()} | entry)
        self._files.sync_folder(self.path.parent)

    def write(self, entry: dict[str, Any]) -> None:
        """Append one entry and make it last."""
        self._files.write(self._descriptor, json.dumps(entry).encode() + b"\n")
        self._files.sync(self._descriptor)

    def end(self) -> None:
        """Remove the journal: the baseline is back, nothing is left to do."""
        self._files.unlink(self.path)
        self._files.sync_folder(self.path.parent)
        self.release()

    def release(self) -> None:
        """Let go of the lock and leave the journal for the next guard or ``recover``."""
        if self._descriptor >= 0:
            self._files.close(self._descriptor)
            self._descriptor = -1

    def adopt(self) -> list[dict[str, Any]]:
        """Take over what a killed guard left; [] if there is none.

        Raises UsageError while its guard is alive, RestoreError for a journal of another version.
        A last line cut off by the kill does not count: its step was never begun.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return []
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise UsageError(f"another guard is at work on this database ({self.path})") from None
        self._descriptor = descriptor
        entries = _entries(self.path)
        if entries and entries[0].get("version") != VERSION:
            self.release()
            raise RestoreError(
                f"{self.path} was written by another version of the guard "
                f"({entries[0].get('version')!r}, this one writes {VERSION}); use that version"
            )
        os.lseek(descriptor, 0, os.SEEK_END)
        return entries or [{"version": VERSION, "state": CAPTURING, "backups": []}]


def _entries(path: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            break
        if isinstance(entry, dict):
            entries.append(entry)
    return entries
