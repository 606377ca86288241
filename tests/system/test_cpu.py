"""The two clocks: what computes is told from what waits, whoever computes."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

from harness.system.cpu import Stopwatch, charge, cpu_ns

BURN = "import time\nwhile time.process_time() < 0.1: pass"


def spent() -> tuple[float, float]:
    """Take both times of nothing, to hold others against."""
    wall_ms, cpu_ms = {}, {}
    Stopwatch().add_to("x", wall_ms, cpu_ms)
    return wall_ms["x"], cpu_ms["x"]


def test_waiting_is_no_computing() -> None:
    """Asleep for 30 ms: all of it on the wall, next to nothing of the processor; times add up."""
    wall_ms, cpu_ms = {"x": 100.0}, {"x": 7.0}
    watch = Stopwatch()
    time.sleep(0.03)
    watch.add_to("x", wall_ms, cpu_ms)
    assert wall_ms["x"] >= 130
    assert 7 <= cpu_ms["x"] < 17


def test_computing_is_counted_however_loaded_the_machine() -> None:
    """20 ms of this thread's own are 20 ms, however long they take."""
    wall_ms, cpu_ms = {}, {}
    watch, ends = Stopwatch(), time.thread_time() + 0.02
    while time.thread_time() < ends:
        pass
    watch.add_to("x", wall_ms, cpu_ms)
    assert 20 <= cpu_ms["x"] < 30
    assert wall_ms["x"] >= 20


def test_what_was_waited_for_is_counted() -> None:
    """A child that computes for 100 ms is ours once it was waited for."""
    before_ns = cpu_ns()
    subprocess.run([sys.executable, "-I", "-S", "-c", BURN], check=True)
    assert cpu_ns() - before_ns >= 95e6


def test_what_others_ran_for_us_is_counted() -> None:
    """What is charged is in the sum from then on."""
    before_ns = cpu_ns()
    charge(1.5)
    assert 1.5e9 <= cpu_ns() - before_ns < 1.6e9


def test_taking_both_times_costs_little_more_than_the_clocks() -> None:
    """All eight of a cycle, a step each: under two and a half times what the clocks alone take."""

    def cost_ns(times: int, work: Callable[[], object]) -> int:
        began = time.thread_time_ns()
        for _ in range(times):
            work()
        return time.thread_time_ns() - began

    def clocks() -> None:
        time.perf_counter_ns()
        time.process_time_ns()
        resource.getrusage(resource.RUSAGE_CHILDREN)

    # side by side, as machines differ and others are at work; a step reads them twice
    ours = min(cost_ns(8, spent) for _ in range(500))
    bare = min(cost_ns(16, clocks) for _ in range(500))
    assert ours < 2.5 * bare, (ours, bare)
