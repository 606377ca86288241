"""How one guarded run ended, by the guard's own word."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from harness.cleanup import CleanupReport
from harness.databases import Differences
from harness.databases.engine import Address
from harness.steps import Failure

Kept = Path | Address  # where an engine keeps a whole database: a file, or a database beside it
GUARD_FAILED = 125  # the status to exit with: the database is not proven back
UNKNOWN = Differences(unread={"the database": "could not be verified"})
GONE = Differences(unread={"the database": "it is gone"})


class Survivor(NamedTuple):
    """A process that the tests have started and that lives when the guard has finished."""

    pid: int
    name: str  # its number and its command line, for people
    has_it_open: bool  # the database


@dataclass(slots=True)
class GuardResult:
    """What was done, what of it failed, and what the guard says of the database."""

    ended: Literal["cleaned", "restored", "dirty", "refused"] = "dirty"
    report: CleanupReport | None = None  # what the cleanup said; None when none ran
    found: Differences | None = None  # by verification after cleanup; None when nobody looked
    remaining: Differences | None = None  # by verification after the last restore
    restored_by: str | None = None
    failures: list[Failure] = field(default_factory=list)  # every failed attempt of any step
    timings_ms: dict[str, float] = field(default_factory=dict)  # by phase
    cpu_ms: dict[str, float] = field(default_factory=dict)  # of it the processor's, likewise
    backup_bytes: int = 0  # size of the first backup file; 0 when the backup is no file
    undisposed: bool = False  # a backup could not be removed
    lost: bool = False  # not clean, and no backup is what was captured any more
    archive: Kept | None = None  # what the restore threw away
    unprotected: str = ""  # why nothing is kept out of the tests' reach; empty when it is
    recovered: str | None = None  # a sentence about what a killed guard had left
    backed_up_by: tuple[str, ...] = ()  # the recoveries of the chain that hold a backup
    survivors: tuple[Survivor, ...] = ()  # of the tests
    absent: bool = False  # the baseline is that there is no database
    own_settings: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    # what the guard's own fixtures have set and not put back yet: name -> (baseline, now)

    def ended_elsewhere(self, other: GuardResult) -> None:
        """Take over how another process has ended what was begun here."""
        self.ended, self.found, self.remaining = other.ended, other.found, other.remaining
        self.restored_by, self.archive = other.restored_by, other.archive
        self.failures += other.failures

    @property
    def says_clean(self) -> bool:
        """Whether the guard says that the database is its baseline."""
        return self.ended in ("cleaned", "restored")
