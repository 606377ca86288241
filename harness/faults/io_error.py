"""Input/output error while a backup is taken or put back, or while a cleanup by SQL deletes.

Models a failing disk, a lost network volume, a pulled plug: the kernel answers EIO at a drawn
byte of the copy, be it written or read, or at the first byte that a DELETE reads or writes (where
an experiment asks for phase "cleanup"; by itself it strikes copies only). Lasting for one attempt
it is gone at the next, lasting for the phase or the cycle every later attempt of the same recovery
meets it at once: it is the storage under that one's backup.

The guard must survive it: a backup that failed is never used, the database is never absent. With
every copy unreadable for the whole cycle nothing could restore; it must then say so.
"""

from __future__ import annotations

from harness.faults.reach.storage import UNMAPPED
from harness.faults.reach.storage_fault import StorageFault


class IoError(StorageFault):
    """EIO at a drawn byte."""

    name = "io_error"
    contract = "The kernel answers EIO in a copy's write or read (at a drawn byte), or in a DELETE."
    reasons = frozenset({"input/output error"})
    device = UNMAPPED
    reads = True
