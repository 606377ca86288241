"""The errors this package raises on purpose.

* HarnessError
  x UsageError                 what was asked for cannot be done as asked (exit 2)
    · ConfigurationError       an experiment file: names the file, the key, the nearest valid choice
    · UnknownName              a fault, recovery, cleanup, workload or report nobody knows
  x BackupError                no backup could be taken; the tests were never started
  x RecoveryRefused            this recovery cannot work on this database (says what it needs)
  x RestoreError               the baseline could not be put back
  x WorkloadError              a baseline or test data could not be made as asked
  x MeasurementError           the instrument failed: never a success, never dropped (exit 4)
"""

from __future__ import annotations


class HarnessError(Exception):
    """Everything this package raises on purpose; the message says what, where and what next."""

    exit_code = 1


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


class MeasurementError(HarnessError):
    """The measuring instrument failed; the cycle counts as a harness error."""

    exit_code = 4
