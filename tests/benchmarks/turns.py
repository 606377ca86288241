"""Things measured turn by turn: wall and CPU time, of this process and of all that it started."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import psutil

TURNS = 5
_BECOME_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)


class Spent(NamedTuple):
    """What something took, in ms."""

    wall_ms: float
    cpu_ms: float


def turn_by_turn(
    things: Mapping[str, Callable[[], Spent]], turns: int = TURNS
) -> dict[str, list[Spent]]:
    """Do each thing once a turn, so that whatever else the machine does meets all of them."""
    spent: dict[str, list[Spent]] = {name: [] for name in things}
    for _ in range(turns):
        for name, thing in things.items():
            spent[name].append(thing())
    return spent


def median(of: Iterable[Spent]) -> Spent:
    """Give the median of each."""
    wall, cpu = zip(*of, strict=True)
    return Spent(statistics.median(wall), statistics.median(cpu))


def ratio(ours: Iterable[Spent], theirs: Iterable[Spent]) -> Spent:
    """Give the median, over the turns, of their time by ours: 2 is twice as fast."""
    pairs = list(zip(ours, theirs, strict=True))
    return Spent(
        statistics.median(b.wall_ms / a.wall_ms for a, b in pairs),
        statistics.median(b.cpu_ms / a.cpu_ms for a, b in pairs),
    )


def of_calls(
    call: Callable[[int], object], count: int, processes: Callable[[], Iterable[int]] = tuple
) -> Callable[[], Spent]:
    """Make a thing of ``count`` calls, numbered on and on; what one of them took is given.

    ``processes`` gives the numbers of others that work for it.
    """
    first = 0

    def thing() -> Spent:
        nonlocal first
        numbers, first = range(first, first + count), first + count
        wall_s, cpu_s = time.perf_counter(), _cpu_s(processes())
        for number in numbers:
            call(number)
        wall_s, cpu_s = time.perf_counter() - wall_s, _cpu_s(processes()) - cpu_s
        return Spent(wall_s * 1000 / count, cpu_s * 1000 / count)

    return thing


def _cpu_s(processes: Iterable[int]) -> float:
    others = [psutil.Process(pid).cpu_times() for pid in processes]
    return time.process_time() + sum(times.user + times.system for times in others)


def of_command(
    command: list[str], statuses: Iterable[int] = (0,), *, before: Callable[[], object]
) -> Callable[[], Spent]:
    """Make a thing of a whole command; its CPU time is that of all it has started.

    SystemExit where it ends otherwise than with one of ``statuses``.
    """
    # modules compiled once, as people have them; else their compiling is what is measured
    as_people = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if sys.platform == "linux":  # whoever outlives it becomes a child of this process
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)

    def thing() -> Spent:
        before()
        wall_s, cpu_s = time.perf_counter(), _children_s()
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=as_people)
        wall_s = time.perf_counter() - wall_s
        if done.returncode not in statuses:
            raise SystemExit(done.stderr)
        _reap()
        return Spent(wall_s * 1000, (_children_s() - cpu_s) * 1000)

    return thing


def _reap() -> None:
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row(figures: Iterable[str]) -> str:
    """Give a row for the table of docs/speed.md: revision, day, machine, and the figures."""
    asked = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    revision = subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    day = datetime.now(UTC).date().isoformat()
    return f"| {' | '.join([revision or 'unknown', day, machine, *figures])} |"
