"""The keeper: a small process that runs a user's commands, one at a time, and outlives nobody.

It is started as a program of its own (``python -I -S keeper.py DESCRIPTOR``) by whoever runs
commands, and imports nothing of the package. Everything a command starts is under it, also what
has made itself a session of its own or lost its parent: the keeper is their subreaper,
prctl(2). So it knows what a command has left behind, can end all of it, and does so as well when
its own master is gone: the end of their socket says that, after SIGKILL too. It stands in no
process group that anybody kills.

An order and its answer are each one JSON text behind its length in four bytes.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Any

GRACE_S = 2.0  # between asking processes to end and ending them
KEPT_BYTES = 32 * 1024  # of the output's beginning, and as much of its end
LENGTH = struct.Struct("=I")
_CHUNK_BYTES = 64 * 1024
_LOOK_S = 0.5  # so often it looks whether its master is still there, whatever its socket says
_DEATH_S = 5.0  # a process that was killed and is still there sits in the kernel
_ITSELF_S = 0.1  # for what ends by itself just after the command
_PR_SET_CHILD_SUBREAPER = 36


def receive(channel: socket.socket) -> dict[str, Any] | None:
    """Read one message; None when the other side has ended."""
    head = _exactly(channel, LENGTH.size)
    body = _exactly(channel, LENGTH.unpack(head)[0]) if head else b""
    message: dict[str, Any] | None = json.loads(body) if body else None
    return message


def send(channel: socket.socket, message: dict[str, Any]) -> None:
    """Write one message."""
    body = json.dumps(message).encode()
    channel.sendall(LENGTH.pack(len(body)) + body)


def _exactly(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(size - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)


class Kept:
    """The output's first and last bytes; what was between them is counted."""

    def __init__(self) -> None:
        self.size = 0
        self._first = bytearray()
        self._last: deque[bytes] = deque()
        self._last_bytes = 0

    def add(self, data: bytes) -> None:
        """Take what came."""
        self.size += len(data)
        room = KEPT_BYTES - len(self._first)
        self._first += data[:room]
        rest = data[room:] if room > 0 else data
        if rest:
            self._last.append(rest)
            self._last_bytes += len(rest)
        while self._last and self._last_bytes - len(self._last[0]) >= KEPT_BYTES:
            self._last_bytes -= len(self._last.popleft())

    def text(self) -> str:
        """Give it as people read it."""
        last = b"".join(self._last)[-KEPT_BYTES:]
        left_out = self.size - len(self._first) - len(last)
        between = f"\n... {left_out} bytes left out ...\n".encode() if left_out else b""
        return (bytes(self._first) + between + last).decode(errors="replace")


class Run:
    """One command, from its start until nothing of it is left."""

    def __init__(self, channel: socket.socket, order: dict[str, Any]) -> None:
        self._channel, self._order = channel, order
        self._kept = Kept()
        self._ended = False  # its output
        self._status: int | None = None
        self._pid = 0
        self._output, self._writer = os.pipe()

    def make(self) -> dict[str, Any]:
        """Run it; return how it ended."""
        began, before_s = time.monotonic(), _waited_for_s()
        try:
            self._start()
        except (OSError, subprocess.SubprocessError) as error:
            os.close(self._writer)
            os.close(self._output)
            return {"error": f"{error}"}
        os.close(self._writer)
        os.set_blocking(self._output, False)
        timed_out = killed = False
        kill_after_s = self._order["kill_after_s"]
        ends = {"timeout": began + self._order["timeout_s"]}
        if kill_after_s is not None:
            ends["kill"] = began + kill_after_s
        while self._status is None:
            self._wait(min(ends.values()) - time.monotonic())
            self._reap()
            now = time.monotonic()
            if self._status is None and now >= ends.get("kill", now + 1):
                self._signal(signal.SIGKILL)
                killed = bool(ends.pop("kill"))
            elif self._status is None and now >= ends["timeout"]:
                timed_out = True
                self.end()
        took_s = time.monotonic() - began
        left = [] if timed_out or killed else self._left()
        self.end()
        self._read()
        os.close(self._output)
        return {
            "status": self._status,
            "timed_out": timed_out,
            "killed": killed,
            "left": left,
            "output": self._kept.text(),
            "took_s": took_s,
            "cpu_s": _waited_for_s() - before_s,
        }

    def _start(self) -> None:
        # nothing is done between fork and exec: that would cost a copy of this process (vfork(2))
        limit, before = self._order["file_size_bytes"], resource.getrlimit(resource.RLIMIT_FSIZE)
        if limit is not None:  # inherited; this process writes no files itself
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            process = subprocess.Popen(  # noqa: S603 - a command line of the user's own
                ["/bin/sh", "-c", self._order["line"]],
                cwd=self._order["folder"],
                env=self._order["environment"],
                stdin=subprocess.DEVNULL,
                stdout=self._writer,
                stderr=self._writer,
                process_group=0,
            )
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self._pid = process.pid
        process.returncode = 0  # collected here, with everybody else

    def _wait(self, seconds: float) -> None:
        """Wait for output, the end of some process, or the time; end all when nobody waits."""
        watched: list[Any] = [self._channel, WAKE]
        if not self._ended:  # an end is always readable: it must not keep this busy
            watched.append(self._output)
        ready, _, _ = select.select(watched, [], [], max(0.0, min(seconds, _LOOK_S)))
        if self._output in ready:
            self._read()
        if WAKE in ready:
            with suppress(BlockingIOError):
                os.read(WAKE, _CHUNK_BYTES)
        # the master sends nothing while it waits: what is readable is its end
        if self._channel in ready or os.getppid() != MASTER:
            self.end(grace_s=0.0)
            os._exit(0)

    def _read(self) -> None:
        """Take what is there, a few chunks at a time: a command may never cease to print."""
        with suppress(BlockingIOError):
            for _ in range(16):
                data = os.read(self._output, _CHUNK_BYTES)
                if not data:
                    self._ended = True
                    break
                self._kept.add(data)

    def _reap(self) -> bool:
        """Collect whoever has ended; whether any are left."""
        any_left, self._status = reaped(self._pid, self._status)
        return any_left

    def _left(self) -> list[str]:
        """Name what goes on though the command has ended."""
        ends = time.monotonic() + _ITSELF_S
        while self._reap() and time.monotonic() < ends:
            self._read()
            time.sleep(0.002)
        return sorted(_name(pid) for pid in descendants()) if self._reap() else []

    def _signal(self, number: int) -> None:
        """Send it to the command's group, and to whoever has left that."""
        with suppress(ProcessLookupError, PermissionError):
            if self._status is None:  # else the group's number may be somebody else's
                os.killpg(self._pid, number)
        for pid in descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def end(self, grace_s: float = GRACE_S) -> None:
        """Ask all that is left to end, then end it."""
        if not self._reap():
            return
        now = time.monotonic()
        kill_at, give_up = now + grace_s, now + grace_s + _DEATH_S
        self._signal(signal.SIGTERM if grace_s else signal.SIGKILL)
        while self._reap() and time.monotonic() < give_up:
            self._read()
            if time.monotonic() >= kill_at:
                self._signal(signal.SIGKILL)
            time.sleep(0.005)


def _waited_for_s() -> float:
    """Return how long processors have computed for those that have been collected."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def reaped(of: int, status: int | None) -> tuple[bool, int | None]:
    """Collect whoever has ended; whether any are left, and the exit code of process ``of``.

    ``status`` is that code as far as it was known before.
    """
    while True:
        try:
            pid, ended = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False, status
        if pid == 0:
            return True, status
        if pid == of:
            status = os.waitstatus_to_exitcode(ended)


def descendants(root: int = 0) -> list[int]:
    """Every process under ``root`` (0: this one) that /proc shows; those that have ended too.

    The keeper imports nothing that is installed, so not psutil either.
    """
    children: dict[int, list[int]] = {}
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdecimal():
                with suppress(OSError, IndexError, ValueError), open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
                    children.setdefault(parent, []).append(int(name))
    found, at = [], [root or os.getpid()]
    while at:
        under = children.get(at.pop(), [])
        found += under
        at += under
    return found


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return str(pid)


def _adopt_orphans() -> None:
    """Become the one to whom orphans are given, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main(channel: socket.socket) -> None:
    """Run what is ordered until there is no master any more."""
    _adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever ignores it: commands need not
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # wakes select, see WAKE
    signal.set_wakeup_fd(_WAKE_WRITER, warn_on_full_buffer=False)
    with suppress(ConnectionError):
        while order := receive(channel):
            send(channel, Run(channel, order).make())


MASTER = os.getppid()
WAKE, _WAKE_WRITER = -1, -1
if __name__ == "__main__":
    WAKE, _WAKE_WRITER = os.pipe()
    os.set_blocking(WAKE, False)
    os.set_blocking(_WAKE_WRITER, False)
    main(socket.socket(fileno=int(sys.argv[1])))
