"""A command line of the user's own, given to the shell as they type it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import CommandFailed, MeasurementError
from harness.processes.actions import Action, Connect, Part
from harness.processes.context import Context
from harness.processes.launcher import SHARED
from harness.processes.terms import Ended

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # what a shell says of a command that it cannot run
_LAST_LINES = 3  # of the output, in the sentence
_LINE = 200  # characters of each


@dataclass(frozen=True)
class Command(Action):
    """A command line for ``/bin/sh -c``; what it leaves running is ended, and noted."""

    line: str
    home: Path  # the folder of the experiment's file, where it is run
    timeout_s: float

    @property
    def operations(self) -> tuple[str, ...]:
        """It is one operation, whatever it does."""
        return ("command",)

    @property
    def is_process(self) -> bool:
        """It can be killed and limited from outside."""
        return True

    def parts(self, context: Context, connect: Connect) -> Iterator[Part]:
        """Give the one run."""
        yield Part("command", lambda: self.run(context))

    def run(self, context: Context) -> Ended:
        """Run it.

        Raises:
            CommandFailed: it did not end with status 0, in time.
            MeasurementError: nothing could be run at all.
        """
        terms = context.terms
        terms.ended = None
        try:
            terms.ended = ended = SHARED.run(
                self.line,
                folder=self.home.absolute(),
                environment=context.environment(),
                timeout_s=self.timeout_s,
                terms=terms,
            )
        except MeasurementError as error:
            terms.error = error  # whoever called may take this for a failure of the command
            raise
        if ended.left:
            names = ", ".join(ended.left)
            some = "1 process" if len(ended.left) == 1 else f"{len(ended.left)} processes"
            terms.notes.append(f"{self.line}: left {some} running: {names}; ended")
        reason = self._reason(ended)
        if reason:
            terms.outputs.append(ended.output)
            raise CommandFailed(
                f"{self.line}: {self._sentence(ended, reason)}", reason=reason, status=ended.status
            )
        return ended

    def _reason(self, ended: Ended) -> str:
        if ended.timed_out:
            return "timed out"
        if ended.status < 0:
            return f"killed by {_signal_name(-ended.status)}"
        return f"exit status {ended.status}" if ended.status else ""

    def _sentence(self, ended: Ended, reason: str) -> str:
        if ended.timed_out:
            reason = f"timed out after {self.timeout_s:g} s; project.timeout_s gives it longer"
        elif ended.status == NOT_FOUND:
            reason += f" (no such command): give one on the PATH, or a path from {self.home}"
        elif ended.status == NOT_EXECUTABLE:
            reason += " (cannot be run): is the file executable?"
        last = last_lines(ended.output)
        return f"{reason}; it said: {last}" if last else reason


def last_lines(output: str) -> str:
    """Give the end of a command's output in one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " | ".join(line[:_LINE] for line in lines[-_LAST_LINES:])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"


__all__ = ["NOT_EXECUTABLE", "NOT_FOUND", "Command", "last_lines"]
