"""Whether a process runs and who has a file open, seen on real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from harness.system import processes
from tests.pipes import line_of


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that does nothing; it is killed at the end."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_a_process_runs_until_it_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    """Alive, ended and not yet asked for its status, and gone altogether."""
    since = processes.started(sleeper.pid)
    assert since
    assert processes.runs(sleeper.pid, since)
    assert not processes.is_gone_within(sleeper.pid, since, 0)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert not processes.runs(sleeper.pid, since)
    sleeper.wait()
    assert processes.is_gone_within(sleeper.pid, since, 0)
    assert processes.started(sleeper.pid) == ""


def test_another_with_the_same_number_is_another(sleeper: subprocess.Popen[bytes]) -> None:
    """The number counts only together with the start; a start nobody could tell counts as it."""
    assert not processes.runs(sleeper.pid, processes.started(os.getpid()))
    assert processes.runs(sleeper.pid, "")


def test_where_there_is_no_proc(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On other systems than Linux the start is told as well, the same each time."""
    monkeypatch.setattr(processes, "sys", SimpleNamespace(platform="darwin"))
    since = processes.started(sleeper.pid)
    assert since
    assert processes.started(os.getpid()) != since
    assert processes.runs(sleeper.pid, since)
    sleeper.kill()
    sleeper.wait()
    assert not processes.runs(sleeper.pid, since)
    assert processes.started(sleeper.pid) == ""


def test_one_that_cannot_be_seen_runs(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another user's where /proc hides it (hidepid): the kernel alone says it is there."""

    def hidden(pid: int) -> psutil.Process:
        raise psutil.NoSuchProcess(pid)

    since = processes.started(sleeper.pid)
    monkeypatch.setattr(psutil, "Process", hidden)
    monkeypatch.setattr(processes, "_PROC", Path("/nowhere"))
    assert processes.started(sleeper.pid) == ""
    assert processes.runs(sleeper.pid, since)
    assert processes.named([sleeper.pid]) == str(sleeper.pid)


def test_a_process_whose_first_thread_ended_still_runs() -> None:
    """To the kernel its leader is a zombie; another of its threads goes on all the same."""
    code = (
        "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(60,)).start();"
        "print('ready', flush=True); ctypes.CDLL(None).pthread_exit(None)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        try:
            assert line_of(process) == b"ready\n"
            since = processes.started(process.pid)
            assert not processes.is_gone_within(process.pid, since, 0.2)
        finally:
            process.kill()


def test_who_has_a_file_open(folder: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """Under its name or deleted; nobody else is named."""
    path = folder / "a file"
    path.write_bytes(b"x")
    assert processes.holders(path) == set()
    with path.open("rb"):
        assert processes.holders(path) == {os.getpid()}
        path.unlink()
        assert processes.holders(path) == {os.getpid()}
    assert "sleep 60" in processes.named([sleeper.pid])


def test_of_very_many_the_first_are_named(sleeper: subprocess.Popen[bytes]) -> None:
    """A thousand workers make no line of 100,000 characters."""
    told = processes.named([sleeper.pid, *range(2**30, 2**30 + 999)])
    assert told.endswith(f", {2**30 + 8} and 990 more")
    assert processes.listed(["1 (a)", "2 (b)"]) == "1 (a), 2 (b)"


def test_one_that_has_ended_is_named_by_its_number(sleeper: subprocess.Popen[bytes]) -> None:
    """Whoever is gone meanwhile has no command line to show."""
    sleeper.kill()
    sleeper.wait()
    assert processes.named([sleeper.pid]) == str(sleeper.pid)


def test_no_command_line_speaks_to_the_terminal() -> None:
    """Control characters are shown as question marks, and a long line is cut."""
    with subprocess.Popen(["sh", "-c", "sleep 60; :", "\x1b[2J\n" + "x" * 200]) as process:
        try:
            said = processes.named([process.pid])
        finally:
            process.kill()
    assert said.isprintable()
    assert len(said) < 120
