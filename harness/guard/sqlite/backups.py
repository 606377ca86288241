"""Where the backups of a SQLite file stand: beside it, named after it."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from harness.system.links import followed

BACKUP_SUFFIX = ".e2e-backup"
ARCHIVE_SUFFIX = ".e2e-archive-"
_BACKUPS = re.compile(r"\.e2e-backup(\.\d+)?$")


def backup_path(database: Path | os.PathLike[str], place: int) -> Path:
    """Where the recovery at ``place`` (0 is the first) of a chain keeps its backup."""
    suffix = BACKUP_SUFFIX if place == 0 else f"{BACKUP_SUFFIX}.{place + 1}"
    main = Path(followed(database))
    return main.with_name(main.name + suffix)


def has_archive_parts(database: Path) -> bool:
    """Whether anything stands beside ``database`` that is called as an archive being made."""
    beginning = f"{database.name}{ARCHIVE_SUFFIX}part-"
    try:
        return any(name.startswith(beginning) for name in os.listdir(database.parent))
    except OSError:
        return False


def standing_backups(database: Path, others: Iterable[Path]) -> list[Path]:
    """Give every backup beside ``database`` and of ``others`` that is a file; each once."""
    names = f"{glob.escape(database.name)}{BACKUP_SUFFIX}*"
    beside_it = [path for path in database.parent.glob(names) if _BACKUPS.search(path.name)]
    standing: dict[tuple[int, int], Path] = {}
    for path in [*sorted(beside_it), *others]:
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode) and status.st_size:
            standing.setdefault((status.st_dev, status.st_ino), path)
    return list(standing.values())
