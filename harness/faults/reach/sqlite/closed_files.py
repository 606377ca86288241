"""Files that nobody can open for writing, for a while.

All is done in a process of its own: to close a file drops the locks that SQLite holds on it here.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from harness.faults.reach.unwritable import apart


class ClosedFiles:
    """A database and its -wal, unwritable: immutable, or of mode 0444 without the right to that."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._modes: dict[str, int] = {}

    def begin(self) -> str:
        """Close the files to writers; what opening them says now, "" where it still works."""
        paths = [f"{self._database}{suffix}" for suffix in ("", "-wal")]
        for path in filter(os.path.exists, paths):
            self._modes[path] = stat.S_IMODE(os.stat(path).st_mode)  # before: half must be undone
        evidence = apart("close_to_writers", list(self._modes))
        return f"open(O_RDWR) of the database: {evidence[0]}" if evidence and all(evidence) else ""

    def end(self) -> None:
        """Open the files to writers as before; some may be gone by now."""
        modes, self._modes = self._modes, {}
        if modes:
            apart("open_to_writers", modes)


__all__ = ["ClosedFiles"]
