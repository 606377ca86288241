"""Other processes, as far as the system shows them: whether one still runs, who has a file open.

A process id alone names nobody for long, the kernel hands it out again; together with the moment
the process was started it does.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from harness.system.holders import holders

if sys.platform != "linux":  # ``started`` is asked between fork and exec: no place for an import
    import psutil  # noqa: F401

_PROC = Path("/proc")
_BOOT = _PROC / "sys/kernel/random/boot_id"
_SHOWN = 80  # characters of a command line
_LISTED = 10  # processes: a pool of workers, but not a thousand
_POLL_S = 0.02


__all__ = ["holders", "is_gone_within", "listed", "named", "namespace", "runs", "started"]


def started(pid: int) -> str:
    """Return when a process was started, to be compared and no more; "" where nobody can tell.

    On Linux ticks since a boot that has a name, proc(5): psutil.Process.create_time() counts from
    1970 there, so it moves whenever the clock is set.
    """
    if pid == os.getpid():
        return _own_start(pid)
    return _start_of(pid)


@cache
def _own_start(pid: int) -> str:
    """Ask once: of this process it cannot change, and a fork has another number."""
    return _start_of(pid)


def _start_of(pid: int) -> str:
    if sys.platform != "linux":
        import psutil  # noqa: PLC0415 - loaded already, see above

        try:
            return repr(psutil.Process(pid).create_time())
        except psutil.Error:
            return ""
    try:
        # the second field is a name that may hold anything, parentheses too
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        ticks = fields[19]
    except (OSError, IndexError):
        return ""
    try:
        return f"{_BOOT.read_text().strip()} {ticks}"
    except OSError:
        return ticks


def namespace() -> str:
    """Name what numbers of processes count in here, pid_namespaces(7); "" where nobody can tell.

    The same number in another container is another process.
    """
    return _own_namespace(os.getpid())


@cache
def _own_namespace(_pid: int) -> str:
    """Ask once: what a process is counted in is settled when it begins."""
    try:
        return os.readlink(_PROC / "self/ns/pid")
    except OSError:
        return ""


def runs(pid: int, since: str) -> bool:
    """Whether the very process still runs. Where that cannot be told, it does."""
    try:
        os.kill(pid, 0)  # psutil.pid_exists() denies those that /proc hides (hidepid)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # another user's, as after sudo
    if _has_ended(pid):
        return False
    start = started(pid)
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
    for place, pid in enumerate(sorted(pids)):
        line = _command_line(pid) if place < _LISTED else ""
        said.append(f"{pid} ({line})" if line else str(pid))
    return listed(said)


def listed(names: Sequence[str]) -> str:
    """List processes that were named, the first of very many."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _command_line(pid: int) -> str:
    import psutil  # noqa: PLC0415 - 20 ms, and most runs ask nothing of it

    try:
        line = " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""
    # no command line can speak to the terminal
    line = "".join(letter if letter.isprintable() else "?" for letter in line.strip())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _has_ended(pid: int) -> bool:
    """Whether it has ended, all its threads and not the first alone, and nobody has asked how."""
    import psutil  # noqa: PLC0415 - 20 ms, and most runs ask nothing of it

    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() == 1
    except psutil.ZombieProcess:
        return True
    except psutil.Error:
        return False
