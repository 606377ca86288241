"""A read-only database: nobody may open the file for writing.

Models a volume mounted read-only, a file left behind by root, an immutable inode: SQLite opens
the database for reading and says "attempt to write a readonly database". Modes mean nothing to
root, so the file, and its -wal, are made immutable (FS_IOC_SETFLAGS, ioctl_iflags(2)); without
the right to do that, which a user other than root has not, their modes become 0444.

Strikes the run of a cleanup that is a command, which opens the database anew; what is open already
keeps its rights. The guard must survive it. One that lasts for the whole cycle stands in the way
of its restore as well: it must then say that the database is not clean. What the cleanup did not
even try to write it has not noticed.
"""

from __future__ import annotations

from harness.faults import CommandFault
from harness.faults.reach.reach import Holding
from harness.steps import Step


class ReadOnly(CommandFault):
    """Make the database unwritable for whoever opens it anew."""

    name = "read_only"
    contract = "The database's files cannot be opened for writing."
    needs = "only a cleanup that is a command opens the database anew"
    _closed: Holding | None = None

    def strike(self, step: Step) -> None:
        """Close it to writers, and see that it is."""
        self._closed = self.scene.reach.read_only()
        self.evidence = self._closed.begin()

    def lift(self) -> None:
        """Open it to writers as before."""
        if self._closed is not None:
            self._closed.end()
