"""How one trip of a cycle ended: what the guard said, what the truth found, and what that is."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.schedule.ledger import LedgerEntry
from harness.guard.protocol import GuardResult
from harness.outcomes import Outcome
from harness.results.records import CycleRecord
from harness.steps import Failure
from harness.truth import Judgement


@dataclass(frozen=True, slots=True)
class Ending:
    """One trip, when the truth has judged it and the baseline is back."""

    result: GuardResult
    judgement: Judgement
    outcome: Outcome
    undone: tuple[Failure, ...]  # the tests' own calls that failed
    served: bool | None  # whether a backend still showed the baseline; None: nobody can be asked
    faults: tuple[LedgerEntry, ...]


def outcome_of(
    result: GuardResult, judgement: Judgement, demands: str, *, intact: bool, served: bool | None
) -> Outcome:
    """Return the outcome: the truth decides, the guard's word only names the kind of failure.

    Args:
        result: what the guard said.
        judgement: what the truth found.
        demands: the grade of clean: "rows" or "exact".
        intact: whether nothing of the baseline is lost from the database, or a backup that is the
            baseline is at hand.
        served: whether a backend still showed the baseline; None where nobody can be asked.
    """
    clean = judgement.exact if demands == "exact" else judgement.rows
    if not clean and judgement.lost and not intact:
        return "baseline_lost"
    if result.ended == "refused":
        # no test was run: that the database is as it was is looked at, down to its sequences
        return "refused" if judgement.exact and served is not False else "dirty_known"
    if not result.says_clean:
        return "dirty_known"
    # what people get to see counts: a clean file behind a stale backend is not clean
    if not clean or served is False:
        return "dirty_silent"
    return "restored" if result.ended == "restored" else "cleaned"


def note(record: CycleRecord, ending: Ending, demands: str) -> None:
    """Write into ``record`` what is kept of an ending."""
    result, judgement = ending.result, ending.judgement
    record.outcome, record.faults = ending.outcome, ending.faults
    record.rows, record.exact = judgement.rows, judgement.exact
    record.says_clean = result.says_clean
    record.cleanup_ok = None if result.report is None else result.report.ok
    record.restored_by = result.restored_by
    record.left_behind = len(judgement.left_behind)
    record.backup_bytes = result.backup_bytes
    if record.outcome in ("cleaned", "restored"):
        return
    clean = judgement.exact if demands == "exact" else judgement.rows
    if ending.served is False and result.says_clean and clean:
        record.detail = "the file is the baseline, but the backend serves something else"
    failures = (
        f"{failure.step.operation}: {failure.error}"
        for failure in (*ending.undone, *result.failures)
    )
    why = [*judgement.differences, *failures]
    record.detail = "; ".join(([record.detail] if record.detail else []) + why)[:2000]
