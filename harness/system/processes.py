"""Other processes, as far as the system shows them: whether one still runs, who has a file open.

A process id alone names nobody for long, the kernel hands it out again; together with the moment
the process was started it does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from harness.system.holders import holders

_PROC = Path("/proc")
_BOOT = _PROC / "sys/kernel/random/boot_id"
_SHOWN = 80  # characters of a command line
_POLL_S = 0.02


__all__ = ["holders", "is_gone_within", "named", "runs", "started"]


def started(pid: int) -> str:
    """Return when a process was started, to be compared and no more; "" where nobody can tell."""
    return _state_and_start(pid)[1]


def runs(pid: int, since: str) -> bool:
    """Whether the very process still runs. Where that cannot be told, it does."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # another user's, as after sudo
    state, start = _state_and_start(pid)
    if state == "Z":  # ended, and nobody has asked how
        return False
    return not start or not since or start == since


def is_gone_within(pid: int, since: str, seconds: float) -> bool:
    """Wait for the end of a process that was perhaps just told to end."""
    deadline = time.monotonic() + seconds
    while runs(pid, since):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def named(pids: Iterable[int]) -> str:
    """Say who they are: ``12 (npm run test), 13 (node)``."""
    said = []
    for pid in sorted(pids):
        line = _command_line(pid)
        said.append(f"{pid} ({line})" if line else str(pid))
    return ", ".join(said)


def _command_line(pid: int) -> str:
    try:
        line = (
            (_PROC / str(pid) / "cmdline")
            .read_bytes()
            .replace(b"\0", b" ")
            .decode(errors="replace")
        )
    except OSError:
        line = _ps("command", pid)
    # no command line can speak to the terminal
    line = "".join(letter if letter.isprintable() else "?" for letter in line.strip())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _names_in(folder: Path) -> list[Path]:
    """List a folder of /proc; [] when its process has ended meanwhile or is another user's."""
    try:
        return [folder / name for name in os.listdir(folder)]
    except OSError:
        return []


def _state_and_start(pid: int) -> tuple[str, str]:
    """Give the state's letter and the start: ticks since a boot that has a name, proc(5)."""
    if sys.platform != "linux":
        state, _, start = _ps("stat,lstart", pid).partition(" ")
        return state[:1], start.strip()
    try:
        # the second field is a name that may hold anything, parentheses too
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        state, ticks = fields[0], fields[19]
    except (OSError, IndexError):
        return "", ""
    if len(_names_in(_PROC / str(pid) / "task")) > 1:
        state = "S"  # its first thread has ended, others go on
    try:
        return state, f"{_BOOT.read_text().strip()} {ticks}"
    except OSError:
        return state, ticks


def _ps(columns: str, pid: int) -> str:
    """Ask ps(1), where there is no /proc; "" when it cannot tell."""
    options = [option for column in columns.split(",") for option in ("-o", f"{column}=")]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC0"}
    try:
        done = subprocess.run(  # noqa: S603 - the system's own ps, and a number
            ["/bin/ps", *options, "-p", str(pid)],
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
