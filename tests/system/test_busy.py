"""Who waits is told from who works, also in what was started."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from harness.system.busy import Busy
from tests.pipes import line_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


def work(wall_s: float) -> None:
    """Keep a core busy, or wait for one."""
    until = time.monotonic() + wall_s
    while time.monotonic() < until:
        sum(range(1000))


def test_work_and_waiting_are_told_apart() -> None:
    """Nearly all of the time of who computes is work, and hardly any of who sleeps."""
    busy = Busy()
    work(0.15)
    assert (busy.share() or 0) > 0.6
    busy = Busy()
    time.sleep(0.15)
    share = busy.share()
    assert share is not None
    assert share < 0.3


def test_what_was_started_counts_while_it_lives_and_after() -> None:
    """A child's work is work, before and after somebody has waited for it."""
    code = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\n"
    with subprocess.Popen([sys.executable, "-c", code + "time.sleep(9)"], stdout=-1) as child:
        busy = Busy()
        line_of(child)
        assert (busy.share() or 0) > 0.4
        child.kill()
    busy, began_s = Busy(), time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    work_s = (busy.share() or 0) * (time.monotonic() - began_s)
    assert work_s >= 0.15  # of one that has ended only the time on a core is known


def test_a_moment_tells_nothing() -> None:
    """No share is given of a stretch that is too short."""
    assert Busy().share() is None
