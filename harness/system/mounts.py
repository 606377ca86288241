"""What is mounted where, as the system tells it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import psutil


def mounts() -> list[tuple[str, str]]:
    """Return every mount point and its type, as the system lists them; [] where it does not."""
    try:
        listed = psutil.disk_partitions(all=True)
    except (OSError, psutil.Error):
        return []
    return [(mounted.mountpoint, mounted.fstype) for mounted in listed]


def file_system_of(path: str, mounted: Iterable[tuple[str, str]]) -> str | None:
    """Return the type of the file system ``path`` is on; of two on one point the later is seen."""
    longest, kind = -1, None
    for point, candidate in mounted:
        below = point.rstrip("/") + "/"
        if len(below) >= longest and (path + "/").startswith(below):
            longest, kind = len(below), candidate
    return kind


def is_mount_point(path: Path) -> bool:
    """Whether something is mounted on this very file, as a container's single bound file is."""
    real = os.path.realpath(path)
    return any(point == real for point, _ in mounts())
