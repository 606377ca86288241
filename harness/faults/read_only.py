"""A read-only database: nobody may open the file for writing.

Models a volume mounted read-only, a file left behind by root, an immutable inode: SQLite opens
the database for reading and says "attempt to write a readonly database". Modes mean nothing to
root, so the file, and its -wal, are made immutable (FS_IOC_SETFLAGS, ioctl_iflags(2)); without
the right to do that, which a user other than root has not, their modes become 0444.

Strikes the run of a cleanup that is a command, which opens the database anew; what is open already
keeps its rights. The guard must survive it. One that lasts for the whole cycle stands in the way
of its restore as well: it must then say that the database is not clean. What the cleanup did not
even try to write it has not noticed.

All is done in a process of its own: to close a file drops the locks that SQLite holds on it here.
"""

from __future__ import annotations

import os
import stat

from harness.faults import CommandFault
from harness.faults.reach.unwritable import apart
from harness.steps import Step


class ReadOnly(CommandFault):
    """Make the database and its -wal unwritable."""

    name = "read_only"
    contract = "The database's files cannot be opened for writing."
    needs = "only a cleanup that is a command opens the database anew"
    _modes: dict[str, int]

    def strike(self, step: Step) -> None:
        """Close the files to writers, and see that they are."""
        paths = [f"{self.scene.database}{suffix}" for suffix in ("", "-wal")]
        self._modes = {}
        for path in filter(os.path.exists, paths):
            self._modes[path] = stat.S_IMODE(os.stat(path).st_mode)  # before: half must be lifted
        said = apart("close_to_writers", list(self._modes))
        if said and all(said):
            self.evidence = f"open(O_RDWR) of the database: {said[0]}"

    def lift(self) -> None:
        """Open the files to writers as before; some may be gone by now."""
        modes, self._modes = getattr(self, "_modes", {}), {}
        if modes:
            apart("open_to_writers", modes)
