"""The keeper of a user's backend: a small process that starts it, and outlives nobody.

It is a program of its own, started by ``server.py`` without the packages of this Python, so that
it is there at once. Everything the backend starts is under it, also what has made itself a session
of its own or lost its parent: the keeper is their subreaper, prctl(2). It ends all of them when it
is told to, when the backend's first process has ended, and when its own master is gone: the end of
their socket says that, after SIGKILL too. It stands in no process group that anybody kills.

One order comes in (what to start), one answer goes out (its pid); then "end" may come, and the
first process's status goes out when that is over.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from harness.processes.supervisor import descendants, reaped, receive, send

_DEATH_S = 5.0  # a process that was killed and is still there sits in the kernel
_LOOK_S = 0.5  # so often it looks whether its master is still there, whatever its socket says
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Kept:
    """One backend, with whatever it starts."""

    def __init__(self, order: dict[str, Any], prctl: Any) -> None:
        keeper = os.getpid()

        def prepare() -> None:  # in the new process
            if prctl is not None:
                prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
                if os.getppid() != keeper:
                    os._exit(1)

        self.status: int | None = None  # of its first process, once that has ended
        process = subprocess.Popen(  # noqa: S603 - a command line of the user's own
            ["/bin/sh", "-c", order["line"]],
            cwd=order["folder"],
            env=order["environment"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=prepare,  # noqa: PLW1509 - this process has one thread
        )
        self.pid = process.pid
        process.returncode = 0  # collected in ``reap``, with everybody else

    def reap(self) -> bool:
        """Collect whoever has ended; whether any are left."""
        any_left, self.status = reaped(self.pid, self.status)
        return any_left

    def end(self, grace_s: float) -> None:
        """Ask all to end, where there is time for that; then end them."""
        if not self.reap():
            return
        now = time.monotonic()
        kill_at, give_up = now + grace_s, now + grace_s + _DEATH_S
        self._signal(signal.SIGTERM if grace_s else signal.SIGKILL)
        self._signal(signal.SIGCONT)  # who is stopped hears nothing
        while self.reap() and time.monotonic() < give_up:
            if time.monotonic() >= kill_at:
                self._signal(signal.SIGKILL)
            time.sleep(0.005)

    def _signal(self, number: int) -> None:
        for pid in descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def main(channel: socket.socket) -> None:
    """Start what is ordered; stay until it has ended, or is to end."""
    master = os.getppid()
    prctl = _prctl()
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # a handler is gone after exec, what is ignored stays so: the backend is to heed them all
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda number, frame: None)
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    order = receive(channel)
    if order is None:
        return
    try:
        kept = Kept(order, prctl)
    except (OSError, subprocess.SubprocessError) as error:
        send(channel, {"error": str(error)})
        return
    for descriptor in (1, 2):
        os.close(descriptor)  # so that its output ends with it
    grace_s = 0.0
    with suppress(ConnectionError):
        send(channel, {"pid": kept.pid})
        grace_s = _until_over(channel, wake, master, kept)
    kept.end(grace_s)
    with suppress(ConnectionError):
        send(channel, {"status": kept.status})


def _until_over(channel: socket.socket, wake: int, master: int, kept: Kept) -> float:
    """Wait until it has ended or is to end; return how long it may take for that."""
    while True:
        watched: list[Any] = [channel, wake]
        ready, _, _ = select.select(watched, [], [], _LOOK_S)
        if channel in ready:
            told = receive(channel)
            return float(told["grace_s"]) if told else 0.0
        if wake in ready:
            with suppress(BlockingIOError):
                os.read(wake, 4096)
        kept.reap()
        if kept.status is not None or os.getppid() != master:
            return 0.0


def _prctl() -> Any:
    return ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def run() -> None:
    """Serve the master whose socket is the first argument."""
    main(socket.socket(fileno=int(sys.argv[1])))
