"""A user's own backend as a process: started, waited for until it is ready, and always ended.

It runs under a keeper (``server_keeper.py``), which ends it, and all that it has started, also
where the process that measures was killed. What it prints is kept in memory, the end of it only.
"""

from __future__ import annotations

import http.client
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from harness.errors import BackendError
from harness.processes import supervisor
from harness.version import PACKAGE

HOST = "127.0.0.1"
_PACKAGES = str(PACKAGE.parent)
# The keeper needs this package's two modules and nothing that is installed: it starts in no time.
_KEEPER = (
    f"import sys; sys.path.append({_PACKAGES!r}); from harness.processes.server_supervisor import "
)
_LOG = "log:"
_GRACE_S = 5.0  # between SIGTERM and SIGKILL
_GONE_S = 15.0  # for its keeper to have ended all of it
_LOG_LINES, _LINE_BYTES = 200, 2000  # kept of what it prints
_LAST_LINES = 12  # of them, in an error
_LOOK_S = 0.02
_REFUSAL_S, _ENDING_S = 0.2, 2.0  # for its port to refuse; from then on for its end
_ASK_S = 5.0  # for one answer while it is asked whether it is ready
_TOO_HIGH = 500  # statuses from here on say that it is not ready
_STILL = (  # what runs no further
    psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD,
)  # fmt: skip


class Log:
    """The end of what a process prints, read by a thread as it comes, so that it never blocks."""

    def __init__(self, descriptor: int, pattern: str | None) -> None:
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._pattern = re.compile(pattern) if pattern else None
        self.matched = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(descriptor,), daemon=True)
        self._thread.start()

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb") as output:
            while data := output.readline(_LINE_BYTES):
                line = data.decode("utf-8", "replace").rstrip()
                if line:
                    self._lines.append(line)
                if self._pattern is not None and self._pattern.search(line):
                    self._pattern = None
                    self.matched.set()

    def end(self) -> str:
        """Give the last lines, all that came where the process has ended."""
        return "\n".join(list(self._lines)[-_LAST_LINES:])

    def wait(self) -> None:
        """Wait a moment for the last of it, when its process is gone."""
        self._thread.join(1.0)


class Server:
    """One backend process of the user's own, on loopback.

    Args:
        start: the command line; ``{port}`` and ``{database}`` in it are replaced.
        home: the folder it is run in.
        environment: of the process, all of it but the port.
        database: the file it works on.
        ready: "/path" answers below 500, "port" takes connections, "log: REGEX" is printed.
        ready_timeout_s: within this time.
        port_variable: what tells it the port.
    """

    def __init__(
        self,
        start: str,
        *,
        home: Path,
        environment: Mapping[str, str],
        database: Path,
        ready: str = "/",
        ready_timeout_s: float = 30.0,
        port_variable: str = "PORT",
    ) -> None:
        self._start, self._home, self._database = start, home, database
        self._environment = dict(environment)
        self._ready, self._ready_timeout_s = ready, ready_timeout_s
        self._port_variable = port_variable
        self.port = 0
        self.pid = 0
        self.suspended = False
        self._keeper: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._log: Log | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs (a stopped one does)."""
        return self._keeper is not None and self._keeper.poll() is None

    def has_died(self, wait_s: float = 0.0) -> bool:
        """Whether it runs no more; one whose port is closed is about to end, and waited for.

        ``wait_s``: where it is suspected to have, its end may take so long to be seen.
        """
        if self._keeper is None or not self.alive:
            return True
        with suppress(subprocess.TimeoutExpired):
            self._keeper.wait(wait_s)
        try:
            socket.create_connection((HOST, self.port), timeout=_REFUSAL_S).close()
        except ConnectionRefusedError:
            with suppress(subprocess.TimeoutExpired):
                self._keeper.wait(_ENDING_S)
        except OSError:  # it is busy
            pass
        return not self.alive

    def start(self) -> None:
        """Start it and wait until it is ready; one that runs is left alone.

        Started again it takes the same port, unless somebody has that by now.

        Raises:
            BackendError: it ended, or was not ready in time; with the end of what it printed.
        """
        if self.alive:
            return
        self._forget()
        self.port = _free(self.port)
        line = self._start.replace("{port}", str(self.port))
        line = line.replace("{database}", shlex.quote(str(self._database)))
        self._launch(line)
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def _launch(self, line: str) -> None:
        ours, theirs = socket.socketpair()
        output, writer = os.pipe()
        try:
            self._keeper = subprocess.Popen(  # noqa: S603 - this Python, and a module of this package
                [sys.executable, "-I", "-S", "-c", f"{_KEEPER}run; run()", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            os.close(output)
            raise BackendError(f"no process can be had: {error}") from error
        finally:
            theirs.close()
            os.close(writer)
        pattern = self._ready.removeprefix(_LOG).strip() if self._ready.startswith(_LOG) else None
        self._channel, self._log, self.suspended = ours, Log(output, pattern), False
        order = {
            "line": line,
            "folder": str(self._home.absolute()),
            "environment": self._environment | {self._port_variable: str(self.port)},
        }
        answer: dict[str, Any] | None = None
        with suppress(OSError):
            supervisor.send(ours, order)
            answer = supervisor.receive(ours)
        if answer is None or "pid" not in answer:
            why = (answer or {}).get("error", "its keeper has died")
            refused = self._error(f"cannot be started: {why}")
            self.kill()
            raise refused
        self.pid = int(answer["pid"])

    def _wait_until_ready(self) -> None:
        ends = time.monotonic() + self._ready_timeout_s
        while not self._is_ready(ends):
            if not self.alive:
                raise self._error(
                    f"ended{self._how()} before it was ready: it must stay in the foreground"
                )
            if time.monotonic() >= ends:
                raise self._error(
                    f"was not ready within {self._ready_timeout_s:g} s: {self._awaited()}; "
                    "see backend.ready and backend.ready_timeout_s"
                )
            time.sleep(_LOOK_S)

    def _awaited(self) -> str:
        told = f"{HOST}:{self.port} (told as {self._port_variable} and {{port}})"
        if self._ready.startswith(_LOG):
            return f"it printed no line that matches {self._ready.removeprefix(_LOG).strip()!r}"
        if self._ready == "port":
            return f"nobody takes connections at {told}"
        return f"no answer below {_TOO_HIGH} to GET {self._ready} at {told}"

    def _is_ready(self, ends: float) -> bool:
        assert self._log is not None  # noqa: S101 - it has been launched
        if self._ready.startswith(_LOG):
            return self._log.matched.is_set()
        patience_s = max(0.1, min(_ASK_S, ends - time.monotonic()))
        if self._ready == "port":
            try:
                socket.create_connection((HOST, self.port), timeout=patience_s).close()
            except OSError:
                return False
            return True
        asking = http.client.HTTPConnection(HOST, self.port, timeout=patience_s)
        try:
            asking.request("GET", self._ready)
            return asking.getresponse().status < _TOO_HIGH
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asking.close()

    def suspend(self) -> None:
        """Stop all of it as a debugger would (SIGSTOP): connections stay, nothing answers."""
        self.suspended = True
        ends = time.monotonic() + _GONE_S
        while self.alive and time.monotonic() < ends:
            going = [pid for pid in self._all() if _state(pid) not in _STILL]
            if not going:
                return
            _send(going, signal.SIGSTOP)
            time.sleep(0.001)
        raise self._error("could not be stopped")

    def resume(self) -> None:
        """Let all of it go on (SIGCONT)."""
        self.suspended = False
        _send(self._all(), signal.SIGCONT)

    def drain(self) -> None:
        """Nothing can be asked of it: what it still works on is waited for at the cycle's end."""

    def kill(self) -> None:
        """Kill all of it (SIGKILL) and wait for the end."""
        self._forget()

    def close(self) -> None:
        """End it: SIGTERM, then SIGKILL, to all of it."""
        if self._channel is not None and self.alive:
            with suppress(OSError):
                supervisor.send(self._channel, {"grace_s": _GRACE_S})
                self._channel.settimeout(_GRACE_S + _GONE_S)
                supervisor.receive(self._channel)
        self._forget()

    def _forget(self) -> None:
        """Have the keeper end whatever there is: the end of its socket is its order to."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._keeper is not None:
            try:
                self._keeper.wait(_GONE_S)
            except subprocess.TimeoutExpired:  # PR_SET_PDEATHSIG ends the backend's first process
                self._keeper.kill()
                self._keeper.wait()
            if self._log is not None:
                self._log.wait()

    def _all(self) -> list[int]:
        return supervisor.descendants(self._keeper.pid) if self._keeper is not None else []

    def _how(self) -> str:
        """Its status, where it has ended by itself."""
        if self._channel is None or self.alive:
            return ""
        with suppress(OSError, ValueError):
            self._channel.settimeout(1.0)
            told = supervisor.receive(self._channel)
            if told is not None and told.get("status") is not None:
                return f" with status {told['status']}"
        return ""

    def ended(self) -> str:
        """Say how it ended, and what it printed last."""
        return str(self._error(f"ended{self._how()}"))

    def _error(self, what: str) -> BackendError:
        if self._log is not None and not self.alive:
            self._log.wait()
        said = self._log.end() if self._log is not None else ""
        last = f"; the end of what it printed:\n{said}" if said else "; it printed nothing"
        return BackendError(f"the backend ({self._start}) {what}{last}")


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _state(pid: int) -> str:
    """What a process does, in psutil's word; dead when there is none."""
    try:
        return psutil.Process(pid).status()
    except psutil.Error:
        return psutil.STATUS_DEAD


def _free(port: int) -> int:
    """Return ``port`` if nobody has it (0: nobody), else one that nobody has."""
    for wanted in (port, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, wanted))
            return int(probe.getsockname()[1])
    raise BackendError("no free port can be had on loopback")


__all__ = ["HOST", "Server"]
