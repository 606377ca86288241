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

from harness.system.mounts import file_system_of, mounts
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


def filesystem(path: Path) -> str:
    """Return the type of the file system that ``path`` is on ("tmpfs", "ext4"), or "unknown"."""
    return file_system_of(os.path.realpath(path), mounts()) or "unknown"


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
    # psutil counts processors and names none
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
