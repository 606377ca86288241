"""What of a guard can be set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.cleanup import Cleanup, Connect
from harness.databases import Grade
from harness.guard.policy import POLICIES, Policy
from harness.guard.survivors import Survivors
from harness.retry import Retry
from harness.steps import Listener, nobody
from harness.system.files import Files


@dataclass(frozen=True)
class Options:
    """How a database is guarded.

    ``archives``: before a restore, what it will throw away is kept beside the database; where that
    cannot be done nothing is restored, and the guard says so. ``recovers``: what a killed guard
    left is brought back first; whoever has done that already says False. ``survivors``: what knows
    the processes that the tests start; None: nobody looks after them.
    """

    policy: str | Policy = "hybrid_verified"
    recoveries: Sequence[str] = ()  # in the order they are tried; (): those of the engine
    cleanup: Cleanup | None = None
    grade: Grade = "exact"
    retry: Retry = field(default_factory=Retry)
    busy_timeout_ms: int = 1000
    connect: Connect | None = None  # opens the cleanup's connections; None: the engine does
    files: Files | None = None  # the file operations; None: the system's
    vfs: str | None = None  # SQLite VFS of the recoveries' connections; None: the default
    listener: Listener = nobody
    archives: bool = False
    state: Path | None = None  # the folder of second names; None is this user's own
    recovers: bool = True
    names_lockers: bool = False  # where a lock is in the way, say who has it: that takes a moment
    survivors: Survivors | None = None

    @property
    def when(self) -> Policy:
        """The policy itself."""
        return POLICIES[self.policy] if isinstance(self.policy, str) else self.policy
