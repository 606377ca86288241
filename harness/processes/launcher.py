"""Run commands through a keeper, a process beside this one; see ``keeper.py`` for why.

One keeper serves a process from its first command on. Starting it costs as much as one run of
Python; a command through it costs what one without it does.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from harness.errors import MeasurementError
from harness.processes import supervisor
from harness.processes.terms import Ended, Terms
from harness.system.cpu import charge

_END_S = 5.0  # for a keeper to end what runs, and itself


class Launcher:
    """The keeper of this process; ``close`` ends it, as does the end of the process."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._keeper: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._owner = 0

    def run(
        self,
        line: str,
        *,
        folder: Path,
        environment: Mapping[str, str],
        timeout_s: float,
        terms: Terms,
    ) -> Ended:
        """Run a command line until nothing of it is left.

        Raises:
            MeasurementError: the keeper cannot be started, or has died.
        """
        order = {
            "line": line,
            "folder": str(folder),
            "environment": dict(environment),
            "timeout_s": timeout_s,
            "file_size_bytes": terms.file_size_bytes,
            "kill_after_s": terms.kill_after_s,
        }
        with self._one_at_a_time:
            channel = self._ready()
            try:
                supervisor.send(channel, order)
                answer = supervisor.receive(channel)
            except OSError as error:
                self.close()
                raise MeasurementError(f"{line}: what runs it has died: {error}") from error
            except BaseException:  # interrupted: the command must not go on without its cycle
                self.close()
                raise
        if answer is None:
            self.close()
            raise MeasurementError(f"{line}: what runs it has died, and the command with it")
        if "error" in answer:
            raise MeasurementError(f"{line}: cannot be started: {answer['error']}")
        charge(answer["cpu_s"])
        return Ended(**{**answer, "left": tuple(answer["left"])})

    def _ready(self) -> socket.socket:
        if self._channel is None or self._owner != os.getpid():  # a fork's copy is its parent's
            self._channel = self._started()
            self._owner = os.getpid()
        return self._channel

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            # out of every group that somebody may kill, so that it can end what it runs first
            self._keeper = subprocess.Popen(  # noqa: S603 - this Python, and a file of this package
                [sys.executable, "-I", "-S", supervisor.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise MeasurementError(f"no process that runs commands can be had: {error}") from error
        finally:
            theirs.close()
        return ours

    def close(self) -> None:
        """End the keeper, with whatever it runs."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._keeper is not None and self._owner == os.getpid():
            with suppress(subprocess.TimeoutExpired):
                self._keeper.wait(_END_S)
        self._keeper = None


SHARED = Launcher()  # of this process

__all__ = ["SHARED", "Launcher"]
