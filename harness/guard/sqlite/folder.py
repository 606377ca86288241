"""The folder a database stands in, which tests may remove, make anew, or put a link in place of."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.system.links import followed


@dataclass(frozen=True, slots=True)
class Folder:
    """What it was when the backup was taken."""

    path: Path  # its real path then
    status: os.stat_result

    @classmethod
    def of(cls, database: Path) -> Folder:
        """Look at the folder of a database; OSError where there is none."""
        path = Path(followed(database.parent))
        return cls(path, os.stat(path))

    def is_elsewhere(self) -> bool:
        """Whether the path leads somewhere else now: a link stands in it."""
        return followed(self.path) != str(self.path)

    def make_again(self) -> None:
        """Make it where it is gone, with mode and owner as they were; OSError: it cannot be."""
        if self.path.is_dir():
            return
        os.makedirs(self.path)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags)  # what is made is what gets mode and owner
        try:
            with suppress(PermissionError):
                os.fchown(descriptor, self.status.st_uid, self.status.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(self.status.st_mode))
        finally:
            os.close(descriptor)
