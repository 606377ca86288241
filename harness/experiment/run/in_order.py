"""Stopping early: cycles are judged in order of their number, and no others are stored."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.experiment.written.claimed import Claim
from harness.log import Log
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results.records import CycleRecord
from harness.results.store import Store
from harness.results.texts import Texts
from harness.statistics.outlook import fewest_to_decide
from harness.statistics.sequential import UNREACHABLE, Sequential

_LOG = Log("run.decided")

if TYPE_CHECKING:
    from harness.experiment.written.configuration import Condition
    from harness.results.columns import Columns

AT_ONCE = 500  # stored cycles that are read together
_AS_IT_IS = ("cycle", "rows", "exact", "says_clean", "left_behind", "backup_bytes",
             "payload_bytes", "grown_bytes")  # fmt: skip


class InOrder:
    """Lets records through in order of cycle number, up to the cycle that decides.

    For stopping early: slow cycles are often the failing ones, so the order in which cycles end
    must decide nothing. ``decided`` once every claim is, each by the same measure and at the same
    confidence as in the verdict that is given in the end; after a harness error, or a step that
    should have been timed and was not, nothing is, nor before every fault that is to strike has
    fired: what never fired would be a harness error in the end. Cycles with a set number of faults
    decide nothing one by one.

    Args:
        store: what an earlier run has stored may decide already.
        condition: whose cycles are judged.
        claims: about it, its own and those of rows. Those of 100% are never decided but by a
            failure, so no run waits for them.
        confidence: of each verdict.
        least: cycles that are let through however soon all is decided.
        allowed: cycles from this number on decide nothing yet, stored or not: see ``allow``.
    """

    def __init__(
        self,
        store: Store,
        condition: Condition,
        claims: Sequence[Claim],
        confidence: float,
        *,
        least: int = 0,
        allowed: int = sys.maxsize,
    ) -> None:
        self._store, self._condition = store, condition
        self._least, self._allowed = least, allowed
        self._running = [_Running(claim, confidence) for claim in claims if claim.shares_error]
        self._waiting: dict[int, CycleRecord] = {}
        self._stored = store.done(condition.name)
        self._next = 0
        self.decided = False
        self._clean = condition.strata is None and bool(self._running)
        self._to_fire = set(condition.kinds())
        self.take([])

    @property
    def cycles(self) -> int:
        """Return how many cycles have had their turn."""
        return self._next

    def allow(self, cycles: int) -> None:
        """Let the cycles before number ``cycles`` decide: those that are stored do at once."""
        self._allowed = cycles
        self.take([])

    def needed(self) -> int:
        """Return the fewest further cycles that may well decide one more claim.

        0 once all is decided, `UNREACHABLE` where nothing can be any more. An outlook, and so no
        verdict, from what had its turn alone: it does not depend on workers or resuming.
        """
        if self.decided:
            return 0
        if not self._clean:
            return UNREACHABLE
        needed = [claim.needed(self._next) for claim in self._running if not claim.decided]
        # all is decided, and only a fault has not struck yet: as often again will do, or never
        return min(needed, default=max(1, self._next))

    def take(self, records: Iterable[CycleRecord]) -> list[CycleRecord]:
        """Take records in any order; return those whose turn has come, none past the decision."""
        self._waiting.update((record.cycle, record) for record in records)
        passed: list[CycleRecord] = []
        while not self.decided and (turn := self._turn()):
            judged = self._judge([record for record, _ in turn])
            passed += [record for record, new in turn[:judged] if new]
            self._next += judged
        return passed

    def _turn(self) -> list[tuple[CycleRecord, bool]]:
        """Return the records whose turn it is, as far as they are here, and which are new."""
        turn: list[tuple[CycleRecord, bool]] = []
        while len(turn) < min(AT_ONCE, self._allowed - self._next):
            cycle = self._next + len(turn)
            record = self._waiting.pop(cycle, None)
            new = record is not None
            if record is None and any(cycle in cycles for cycles in self._stored):
                record = self._store.record(self._condition.name, cycle)
            if record is None:
                break
            turn.append((record, new))
        return turn

    def _judge(self, records: list[CycleRecord]) -> int:
        """Judge cycles one by one up to the one that decides; return how many that were."""
        if not self._running:
            return len(records)
        tried = self._tried(records)
        for done, record in enumerate(records, 1):
            self._clean = self._clean and record.outcome != "harness_error"
            self._to_fire.difference_update(entry.kind for entry in record.faults if entry.fired)
            for running, (counts, failed, untimed) in zip(self._running, tried, strict=True):
                self._clean = self._clean and not untimed[done - 1]
                if counts[done - 1]:
                    running.add(failed[done - 1])
            decided = all(claim.decided for claim in self._running)
            enough = self._next + done >= self._least
            if self._clean and decided and enough and not self._to_fire:
                self.decided = True
                _LOG.info("%s is decided at cycle %d", self._condition.name, self._next + done)
                return done
        return len(records)

    def _tried(self, records: list[CycleRecord]) -> list[tuple[list[bool], ...]]:
        """Return of each claim which cycles count, which failed, and which lack a timing."""
        from harness.analysis import judging, measures  # noqa: PLC0415 - only for claims

        stated = self._condition.model_dump(mode="json")
        evidence = judging.evidence_of(stated, in_columns(records), confidence=0.95, struck={})
        tried: list[tuple[list[bool], ...]] = []
        for claim in (running.claim for running in self._running):
            found = measures.trials(claim.measure, claim.limit_ms, evidence)
            untimed = measures.untimed(claim.measure, evidence).tolist()
            none = [False] * len(records)
            counted = none if isinstance(found, str) else found.counted.tolist()
            failed = none if isinstance(found, str) else found.failed.tolist()
            tried.append((counted, failed, untimed))
        return tried


class _Running:
    """A claim under way; a cycle spoils the run before it is one of these."""

    def __init__(self, claim: Claim, confidence: float) -> None:
        from harness.analysis.verdict import confidence_of_side  # noqa: PLC0415 - only for claims

        each = confidence_of_side(claim, confidence)
        self.claim = claim
        self._least = Sequential(claim.at_least, each)
        self._most = None if claim.at_most is None else Sequential(claim.not_failing, each)

    def needed(self, cycles: int) -> int:
        """Return the fewest further cycles, of which ``cycles`` so far, that may decide it.

        Of two bounds the one that takes more. Where only some of the cycles count, as many as hold
        enough of them.
        """
        bounds = [bound for bound in (self._least, self._most) if bound is not None]
        most = max(
            fewest_to_decide(bound.failures, bound.cycles, bound.claim, bound.confidence)
            for bound in bounds
            if bound.decision.decided_at is None
        )
        counted = max(self._least.cycles, 1) / max(cycles, 1)
        return most if most >= UNREACHABLE else math.ceil(most / counted)

    def add(self, failed: bool) -> None:
        """Take one more cycle."""
        self._least.add(failed)
        if self._most is not None:
            self._most.add(not failed)

    @property
    def decided(self) -> bool:
        """Whether there is a verdict."""
        from harness.analysis.verdict import settled  # noqa: PLC0415 - only for claims

        bounds = [bound for bound in (self._least, self._most) if bound is not None]
        return settled([bound.decision for bound in bounds]).decided_at is not None


def in_columns(records: Sequence[CycleRecord]) -> Columns:
    """Return records as Results.columns would once they are stored, but for faults and detail."""
    columns: dict[str, Any] = {
        name: np.array([getattr(record, name) for record in records]) for name in _AS_IT_IS
    }
    columns["outcome"] = np.array(
        [OUTCOMES.index(record.outcome) for record in records], dtype=np.int8
    )
    for name in ("cleanup_ok", "shadow_ok"):
        flags = [getattr(record, name) for record in records]
        columns[name] = np.array(
            [-1 if word is None else int(word) for word in flags], dtype=np.int8
        )
    columns["restored_by"] = Texts.of(record.restored_by for record in records)
    for phase in TIMINGS:
        columns[f"{phase}_ms"] = _stored_ms(record.timings_ms.get(phase) for record in records)
        columns[f"{phase}_cpu_ms"] = _stored_ms(record.cpu_ms.get(phase) for record in records)
    return columns


def _stored_ms(timings_ms: Iterable[float | None]) -> NDArray[np.float64]:
    """Return timings to the microsecond, as they are stored; nan where there is none."""
    return np.array([math.nan if ms is None else round(ms * 1000) / 1000 for ms in timings_ms])
