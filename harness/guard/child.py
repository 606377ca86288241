"""The command that is guarded: its streams, its signals and its status, as without a guard.

The command stays in the guard's process group, so that whatever a terminal sends reaches both and
stopping and going on work as in any shell. Signals are held from before the backup until after the
last verification: while the command runs they are passed on and it decides what they mean; before
and after it they wait, because a guard that ended there would leave its work undone.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any, NamedTuple

NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 126, 127, 128

# What ends a command that says nothing else; before the command runs it is not started any more.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_TYPED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)  # at a terminal, sent to the whole group
_HELD = (*_ENDING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP)


class Ended(NamedTuple):
    """How the command ended."""

    status: int  # what a shell would give
    why_not_run: str = ""  # a sentence; empty when it ran


class Signals:
    """Hold the signals that would end or stop the guard, and pass them on while a command runs.

    Whatever was ignored before (``nohup``, a shell's background) stays ignored, for the command
    too. Only a process's main thread receives signals; in another this holds nothing.
    """

    def __init__(self) -> None:
        self._child: int | None = None  # its process id, while it may be sent something
        self._waiting: list[int] = []  # came before the command was there to have them
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        """Begin to hold."""
        if threading.current_thread() is threading.main_thread():
            for number in _HELD:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    # a handler, not SIG_IGN: that one the command would inherit
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let signals do again what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def told_to_end(self) -> int:
        """The first signal to end that came before a command ran; 0 for none."""
        return next((number for number in self._waiting if number in _ENDING), 0)

    def run(self, argv: Sequence[str]) -> Ended:
        """Run ``argv`` with this process's own streams and wait until it has ended."""
        if self.told_to_end:
            return Ended(
                SIGNALLED + self.told_to_end,
                f"told to end by {signal.Signals(self.told_to_end).name} before "
                f"{argv[0]} was started: it was not run",
            )
        try:
            child = _start(argv)
        except FileNotFoundError as error:
            return Ended(NOT_FOUND, _sentence(argv[0], error))
        except OSError as error:
            return Ended(NOT_EXECUTABLE, _sentence(argv[0], error))
        self._child = child.pid
        while self._waiting:
            self._pass_on(self._waiting.pop(0))
        # Not reaped yet, so its number is nobody else's while a handler may still send to it.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        self._child = None
        status = child.wait()
        return Ended(SIGNALLED - status if status < 0 else status)

    def _take(self, number: int, frame: FrameType | None) -> None:
        """Handle one signal; it runs between two steps of whatever the guard is doing."""
        typed = number in _TYPED and _in_foreground()
        if number == signal.SIGTSTP:
            if not typed:
                self._pass_on(number)
            os.kill(os.getpid(), signal.SIGSTOP)  # go on from here when told to
            self._pass_on(signal.SIGCONT)
        elif self._child is None:
            self._waiting.append(number)
        elif not typed:  # what was typed the command has had from the terminal
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        if self._child is not None:
            try:
                os.kill(self._child, number)
            except (ProcessLookupError, PermissionError):
                return  # it ended, or it became another user's, who decides


def _start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the command, as execvp(3) would: a file without ``#!`` is a script of the shell's.

    It inherits what the guard was given (a job server's pipes, say) and nothing of the guard's
    own: every descriptor that Python or SQLite opens is closed by exec, the journal's lock too.
    """
    try:
        return subprocess.Popen(list(argv), close_fds=False)  # noqa: S603 - it is the user's command
    except OSError as error:
        found = shutil.which(argv[0])
        if error.errno != errno.ENOEXEC or found is None:
            raise
        command = ["/bin/sh", found, *argv[1:]]
        return subprocess.Popen(command, close_fds=False)  # noqa: S603 - as above


def _sentence(command: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        hint = "give a command on the PATH, or a path"
        if shutil.which(command):
            hint = "the interpreter that its first line names is missing"
        return f"{command}: no such command: {hint}"
    return f"{command}: cannot be run: {os.strerror(error.errno or 0)}"


def _in_foreground() -> bool:
    """Whether this process group is the one that its terminal sends typed signals to."""
    try:
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
