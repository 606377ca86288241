"""The verdict on each claim of a run, and the exit status that says so to a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import MeasurementError, UsageError
from harness.experiment.configuration import Claim, Condition, Experiment, parse_claim
from harness.experiment.records import CycleRecord
from harness.experiment.store import Store
from harness.statistics.sequential import Sequential

if TYPE_CHECKING:
    from harness.analysis.claims import Judged

METHOD = "truncated-beta mixture e-process"
REFUTED, UNDECIDED, HARNESS_ERROR = 1, 3, 4

NO_DATA = "in no cycle did the tests make all their data"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the stored cycles prove of one claim about one condition."""

    condition: str
    claim: Claim | None  # None: nothing is claimed, only ``doubts`` count
    judged: Judged | None  # None where nothing is claimed
    failures: int
    cycles: int
    doubts: tuple[str, ...]  # why nothing can be supported: harness errors, gaps

    @property
    def exit_code(self) -> int:
        """0 supported, 1 refuted, 3 undecided, 4 where the instrument is in doubt."""
        if self.doubts:
            return HARNESS_ERROR
        if self.judged is None or self.judged.verdict == "supported":
            return 0
        return REFUTED if self.judged.verdict == "refuted" else UNDECIDED

    def sentence(self) -> str:
        """One line for people."""
        if self.judged is None:
            return f"{self.condition}: {'; '.join(self.doubts) or 'nothing claimed'}"
        at = f" at cycle {self.judged.decided_at:,}" if self.judged.decided_at else ""
        interval = self.judged.interval
        words = [
            f"{self.condition}: {self.claim}: {self.judged.verdict}{at} ({METHOD})",
            f"{self.failures:,} failures in {self.cycles:,} cycles",
            *self.doubts,
        ]
        if self.cycles:
            bounds = f"[{interval.lower:.4%}, {interval.upper:.4%}]"
            words.insert(2, f"Clopper-Pearson {bounds} at {interval.confidence:.4g}")
        return "; ".join(words)


def failed(measure: str, outcome: str) -> bool:
    """Whether a cycle with this outcome failed by this measure; a harness error is no success."""
    if measure == "data_safety":
        return outcome in ("baseline_lost", "harness_error")
    return outcome not in ("cleaned", "restored")


def verdict(store: Store, condition: Condition, claim: Claim | None, confidence: float) -> Verdict:
    """Judge one claim by the stored cycles, in order of cycle number.

    Nothing is supported where there is a harness error, a fault that never fired, or a missing
    cycle: what is missing may be what failed.
    """
    outcomes = Counter(store.outcomes(condition.name))
    fired = store.fired(condition.name)
    never = [kind for kind in condition.kinds() if not fired[kind]]
    judged, failures = None, 0
    if claim is not None:
        judged = _judged(store, condition, claim, confidence, never)
        failures = sum(n for outcome, n in outcomes.items() if failed(claim.measure, outcome))
    doubts = tuple(_doubts(store.done(condition.name), outcomes, never))
    if condition.connection == "backend" and outcomes and not store.made_data(condition.name):
        doubts += (NO_DATA,)  # whatever is clean then, it is not because of any cleanup
    return Verdict(condition.name, claim, judged, failures, outcomes.total(), doubts)


def _judged(
    store: Store, condition: Condition, claim: Claim, confidence: float, never: list[str]
) -> Judged:
    from harness.analysis.claims import MEASURES, Evidence, judge  # noqa: PLC0415 - pandas: slow to import
    from harness.analysis.results import Results  # noqa: PLC0415 - the same

    evidence = Evidence(
        Results(store.folder).cycles(condition.name),
        demands=condition.demands,
        recoveries=condition.recoveries,
        size_bytes=condition.workload.size_bytes,
        not_fired=never,
        confidence=confidence,
        over_http=condition.connection == "backend",
    )
    trials = MEASURES[claim.measure](evidence, {})
    if isinstance(trials, str):
        raise MeasurementError(f"{condition.name}: {claim}: {trials}")
    return judge(trials, evidence, claim.at_least)


def verdicts(store: Store, experiment: Experiment) -> list[Verdict]:
    """Judge every claim of every condition; a condition without one is only doubted."""
    judged: list[Verdict] = []
    for condition in experiment.conditions:
        claims: list[Claim | None] = [parse_claim(text) for text in condition.claims]
        judged += [verdict(store, condition, c, experiment.confidence) for c in claims or [None]]
    return judged


def exit_code(judged: Iterable[Verdict]) -> int:
    """4 when the instrument is in doubt, else 1 when any claim is refuted, 3 undecided, else 0."""
    codes = {one.exit_code for one in judged}
    return next((code for code in (HARNESS_ERROR, REFUTED, UNDECIDED) if code in codes), 0)


def check(
    folder: Path,
    *,
    claim: str | None = None,
    condition: str | None = None,
    confidence: float | None = None,
) -> list[Verdict]:
    """Judge a stored run: its own claims, or ``claim`` about every condition or the one named.

    UsageError when there is nothing to judge: no such condition, no claim, no results.
    """
    store = Store(folder)
    try:
        experiment = Experiment.from_json(store.run["experiment"])
        if confidence is None:
            confidence = experiment.confidence
        elif not 0 < confidence < 1:
            raise UsageError(f"--confidence {confidence:g}: must lie between 0 and 1")
        chosen = [experiment.condition(condition)] if condition else list(experiment.conditions)
        given = [parse_claim(claim)] if claim else []
        judged = [
            verdict(store, one, stated, confidence)
            for one in chosen
            for stated in given or [parse_claim(text) for text in one.claims]
        ]
    finally:
        store.close()
    if not judged:
        raise UsageError(f'{folder}: nothing is claimed here; say --claim "reliability >= 0.999"')
    return judged


class InOrder:
    """Lets records through in order of cycle number, up to the cycle that decides.

    For stopping early: slow cycles are often the failing ones, so the order in which cycles end
    must decide nothing. ``decided`` once every claim is; after a harness error nothing is.
    """

    def __init__(self, store: Store, condition: Condition, confidence: float) -> None:
        self._store, self._condition = store, condition.name
        claims = [parse_claim(text) for text in condition.claims]
        self._running = [(claim, Sequential(claim.at_least, confidence)) for claim in claims]
        self._waiting: dict[int, CycleRecord] = {}
        self._stored = store.done(condition.name)
        self._next = 0
        self.decided = False
        self._clean = True
        self.take([])  # what an earlier run has stored may decide already

    def take(self, records: Iterable[CycleRecord]) -> list[CycleRecord]:
        """Take records in any order; return those whose turn has come, none past the decision."""
        self._waiting.update((record.cycle, record) for record in records)
        passed = []
        while not self.decided:
            record = self._waiting.pop(self._next, None)
            if record is not None:
                passed.append(record)
            elif any(self._next in cycles for cycles in self._stored):
                record = self._store.record(self._condition, self._next)
            if record is None:
                break
            self._next += 1
            self._judge(record.outcome)
        return passed

    def _judge(self, outcome: str) -> None:
        self._clean = self._clean and outcome != "harness_error"
        decisions = [
            running.add(failed(claim.measure, outcome)) for claim, running in self._running
        ]
        self.decided = self._clean and all(one.decided_at is not None for one in decisions)


def _doubts(done: list[range], outcomes: Counter[str], never: list[str]) -> Iterator[str]:
    if not outcomes:
        yield "nothing was measured"
        return
    if errors := outcomes["harness_error"]:
        yield f"{errors:,} harness error{'' if errors == 1 else 's'}"
    if len(done) > 1 or done[0].start > 0:
        yield f"cycle {done[0].stop if done[0].start == 0 else 0:,} is missing"
    if never:
        yield f"never fired, though the rate is above 0: {', '.join(never)}"
