"""The refusal of a database in use, where no recovery that was asked for could restore it then.

Locks do not tell: in rollback mode an idle connection holds none, and a recovery that replaces the
file would leave it reading, and then writing, the old one. The system does: /proc on Linux, lsof on
macOS, with a limit of time that psutil.Process.open_files() has not. What belongs to another user
neither shows to anybody but root, and what cannot be seen is not taken for absent.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness import registry
from harness.databases.sqlite.files import WAL_VERSIONS, MainFile, beside, real
from harness.errors import UsageError
from harness.system import processes
from harness.system.holders import unseen_owners
from harness.system.lockers import lockers

_LSOF = "/usr/sbin/lsof"  # of macOS, where no PATH may name its folder
_LSOF_TAKES_S = 30  # at most: it may wait for a file system that does not answer


def refuse_in_use(database: Path, recoveries: Sequence[str]) -> None:
    """Refuse where every recovery of the chain has to be alone to restore, and may not be.

    Raises:
        UsageError: who it is, or whom nobody here can see, and what to do instead.
    """
    kinds = [registry.find("recovery", name) for name in recoveries]
    beside_others = [kind for kind in kinds if not kind.needs_sole_access]
    if beside_others:
        mode = journal_mode_of(database)
        if any(mode in kind.journal_modes for kind in beside_others):
            return
    pids = holders(database)
    if pids:
        chain = " and ".join(recoveries)
        own_note = " (this one among them)" if os.getpid() in pids else ""
        raise UsageError(
            f"{database} is in use: process {processes.named(pids)}{own_note} has it open, and "
            f"{chain} can restore only when nobody has. End it, or choose a recovery that works "
            "beside it: --recovery online_backup, in Python recoveries=['online_backup']. If it "
            "will be gone before the end, say --i-know (i_know=True)."
        )
    if owners := unseen():
        chain = " and ".join(recoveries)
        raise UsageError(
            f"{chain} can restore only when nobody has {database} open, and this user cannot see "
            f"what the processes of {', '.join(sorted(owners))} have open. Choose a recovery that "
            "works beside others: --recovery online_backup, in Python "
            "recoveries=['online_backup']. If nobody else uses the database, say --i-know "
            "(i_know=True)."
        )


def journal_mode_of(database: Path) -> str:
    """Read from the main file's header whether it is "wal" or "delete"; no lock is taken."""
    file = MainFile(real(database))
    try:
        return "wal" if file.header()[18:20] == WAL_VERSIONS else "delete"
    finally:
        file.close()


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A database as others have it: who has it open, and who holds its lock."""

    database: Path

    def users(self) -> set[int]:
        """Give the processes that have the file open, as far as the system tells."""
        return holders(self.database)

    def lockers(self) -> set[int]:
        """Give those that hold a lock on the file, or in WAL mode on the -shm, where writers do."""
        return lockers(self.database) | lockers(beside(real(self.database), "-shm"))


def holders(database: Path, platform: str = sys.platform) -> set[int]:
    """Find who has a file open, this process included; nobody where the system does not tell."""
    if platform == "linux":
        return processes.holders(database)
    import shutil  # noqa: PLC0415 - of macOS alone

    with suppress(OSError, subprocess.SubprocessError):
        lsof = subprocess.run(  # noqa: S603 - the system's own lsof, and one path
            [shutil.which("lsof") or _LSOF, "-t", "-w", "--", os.path.realpath(database)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_LSOF_TAKES_S,
        )
        return {int(word) for word in lsof.stdout.split() if word.isdigit()}
    return set()


def unseen(platform: str = sys.platform) -> set[str]:
    """Give the users of whose processes the system does not tell what they have open; none: all."""
    if platform == "linux":
        return unseen_owners()
    return set() if os.geteuid() == 0 else {"other users"}
