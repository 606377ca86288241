"""What is kept of one cycle."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from harness.faults.schedule.ledger import LedgerEntry
from harness.outcomes import Outcome


@dataclass(slots=True)
class CycleRecord:
    """One cycle as it is stored."""

    condition: str
    cycle: int
    outcome: Outcome
    rows: bool = False  # the truth at grade rows
    exact: bool = False  # the truth at grade exact
    says_clean: bool = False  # the guard's own word
    cleanup_ok: bool | None = None  # the cleanup's own word; None when none ran
    restored_by: str | None = None  # the recovery that put the baseline back
    left_behind: int = 0  # files beside the database that should not be there
    backup_bytes: int = 0
    payload_bytes: int = 0  # bytes of the values the test data wrote
    grown_bytes: int = 0  # growth of the database file, the -wal folded in, by the test data
    timings_ms: dict[str, float] = field(default_factory=dict)  # keys: TIMINGS that took place
    cpu_ms: dict[str, float] = field(default_factory=dict)  # likewise, what of it was computing
    faults: tuple[LedgerEntry, ...] = ()
    detail: str = ""  # why, when it is not cleaned or restored; JSON-free plain text
    story: str = ""  # JSON as harness.experiment.cycle.story tells it; empty where none is kept
    # whether a restore forced on the same cycle brought the baseline back; None: none was forced
    shadow_ok: bool | None = None

    def untimed(self) -> CycleRecord:
        """Return it without its timings: all that is the same whenever the cycle is run."""
        return replace(self, timings_ms={}, cpu_ms={})
