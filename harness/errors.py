"""The errors this package raises on purpose.

::

  * HarnessError
    x UsageError                 what was asked for cannot be done as asked (exit 2)
      · ConfigurationError       an experiment file: names file, key and the nearest choice
      · UnknownName              a fault, recovery, cleanup, workload or report nobody knows
    x BackupError                no backup could be taken; the tests were never started
    x RecoveryRefused            this recovery cannot work on this database (says what it needs)
    x RestoreError               the baseline could not be put back
    x WorkloadError              a baseline or test data could not be made as asked
    x ApiError                   a request to the backend's API failed, or nobody can tell
    x CommandFailed              a command of the user's own failed in a cycle
    x BackendError               the backend could not be started, or died
    x MeasurementError           the instrument failed: never a success, never dropped (exit 4)
"""

from __future__ import annotations

from harness.printable import printable_lines


class HarnessError(Exception):
    """Everything this package raises on purpose; the message says what, where and what next.

    Its text may be printed wherever an error is: by Python, pytest or the log of a CI.
    """

    exit_code = 1

    def __str__(self) -> str:
        """Return the message, ``printable``."""
        return printable_lines(super().__str__())


class UsageError(HarnessError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class ConfigurationError(UsageError):
    """An experiment file that cannot be run as it stands."""


class UnknownName(UsageError):
    """A name that no module of the package and no entry point answers to."""


class BackupError(HarnessError):
    """No recovery of the chain could take a backup."""


class RecoveryRefused(HarnessError):
    """The recovery cannot work on this database as it stands, and has changed nothing."""


class RestoreError(HarnessError):
    """A recovery could not put the baseline back."""


class WorkloadError(HarnessError):
    """A baseline or test data could not be made as asked."""


class ApiError(HarnessError):
    """A request to the backend's API failed.

    Args:
        message: what happened, the server's own words where it had any.
        reason: in people's words: "API timeout", "network error", "permission denied", ...
        status: the HTTP status; 0 when no whole answer came.
        transient: whether another attempt may pass.
        ambiguous: whether the backend may have carried the request out all the same.
        gone: whether the backend itself says that the thing asked for is not there.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        status: int = 0,
        transient: bool = False,
        ambiguous: bool = False,
        gone: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason, self.status = reason, status
        self.transient, self.ambiguous, self.gone = transient, ambiguous, gone


class CommandFailed(HarnessError):
    """A command of the user's own did not end well.

    Args:
        message: what happened, the command's own words where it had any.
        reason: in people's words: "timed out", "exit status 3", "killed by SIGKILL".
        status: the exit status; negative for a signal.
    """

    def __init__(self, message: str, *, reason: str, status: int) -> None:
        super().__init__(message)
        self.reason, self.status = reason, status


class BackendError(HarnessError):
    """The backend could not be started, or died."""


class MeasurementError(HarnessError):
    """The measuring instrument failed; the cycle counts as a harness error."""

    exit_code = 4
