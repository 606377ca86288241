"""Copy the main file there and back, as most scripts do: the control that shows what goes wrong.

Needs: a file; looks at nothing else.
Survives: nothing but the quiet case: rollback journal, nobody connected, nobody killed.
Loses: rows committed into a -wal are not in the copy; a -wal left beside the restored file brings
test rows back or mixes two databases, and ``integrity_check`` may say ok; opening and closing the
live file drops every lock this process holds on it; a crash or a full disk while it writes in
place leaves half a database, whatever the base class promises; a backup that was cut short or
altered is put back as it is. Never use it on data you want.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.databases.sqlite.files import real
from harness.recovery import Recovery
from harness.system.trusted import opened, owners_of

_CHUNK_BYTES = 1 << 20


class NaiveCopy(Recovery):
    """Read the main file, write it somewhere; later write it back in place."""

    name = "naive_copy"
    contract = "needs a database nobody uses and no -wal; survives no crash; the control"
    copies_by = "files"
    control = True

    _captured = False

    @cached_property
    def main(self) -> Path:
        """The database's file itself, links followed once."""
        return real(self.database)

    @property
    def baseline(self) -> Path:
        """The copy, which may lack what was committed into the -wal."""
        return Path(self.backup)

    def capture(self) -> None:
        """Copy the main file, over whatever is there."""
        self.files.unlink(self.backup)
        self._captured = True
        source = self.files.open(self.database)
        self._pour(source, lambda: self.files.create(self.backup, 0o644))

    def restore(self) -> None:
        """Write the copy over the live file, in place."""
        # also the control reads for one user nothing that another laid there
        source = opened(self.backup, owners_of(self.database))
        self._pour(source, lambda: self.files.overwrite(self.main))

    def dispose(self) -> None:
        """Remove the copy."""
        if self._captured:
            self.files.unlink(self.backup)
            self._captured = False

    def resume(self, description: dict[str, Any]) -> None:
        """Trust that the copy is there."""
        self._captured = bool(self.main)  # as it stands before anybody waits

    def _pour(self, source: int, made: Callable[[], int]) -> None:
        try:
            target = made()
            try:
                while data := self.files.read(source, _CHUNK_BYTES):
                    self.files.write(target, data)
            finally:
                self.files.close(target)
        finally:
            self.files.close(source)
