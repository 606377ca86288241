"""Full disk while a backup is taken or put back, or while a cleanup by SQL deletes.

Models the disk that a long test run has filled: the kernel answers ENOSPC at a drawn byte of the
copy that is written, or at the first byte that a DELETE writes to the -wal or the journal (where
an experiment asks for phase "cleanup"; by itself it strikes copies only). Reading still works.
Lasting for one attempt, somebody made room; lasting for the phase or the cycle, nobody does.

The guard must survive it: half a copy never counts as a backup and never takes the database's
place, and a row that could not be deleted is found. While the disk stays full nothing that writes
a copy could restore; it must then say so.
"""

from __future__ import annotations

from harness.faults.reach.storage import FULL
from harness.faults.reach.storage_fault import StorageFault


class DiskFull(StorageFault):
    """ENOSPC at a drawn byte."""

    name = "disk_full"
    contract = "The kernel answers ENOSPC while a copy is written (at a drawn byte), or a DELETE."
    reasons = frozenset({"disk full"})
    device = FULL
    reads = False
