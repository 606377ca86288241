"""Time that work takes: on the wall, and of it what the processor computes.

Wall-clock time counts also what other programs do meanwhile; the processor's time (user and system)
counts this process, all its threads, and what it has run and waited for. It does not count waiting
for a disk, a lock or a network, nor a server that goes on running.
"""

from __future__ import annotations

import resource
import time

_elsewhere_ns = 0  # by what others have run and waited for in our stead


def cpu_ns() -> int:
    """Return how long processors have computed for this process until now."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    waited_for_s = children.ru_utime + children.ru_stime
    return time.process_time_ns() + round(waited_for_s * 1e9) + _elsewhere_ns


def charge(cpu_s: float) -> None:
    """Count what another process has run at this one's order, and waited for."""
    global _elsewhere_ns  # noqa: PLW0603 - of the process, as the clocks beside it are
    _elsewhere_ns += round(cpu_s * 1e9)


class Stopwatch:
    """Both times since it was made."""

    __slots__ = ("_cpu_ns", "_wall_ns")

    def __init__(self) -> None:
        self._wall_ns, self._cpu_ns = time.perf_counter_ns(), cpu_ns()

    def add_to(self, phase: str, wall_ms: dict[str, float], cpu_ms: dict[str, float]) -> None:
        """Add to a phase what has passed."""
        wall_ns, computed_ns = time.perf_counter_ns() - self._wall_ns, cpu_ns() - self._cpu_ns
        wall_ms[phase] = wall_ms.get(phase, 0.0) + wall_ns / 1e6
        cpu_ms[phase] = cpu_ms.get(phase, 0.0) + max(0, computed_ns) / 1e6
