"""What is mounted where, as the system tells it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def mounts() -> list[tuple[str, str]]:
    """Return every mount point and its type, as the system lists them; [] where it does not."""
    if sys.platform == "linux":  # asked at every start of a guard: psutil takes 20 ms to import
        with suppress(OSError):
            return mounts_of_linux(Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))
        return []
    import psutil  # noqa: PLC0415 - as above

    try:
        listed = psutil.disk_partitions(all=True)
    except (OSError, psutil.Error):
        return []
    return [(mounted.mountpoint, mounted.fstype) for mounted in listed]


def mounts_of_linux(text: str) -> list[tuple[str, str]]:
    """Read /proc/self/mountinfo, proc_pid_mountinfo(5): the type follows a lone hyphen."""
    listed = []
    for line in text.splitlines():
        before, hyphen, after = line.partition(" - ")
        fields = before.split(" ")
        if hyphen and len(fields) > 4:
            point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
            listed.append((point, after.split(" ")[0]))
    return listed


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
