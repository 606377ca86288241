"""Start a backend as a process of its own, speak to its supervisor's pipe, and end it.

Whatever happens to the process that started it, the backend ends: its standard input is a pipe that
ends with its parent. One that is stopped (SIGSTOP) cannot see that; it is in a process group of its
own, and when the parent's end orphans that group the kernel sends SIGHUP and SIGCONT to it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from harness.backend import HOST
from harness.errors import BackendError

_LOG_BYTES = 2000  # of the log's end, in an error
_END_S = 10.0  # for it to end in good order
_GONE_S = 30.0  # for the kernel to end what was killed


class Backend:
    """One backend process in front of ``database``, on loopback, on a free port."""

    def __init__(self, database: Path, *, busy_timeout_ms: int = 1000, log: Path) -> None:
        self.database = database
        self.busy_timeout_ms = busy_timeout_ms  # how long a request waits for the database's lock
        self.log = log  # what the process writes to its standard error
        self.port = 0
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._port: socket.socket | None = None  # keeps the port ours, also while it is dead
        self._heard = b""  # what the process has said so far of its next line
        self._suspended = False
        self._owed = 0  # answers that did not come in time: they come before the next one's

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{HOST}:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether the process runs (a stopped one does)."""
        return self._process is not None and self._process.poll() is None

    def start(self, limit_s: float = 30.0) -> None:
        """Start it and wait until it serves; BackendError with the end of its log otherwise.

        Started again after a death it takes the same port. One that runs is left alone.
        """
        if self.alive:
            return
        self._close_pipes()
        self._reserve()
        command = [sys.executable, "-m", "harness", "backend", "--attached"]
        command += ["--database", os.path.abspath(self.database), "--port", str(self.port)]
        command += ["--busy-timeout-ms", str(self.busy_timeout_ms)]
        try:
            with open(self.log, "ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own program, arguments apart
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    process_group=0,
                )
        except OSError as error:
            raise BackendError(f"the backend could not be started: {error}") from error
        self.pid = self._process.pid
        self._heard, self._owed, self._suspended = b"", 0, False
        try:
            self._line("did not begin to serve", time.monotonic() + limit_s)
        except BackendError:
            self.kill()
            raise

    def _reserve(self) -> None:
        """Take a free port for good: bound here, never listened on, so only it can serve there."""
        if self._port is None:
            self._port = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._port.bind((HOST, 0))
            self.port = self._port.getsockname()[1]

    def release(self, limit_s: float = 10.0) -> None:
        """Wait until no request is under way, then have it close its connections to the database.

        The next request opens them again. BackendError when it is dead or does not answer in time.
        """
        self._command("release", "released", limit_s)

    def drain(self, limit_s: float = 10.0) -> None:
        """Wait until no request is under way; errors as of ``release``."""
        self._command("drain", "drained", limit_s)

    def _command(self, command: str, done: str, limit_s: float) -> None:
        """Have it carry out ``command``, which it confirms with ``done``."""
        stdin, _ = self._pipes()
        ends = time.monotonic() + limit_s
        try:
            stdin.write(f"{command}\n".encode())
            stdin.flush()
        except OSError as error:
            raise self._error(f"could not be told to {command}") from error
        self._owed += 1
        while self._owed:
            answer = self._line(f"did not {command}", ends)
            self._owed -= 1
        if answer.get(done) is not True:
            raise self._error(f"answered {str(answer)[:200]} and did not {command}")

    def suspend(self) -> None:
        """Stop it as a debugger would (SIGSTOP): connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)
        self._suspended = True
        ends = time.monotonic() + _GONE_S
        while self.alive and time.monotonic() < ends:
            # WSTOPPED alone: its end is left for Popen to see
            if os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG) is not None:
                return
            time.sleep(0.001)
        raise self._error("could not be stopped")

    @property
    def suspended(self) -> bool:
        """Whether it was stopped and has not been let go on."""
        return self._suspended

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._suspended = False
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it (SIGKILL) and wait for its end."""
        if self._process is not None and self.alive:
            self._process.kill()
            self._wait(_GONE_S)
        self._close_pipes()

    def close(self) -> None:
        """End it, in good order where it still can."""
        if self._process is not None and self.alive:
            self._close_pipes()  # the end of its standard input is its order to end
            self.resume()
            if not self._wait(_END_S):
                self.kill()
        self._close_pipes()
        if self._port is not None:
            self._port.close()
            self._port = None

    def _wait(self, limit_s: float) -> bool:
        """Wait for its end; whether it came."""
        if self._process is not None:
            try:
                self._process.wait(limit_s)
            except subprocess.TimeoutExpired:
                return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None or not self.alive:
            raise self._error(f"runs no more, so it cannot be sent {number.name}")
        self._process.send_signal(number)

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise self._error("was never started")
        if process.stdin.closed:
            raise self._error("has ended")
        return process.stdin, process.stdout

    def _close_pipes(self) -> None:
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # of a command that the dead did not take
                        pipe.close()

    def _line(self, failing: str, ends: float) -> dict[str, Any]:
        """Read its next line; BackendError when none came by ``ends``."""
        _, stdout = self._pipes()
        poll = select.poll()
        poll.register(stdout, select.POLLIN)
        while b"\n" not in self._heard:
            if not poll.poll(max(0.0, ends - time.monotonic()) * 1000):
                raise self._error(f"{failing} in time")
            data = os.read(stdout.fileno(), 4096)
            if not data:  # it has ended, or is about to
                self._wait(1.0)
                raise self._error(f"{failing}: it ended")
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._error(f"{failing}: it said {line[:200]!r}")
        return found

    def _error(self, what: str) -> BackendError:
        """Say what happened, and what it last wrote to its log."""
        status = None if self._process is None else self._process.poll()
        ended = "" if status is None else f" (its status was {status})"
        return BackendError(f"the backend on {self.database} {what}{ended}{_end_of(self.log)}")


def _end_of(log: Path) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_BYTES))
            text = file.read().decode("utf-8", "replace").strip()
    except OSError as error:
        return f"; its log cannot be read: {error}"
    return f"; the end of its log {log}:\n{text}" if text else f"; its log {log} is empty"
