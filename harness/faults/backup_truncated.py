"""The backup has lost its end when it is needed.

Models a copy cut short by a crash or a full disk after it had been taken for good: the file is
cut at a drawn byte just before the first attempt to put it back. Lasting does not matter.

The guard must notice before it touches the database, go on to the next recovery of its chain,
and say so when there is none. Without another backup nothing could restore.
"""

from __future__ import annotations

from harness.faults.backup_missing import BackupMissing
from harness.steps import Step


class BackupTruncated(BackupMissing):
    """Cut the backup's file before it is put back."""

    name = "backup_truncated"
    contract = "The backup's file is cut at a drawn byte before it is put back."

    def strike(self, step: Step) -> None:
        """Cut it."""
        backup = self.scene.backup_of(step.operation)
        self.evidence = self.scene.reach.cut(backup, self.planned.where)
