"""The command that is guarded: its streams, its signals and its status, as without a guard.

A guard that dies takes its command along where the system can do that (Linux), by SIGTERM; which
process it was is announced before it becomes the command.

The command stays in the guard's process group, so that whatever a terminal sends reaches both and
stopping and going on work as in any shell. Signals are held from before the backup until after the
last verification: while the command runs they are passed on and it decides what they mean; before
and after it they wait, because a guard that ended there would leave its work undone.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from harness.guard.result import GUARD_FAILED

NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 126, 127, 128

# What ends a command that says nothing else; before the command runs it is not started any more.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_TYPED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)  # at a terminal, sent to the whole group
_PR_SET_PDEATHSIG = 1
_POLL_S = 0.02
_HELD = (*_ENDING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP)


Announce = Callable[[int], None]


class _NotAnnouncedError(Exception):
    """The command was about to be started, and nobody could be told."""


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

    def run(self, argv: Sequence[str], announce: Announce = lambda pid: None) -> Ended:
        """Run ``argv`` with this process's own streams and wait until it has ended.

        ``announce`` is told the process id by that process itself, just before it becomes the
        command; raises it OSError, the command is not run. So nothing ever runs unannounced.
        """
        if self.told_to_end:
            return Ended(
                SIGNALLED + self.told_to_end,
                f"told to end by {signal.Signals(self.told_to_end).name} before "
                f"{argv[0]} was started: it was not run",
            )
        try:
            child = _start(argv, announce)
        except _NotAnnouncedError as error:
            return Ended(
                GUARD_FAILED, f"{argv[0]} was not started: its start could not be noted: {error}"
            )
        except FileNotFoundError as error:
            return Ended(NOT_FOUND, _sentence(argv[0], error))
        except OSError as error:
            return Ended(NOT_EXECUTABLE, _sentence(argv[0], error))
        self._child = child.pid
        while self._waiting:
            self._pass_on(self._waiting.pop(0))
        status = self._wait(child)
        return Ended(SIGNALLED - status if status < 0 else status)

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        """Wait for its end. Once it is collected its number is anybody's, and sent nothing."""
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            self._child = None
            return child.wait()
        while True:  # macOS before Python 3.13
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
            try:
                status = child.poll()
                if status is not None:
                    self._child = None
                    return status
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            time.sleep(_POLL_S)

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


def _start(argv: Sequence[str], announce: Announce) -> subprocess.Popen[bytes]:
    """Start the command, as execvp(3) would: a file without ``#!`` is a script of the shell's.

    It inherits what the guard was given (a job server's pipes, say) and nothing of the guard's
    own: every descriptor that Python or SQLite opens is closed by exec, the journal's lock too.
    """
    try:
        return _spawn(list(argv), announce)
    except OSError as error:
        import shutil  # noqa: PLC0415 - of what is no program alone

        script = shutil.which(argv[0])
        if error.errno != errno.ENOEXEC or script is None:
            raise
        return _spawn(["/bin/sh", script, *argv[1:]], announce)


def _spawn(argv: list[str], announce: Announce) -> subprocess.Popen[bytes]:
    """Fork, tie the new process to this one, announce it, and let it become the command.

    What is sent to the whole group meanwhile waits until the command can decide about it.
    """
    guard, tie = os.getpid(), _tie()
    reader, writer = os.pipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)

    def prepare() -> None:  # in the new process
        for number in _HELD:  # exec does that too, but here nobody acts on our handlers any more
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        tie()
        if os.getppid() != guard:  # it died before the tie was there
            os._exit(GUARD_FAILED)
        try:
            announce(os.getpid())
        except OSError as error:
            os.write(writer, str(error).encode(errors="replace"))
            raise
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    try:
        # close_fds: what this process was given is the command's; S603: the user's own command
        return subprocess.Popen(argv, close_fds=False, preexec_fn=prepare)  # noqa: S603, PLW1509 - the guard runs no other threads
    except subprocess.SubprocessError as error:
        os.set_blocking(reader, False)
        why = b""
        with suppress(BlockingIOError):  # it had not even come to the announcement
            why = os.read(reader, 4096)
        raise _NotAnnouncedError(why.decode(errors="replace") or str(error)) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(reader)
        os.close(writer)


def _tie() -> Callable[[], object]:
    """Give what asks the kernel for SIGTERM when the parent dies, prctl(2); elsewhere nothing.

    It is bound to the thread that forked, which waits for the command. A set-uid command is not
    tied, nor is what a command starts in its turn: for these the journal has to do.
    """
    if sys.platform == "linux":
        with suppress(ImportError, OSError, AttributeError):
            # here, not at the top: most verbs need none of it
            prctl = importlib.import_module("ctypes").CDLL(None).prctl
            return lambda: prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    return lambda: None


def _sentence(command: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        import shutil  # noqa: PLC0415 - as above

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
