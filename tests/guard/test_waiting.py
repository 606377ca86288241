"""Two guards at one database: the second is refused, or waits where it is asked to."""

from __future__ import annotations

import asyncio
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

import harness
from harness.databases.sqlite.session import connect
from harness.errors import UsageError
from harness.guard import Guard, context, places
from harness.guard.journal import AtWork
from harness.guard.waiting import Waiting, check
from tests.guard.test_command import guarded
from tests.recovery.helpers import content, execute, make

# Fails where another's row is there; leaves one of its own.
ALONE = """
import apsw, sys, time
c = apsw.Connection(sys.argv[1])
c.execute("INSERT INTO users VALUES ('mine')")
time.sleep(0.2)
((n,),) = c.execute("SELECT count(*) FROM users")
c.close()
sys.exit(0 if n == 3 else 1)
"""


@contextmanager
def later(act: Callable[[], object], after_s: float = 0.3) -> Iterator[None]:
    """Do something in another thread while the block runs."""
    timer = threading.Timer(after_s, act)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def begun(path: Path) -> Guard:
    """A guard at work."""
    guard = Guard(path, recoveries=["online_backup"])
    guard.begin()
    return guard


def test_a_refusal_says_who_it_is_and_how_to_wait(folder: Path) -> None:
    """The process with its command line, and the option by its three names; nothing is run."""
    path = make(folder, "wal")
    guard = begun(path)
    with pytest.raises(UsageError) as refused:
        guarded(path, "touch", str(folder / "ran"))
    guard.finish()
    said = str(refused.value)
    assert re.search(rf"that of process {os.getpid()} \(.+\) \(", said)
    for option in ("--wait SECONDS", "--guard-wait", "wait_s="):
        assert option in said
    assert os.listdir(folder) == [path.name]


def test_the_guard_around_this_one_is_not_waited_for(folder: Path) -> None:
    """It ends only when this one has: however long one has time to wait, it is refused at once."""
    path = make(folder, "wal")
    inner = [sys.executable, "-m", "harness", "guard", "--database", str(path), "--wait", "60"]
    began = time.monotonic()
    with harness.guard(path):
        refused = subprocess.run(
            [*inner, "--", "true"], capture_output=True, text=True, check=False
        )
    assert refused.returncode == 2
    assert "around this process: one guard is enough" in refused.stderr
    assert time.monotonic() - began < 30


def test_the_end_of_another_is_waited_for(folder: Path) -> None:
    """It is said once whose end that is; then the command runs, guarded."""
    path = make(folder, "wal")
    before = content(path)
    guard = begun(path)
    with later(guard.finish):
        status, said = guarded(path, sys.executable, "-c", ALONE, str(path), wait_s=30)
    assert status == 0, said
    assert said.count("waiting for the guard of process") == 1
    assert f"of process {os.getpid()} (" in said
    assert "up to 30 s" in said
    assert content(path) == before


def test_what_a_killed_one_left_is_brought_back_while_waiting(folder: Path) -> None:
    """A guard that dies meanwhile is made good by the one that waits."""
    path = make(folder, "wal")
    before = content(path)
    guard = begun(path)
    execute(path, "DELETE FROM users", fold=False)
    with later(guard.abandon):
        status, said = guarded(path, sys.executable, "-c", ALONE, str(path), wait_s=30)
    assert status == 0, said
    assert "had been killed" in said
    assert content(path) == before


def test_patience_ends(folder: Path) -> None:
    """After that time it is refused, as without it, and how long it was is said."""
    path = make(folder, "wal")
    guard = begun(path)
    started = time.monotonic()
    with pytest.raises(AtWork, match=r"waited for 0\.2 s"):
        guarded(path, "true", wait_s=0.2)
    assert 0.2 <= time.monotonic() - started < 5
    assert guard.finish().says_clean


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait(folder: Path, number: signal.Signals) -> None:
    """At once, with the status of its kind; nothing was run, and the other goes on."""
    path = make(folder, "wal")
    guard = begun(path)
    started = time.monotonic()
    with later(lambda: os.kill(os.getpid(), number)):
        status, said = guarded(path, "touch", str(folder / "ran"), wait_s=60)
    assert status == 128 + number
    assert f"told to end by {number.name} while waiting: touch was not run" in said
    assert time.monotonic() - started < 20
    assert guard.finish().says_clean
    assert os.listdir(folder) == [path.name]


def test_a_signal_ends_the_wait_of_a_block(folder: Path) -> None:
    """As it would end any program; the block does not run."""
    path = make(folder, "wal")
    guard = begun(path)
    with (
        later(lambda: os.kill(os.getpid(), signal.SIGINT)),
        pytest.raises(KeyboardInterrupt),
        harness.guard(path, wait_s=60),
    ):
        pytest.fail("it ran")
    assert guard.finish().says_clean
    with harness.guard(path, archives=False):
        pass  # its place in this process is free again


@contextmanager
def struck(step: int) -> Iterator[None]:
    """Have a SIGINT come at the given call, or return, of what enters a block."""
    files, left = {context.__file__, places.__file__}, step

    def profile(frame: FrameType, event: str, of: object) -> None:
        nonlocal left
        left -= frame.f_code.co_filename in files
        if left < 0:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize(
    "steps",
    [range(10, 22, 3), pytest.param(range(60), marks=pytest.mark.long)],
    ids=["some", "every"],
)
def test_a_signal_at_any_moment_leaves_the_place_free(folder: Path, steps: range) -> None:
    """Wherever in the first try it comes, nobody is told later that the block is there."""
    path = make(folder, "wal")
    guard = begun(path)
    for step in steps:
        waiting = harness.guard(path, wait_s=60)
        with pytest.raises(KeyboardInterrupt), struck(step), waiting:
            pass
        assert not places._guarded, step
    assert guard.finish().says_clean


def test_threads_take_turns(folder: Path) -> None:
    """Each finds the baseline alone, and leaves it; which waits is nobody's business."""
    path = make(folder, "wal")
    before = content(path)
    seen: list[int] = []

    def work() -> None:
        with harness.guard(path, wait_s=60, archives=False):
            connection = connect(path)
            connection.execute("INSERT INTO users VALUES ('mine')")
            time.sleep(0.02)
            seen.append(connection.execute("SELECT count(*) FROM users").fetchall()[0][0])
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [3] * 4
    assert content(path) == before


def test_tasks_take_turns_and_nobody_waits_for_themselves(folder: Path) -> None:
    """Another task's end is waited for; that of a block around this one would never come."""
    path = make(folder, "wal")
    seen: list[str] = []

    async def work(name: str) -> None:
        async with harness.guard(path, wait_s=60, archives=False):
            seen.append(name)
            await asyncio.sleep(0.1)
            for refused in (harness.guard(path, wait_s=60),):
                with pytest.raises(UsageError, match="around this one"):
                    async with refused:
                        pytest.fail("it ran")
            seen.append(name)

    async def blocking() -> None:
        await asyncio.sleep(0.02)
        with pytest.raises(UsageError, match="around this one"), harness.guard(path, wait_s=60):
            pytest.fail("it ran")

    async def both() -> None:
        await asyncio.gather(work("one"), work("two"), blocking())

    asyncio.run(both())
    assert seen in (["one", "one", "two", "two"], ["two", "two", "one", "one"])
    with (
        harness.guard(path, archives=False),
        pytest.raises(UsageError, match="around this one"),
        harness.guard(path, wait_s=60),
    ):
        pytest.fail("it ran")


@pytest.mark.parametrize("wrong", [-1, math.inf, math.nan, "5", None, True])
def test_what_is_no_time_is_refused(folder: Path, wrong: object) -> None:
    """Before anything else is done."""
    path = make(folder, "wal")
    with pytest.raises(UsageError, match="seconds"):
        check(wrong)
    with pytest.raises(UsageError, match="seconds"):
        harness.guard(path, wait_s=wrong)  # type: ignore[arg-type]


def test_pauses_never_go_beyond_the_end() -> None:
    """Each is as long as what is left at most; without patience there is none."""
    told: list[str] = []
    waiting = Waiting(0.01, told.append)
    assert 0 < waiting.pause_s(AtWork("at work", "of somebody")) <= 0.01
    time.sleep(0.01)
    with pytest.raises(AtWork, match=r"at work\. It was waited for"):
        waiting.pause_s(AtWork("at work", "of somebody"))
    assert told == ["waiting for the guard of somebody, up to 0.01 s"]
    with pytest.raises(AtWork, match="--wait"):
        Waiting(0, told.append).pause_s(AtWork("at work"))
    assert len(told) == 1


@pytest.mark.long
def test_processes_take_turns(folder: Path) -> None:
    """Four commands at once on one database: each finds the baseline alone, all end with 0."""
    path = make(folder, "wal")
    before = content(path)
    command = [sys.executable, "-m", "harness", "guard", "--database", str(path)]
    command += ["--wait", "120", "--no-archive", "--", sys.executable, "-c", ALONE, str(path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, "\n".join(said)
    assert content(path) == before
    assert os.listdir(folder) == [path.name]
