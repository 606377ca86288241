"""``harness guard`` as people run it: whoever sends it what, whenever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.databases.postgresql.server import Server
from tests.guard.postgresql.striking import Case, Countdown, journal_rows

# Tests that write at once, and take a moment.
TESTS = """
import psycopg, sys, time
with psycopg.connect(sys.argv[1], autocommit=True) as session:
    session.execute("DELETE FROM person")
    session.execute("CREATE TABLE shop.scratch (id int)")
    time.sleep(0.5)
"""
CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def case(postgres_server: Server) -> Iterator[Case]:
    """A database to guard."""
    made = Case(postgres_server, archives=True)
    yield made
    made.databases.wipe()


def started(case: Case) -> subprocess.Popen[bytes]:
    """Start ``harness guard`` around the tests, in a process group of its own."""
    command = [sys.executable, "-m", "harness", "guard", "--database", case.address, "--"]
    tests = [sys.executable, "-c", TESTS, case.address]
    return subprocess.Popen(
        [*command, *tests],
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd=Path(__file__).parents[3],
    )


def sent(case: Case, number: signal.Signals, after_s: float, *, group: bool) -> tuple[int, str]:
    """Send a guard a signal after a time; its status, and what it said."""
    guard = started(case)
    try:
        guard.wait(after_s)
    except subprocess.TimeoutExpired:
        (os.killpg if group else os.kill)(guard.pid, number)
    _, said = guard.communicate(timeout=60)
    return guard.returncode, said.decode(errors="replace")


def told_to_end(case: Case, moments_s: Sequence[float]) -> None:
    """Tell guards to end, alone and with all that is in their group; each ends in good order."""
    for place, after_s in enumerate(moments_s):
        number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[place % 3]
        status, said = sent(case, number, after_s, group=place % 2 == 0)
        assert "Traceback" not in said or "KeyboardInterrupt" in said, said
        assert status in (0, 1, 128 + number, -number), f"{after_s} s, {number.name}: {said}"
        if status == -number:  # before it held any signal
            assert not journal_rows(case.databases), said
        assert not (wrong := case.wrong()), f"{after_s} s, {number.name}: {wrong}: {said}"


def killed(case: Case, moments_s: Sequence[float]) -> None:
    """Kill guards with all that is in their group; ``recover`` finds the baseline."""
    for after_s in moments_s:
        status, said = sent(case, signal.SIGKILL, after_s, group=True)
        assert status in (0, -signal.SIGKILL), said
        assert case.recovered(Countdown(0)) == 0, said
        assert not (wrong := case.wrong()), f"{after_s} s: {wrong}"


def test_told_to_end_or_killed(case: Case) -> None:
    """A guard told to end ends in good order; of one that was killed the baseline comes back."""
    told_to_end(case, [1.2])
    killed(case, [1.2])


@pytest.mark.long
def test_told_to_end_at_any_moment(case: Case) -> None:
    """Ctrl-C, SIGTERM and SIGHUP, to the guard or to its group: nothing of it stays."""
    told_to_end(case, [0.1 + 0.3 * n for n in range(8)])


@pytest.mark.long
def test_killed_with_its_group_at_any_moment(case: Case) -> None:
    """Guard and tests gone at once, as when a container is stopped: the baseline comes back."""
    killed(case, [0.3 + 0.3 * n for n in range(7)])


@pytest.mark.long
def test_the_tests_killed(case: Case) -> None:
    """Tests that are killed alone are tests that failed: the guard says so, and restores."""
    killing = f"{TESTS}\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "harness", "guard", "--database", case.address, "--"),
            *(sys.executable, "-c", killing, case.address),
        ],
        check=False,
    )
    assert done.returncode == 128 + signal.SIGKILL
    assert not case.wrong()
