"""A cleanup killed: somebody ends the user's own command, with all it started, half way.

Models what a job's time limit, a closed terminal or the kernel's out-of-memory killer does to a
cleanup script: SIGKILL, which nothing can catch, at some moment of its run
(https://man7.org/linux/man-pages/man7/signal.7.html). The moment is a drawn fraction of the time
that the same cleanup took when it was rehearsed. What it had committed stays, what it had begun is
rolled back by whoever opens the database next.

Strikes the run of a cleanup that is a command. The guard must survive it: by status alone it is
told, and what is left it must find. A command that was done before the moment came was not struck.
"""

from __future__ import annotations

import signal

from harness.faults import CommandFault
from harness.steps import Step


class CleanupKilled(CommandFault):
    """Kill the cleanup's process group at a moment of its run."""

    name = "cleanup_killed"
    contract = "SIGKILL ends the cleanup's command and all it started, at some moment of its run."
    needs = "only a cleanup that is a command can be killed: SQL and functions run in here"
    reasons = frozenset({"killed by SIGKILL"})
    needs_time = True

    def strike(self, step: Step) -> None:
        """Set the moment."""
        terms = self.scene.terms
        if terms.usual_s <= 0:
            raise RuntimeError("how long the cleanup takes was never rehearsed")
        terms.ended = None
        terms.kill_after_s = self.planned.where * terms.usual_s

    def lift(self) -> None:
        """See what came of it."""
        terms = self.scene.terms
        terms.kill_after_s = None
        ended = terms.ended
        if not self.evidence and ended and ended.killed and ended.status == -signal.SIGKILL:
            self.evidence = (
                f"waitpid: killed by SIGKILL after {self.planned.where:.3f} of its usual time"
            )
