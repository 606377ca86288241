"""How much of a stretch of time this process and what it started were at work.

At work is who runs, or waits for nothing but a core: on a machine that others keep busy, little
CPU time alone does not mean that somebody waits for a network.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

PROC = Path("/proc")
_SHORTEST_S = 0.05  # a shorter stretch tells nothing


class Busy:
    """A stretch of time, from its making on."""

    def __init__(self) -> None:
        self._began_s, self._work_s = time.monotonic(), _work_s()

    def share(self) -> float | None:
        """Return the share of the time since then that was work: 1 for one core's worth.

        None where the stretch is too short to tell, or the system does not tell (only Linux does).
        """
        took_s, before_s, work_s = time.monotonic() - self._began_s, self._work_s, _work_s()
        if before_s is None or work_s is None or took_s < _SHORTEST_S:
            return None
        return max(0.0, work_s - before_s) / took_s


def _work_s() -> float | None:
    """Return the time at work so far: of all threads, of what was started, of what has ended."""
    ended = os.times()
    total_s = ended.children_user + ended.children_system
    with suppress(psutil.Error):
        for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
            with suppress(OSError):  # it has just ended
                total_s += _of_threads_s(process.pid)
    return total_s if (PROC / "self" / "schedstat").exists() else None


def _of_threads_s(pid: int) -> float:
    """Sum up run and run-queue time, https://docs.kernel.org/scheduler/sched-stats.html."""
    times_ns = 0
    for thread in (PROC / str(pid) / "task").iterdir():
        with suppress(OSError):
            times_ns += sum(map(int, (thread / "schedstat").read_text().split()[:2]))
    return times_ns / 1e9
