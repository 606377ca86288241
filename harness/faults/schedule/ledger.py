"""The ledger: of each planned fault, whether it fired, with evidence, and what came of it."""

from __future__ import annotations

from typing import NamedTuple


class LedgerEntry(NamedTuple):
    """One planned fault of one cycle, and what became of it."""

    kind: str  # the fault's name
    phase: str
    operation: str
    attempt: int
    lasting: str  # attempt, phase or cycle
    fired: bool
    surfaced: bool  # an attempt failed because of it; fired and not surfaced is masked
    evidence: str  # what the kernel, the socket or the database said; empty when it never fired
