"""Cleanup by the user's own command: the script a team already has, run by the shell.

What it models: `npm run cleanup`, `manage.py flush_test_data`: only its exit status is known. The
command is told where the database is by DATABASE_PATH and HARNESS_DATABASE, and its output goes
where the guard's own goes. It survives commands that hang: after ``timeout_s`` the whole process
group is killed, so that nothing of it writes while verification reads. A command that leaves
processes of its own behind and ends is believed; verification is not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.cleanup import Cleanup, CleanupReport, Connect
from harness.databases.errors import describe
from harness.errors import UsageError
from harness.retry import Retry
from harness.steps import Entity, Failure, Listener, Step

_GRACE_S = 2.0  # between asking a command that ran out of time to end and ending it


class CommandCleanup(Cleanup):
    """Run a command line that deletes the test data.

    Args:
        command_line: what the shell is given.
        timeout_s: after so long the command and all it started are killed.
        folder: where it runs; None: where the guard does.
    """

    name = "command"
    contract = "Runs the user's own command once and believes its exit status."

    def __init__(
        self, command_line: str = "", timeout_s: float = 600, *, folder: Path | None = None
    ) -> None:
        if "\0" in command_line:
            raise UsageError(f"the cleanup command {command_line!r} holds a NUL: leave it out")
        if not timeout_s > 0:  # also of NaN
            raise UsageError(f"the cleanup's timeout_s is {timeout_s!r}: give more than 0")
        self._command_line = command_line
        self._timeout_s = timeout_s
        self._folder = folder

    def clean(
        self,
        database: Path,
        entities: Sequence[Entity],
        *,
        connect: Connect,
        retry: Retry,
        listener: Listener,
    ) -> CleanupReport:
        """Run the command once; whatever is not status 0 is one failure of everything.

        Raises:
            UsageError: there is no command.
        """
        if not self._command_line.strip():
            raise UsageError("the cleanup has no command to run: give one, as --cleanup COMMAND")
        step = Step("cleanup", self.name, 1)  # twice might delete twice: its retries are its own
        listener(step)
        where = os.path.abspath(database)
        environment = os.environ | {"DATABASE_PATH": where, "HARNESS_DATABASE": where}
        try:
            reason, code = self._run(environment), 0
        except OSError as error:  # no shell, no process to be had, too long a line
            reason, code = describe(error)
        if not reason:
            return CleanupReport()
        by_hand = f"run it by hand{self._there()} with DATABASE_PATH={where}"
        text = f"{self._command_line}: {reason}; {by_hand}"
        failure = Failure(step, reason, text, code)
        return CleanupReport(failed=[(Entity("everything", ()), failure)], failures=[failure])

    def _there(self) -> str:
        return f" in {self._folder}" if self._folder else ""

    def _run(self, environment: dict[str, str]) -> str:
        """Run the command; return why it failed, nothing when it did not."""
        # a group of its own, so that all of it can be ended, whoever it started; and no terminal,
        # which would stop a background group that touches it
        process = subprocess.Popen(  # noqa: S602 - a command line of the user's own, as they type it
            self._command_line,
            shell=True,
            env=environment,
            cwd=self._folder,
            start_new_session=True,
        )
        try:
            status = process.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            return "timed out"
        except BaseException:  # the guard was interrupted: its cleanup must not go on without it
            _end(process)
            raise
        if status < 0:
            return f"killed by {_signal_name(-status)}"
        return f"exit status {status}" if status else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole group to end, then end what is left of it.

    Its first process is collected last: until then the group's number is nobody else's.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    ends = time.monotonic() + _GRACE_S
    while time.monotonic() < ends and not _has_ended(process.pid):
        time.sleep(0.01)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _has_ended(pid: int) -> bool:
    """Look without collecting (WNOWAIT), which would give the number free."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13: wait for as long as it is given
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # an interrupted wait has collected it already
        return True


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"


__all__ = ["CommandCleanup"]
