"""What a run ran on: versions, machine, revision."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import apsw

from harness.version import PACKAGE, VERSION


def versions() -> dict[str, str]:
    """Return the version of everything that could change a result."""
    return {
        "harness": VERSION,
        "python": platform.python_version(),
        "apsw": apsw.apsw_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "numpy": importlib.metadata.version("numpy"),
    }


def machine(work: Path) -> dict[str, Any]:
    """Return processor, cores, kernel, and the file system that ``work`` is on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "system": platform.system(),
        "kernel": platform.release(),
        "filesystem": filesystem(work),
    }


def filesystem(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Return the type of the file system that ``path`` is on ("tmpfs", "ext4"), or "unknown".

    Source: proc_mounts(5): device, mount point (a blank as an octal escape),
    type, and more.
    """
    path = path.resolve()
    best, kind = -1, "unknown"
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return kind
    for _, escaped, found, *_ in (line.split() for line in lines if line.count(" ") >= 2):
        point = escaped.replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= best:  # a later mount hides an earlier
            best, kind = len(point), found
    return kind


def revision() -> str | None:
    """Return the git commit of the checkout this runs from, "-dirty" if changed; None if none."""
    git = shutil.which("git")
    home = PACKAGE
    if git is None or not (home.parent / ".git").exists():
        return None
    done = subprocess.run(  # noqa: S603 - git, found on the PATH, with fixed arguments
        [git, "-C", str(home), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
