"""What is mounted where, as the system tells it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path


def mounts(platform: str = sys.platform) -> list[tuple[str, str]]:
    """Return every mount point and its type, as the system lists them; [] where it does not."""
    try:
        if platform == "linux":
            return mounts_of_linux(Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))
        if platform == "darwin":
            listed = subprocess.run(
                ["/sbin/mount"], capture_output=True, text=True, check=True, timeout=10
            )
            return mounts_of_macos(listed.stdout)
    except (OSError, subprocess.SubprocessError):
        return []
    return []


def mounts_of_linux(text: str) -> list[tuple[str, str]]:
    """Read /proc/self/mountinfo, proc_pid_mountinfo(5): the type follows a lone hyphen."""
    found = []
    for line in text.splitlines():
        before, hyphen, after = line.partition(" - ")
        fields = before.split(" ")
        if hyphen and len(fields) > 4:
            point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4])
            found.append((point, after.split(" ")[0]))
    return found


def mounts_of_macos(text: str) -> list[tuple[str, str]]:
    """Read what mount(8) prints there: ``//me@host/share on /Volumes/share (smbfs, nodev)``."""
    return re.findall(r"^.* on (/.*) \(([^,)]+)", text, re.MULTILINE)


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
