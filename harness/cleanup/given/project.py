"""Cleanup by the user's own code in an experiment: SQL, a function of theirs, or a command.

What it models: the cleanup people have, as it is. Nothing is added to it: only what is SQL is
tried again after a lock, as its application would; a function and a command have retries of their
own, or none. It is believed: a function that returns, a command that ends with status 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.cleanup import Cleanup, CleanupReport, Connect
from harness.processes.actions import Action
from harness.processes.context import Context
from harness.retry import Retry
from harness.steps import Entity, Listener


class OwnCleanup(Cleanup):
    """Run an action of the user's own.

    Args:
        action: what to do.
        context: gives the cycle that is being run.
    """

    name = "own"
    contract = "Runs the project's own cleanup and believes it."

    def __init__(self, action: Action, context: Callable[[], Context]) -> None:
        self._action, self._context = action, context

    def clean(
        self,
        database: Path,
        entities: Sequence[Entity],
        *,
        connect: Connect,
        retry: Retry,
        listener: Listener,
    ) -> CleanupReport:
        """Do every part, also after one has failed; each that failed stands in the report."""
        report = CleanupReport()
        patience = retry if self._action.attempts else Retry(attempts=1)
        for part in self._action.parts(self._context(), connect):
            try:
                patience.run(
                    "cleanup",
                    part.operation,
                    part.run,
                    worth=self._action.worth,
                    listener=listener,
                    failures=report.failures,
                )
            except Exception:  # noqa: BLE001 - Retry has kept it; what can still go must go
                report.failed.append((Entity(part.operation, ()), report.failures[-1]))
        return report


__all__ = ["OwnCleanup"]
