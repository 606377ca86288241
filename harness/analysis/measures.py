"""The measures: which cycles of a condition count, and which of those failed.

Everything else is the same for all of them: see `harness.analysis.claims`. Each looks at one cycle
at a time, so that a run can stop at the cycle that decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.columns import Columns
from harness.experiment.records import OUTCOMES, TIMINGS
from harness.statistics.digits import milliseconds
from harness.statistics.timings import quantiles

KEEP_NO_COPY = frozenset({"wal_pin", "none"})  # recoveries whose backup is no second file

Bools = NDArray[np.bool_]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one condition has to say, apart from any one measure."""

    columns: Columns  # as Results.columns gives them, in order of cycle number
    demands: str = "exact"  # the grade of clean that the condition demands
    recoveries: Sequence[str] = ()
    size_bytes: int | None = None  # of the workload's baseline
    not_fired: Sequence[str] = ()  # faults with a rate above 0 that never fired
    confidence: float = 0.95
    over_http: bool = False  # the tests' own calls can fail

    @property
    def cycles(self) -> int:
        """Count the cycles that are stored."""
        return len(self.columns["cycle"])

    @property
    def spoiled(self) -> Bools:
        """Tell the cycles that the instrument spoiled, or whose outcome nobody here knows."""
        return self.ended("harness_error") | (self.columns["outcome"] >= len(OUTCOMES))

    @property
    def harness_errors(self) -> int:
        """Count the cycles that the instrument spoiled."""
        return int(self.spoiled.sum())

    @property
    def unbroken(self) -> int:
        """Count the cycles before the first number that is missing; the first cycle is 0."""
        numbers = self.columns["cycle"]
        broken = np.flatnonzero(numbers != np.arange(len(numbers)))
        return int(broken[0]) if len(broken) else len(numbers)

    def ended(self, *outcomes: str) -> Bools:
        """Tell the cycles with one of these outcomes."""
        codes = [code for code, outcome in enumerate(OUTCOMES) if outcome in outcomes]
        return np.isin(self.columns["outcome"], codes)

    def restored(self) -> Bools:
        """Tell the cycles in which a recovery put the baseline back, as it said."""
        return np.array([one is not None for one in self.columns["restored_by"]], dtype=bool)

    def doubts(self) -> list[str]:
        """Say what keeps this condition from supporting anything, one short sentence each."""
        found = []
        if self.harness_errors:
            found.append(f"harness error in {counted(self.harness_errors, 'cycle')}")
        if self.not_fired:
            found.append(f"harness error: {', '.join(self.not_fired)} never fired")
        if self.over_http and self.cycles and not (self.columns["payload_bytes"] > 0).any():
            found.append("in no cycle did the tests make all their data")
        if self.unbroken < self.cycles:
            found.append(f"cycle {self.unbroken:,} is missing")
        return found


@dataclass(frozen=True, slots=True)
class Trials:
    """The cycles a measure counts, in order of cycle number, and which of them failed."""

    counted: Bools  # one a cycle of the condition
    failed: Bools  # the same shape; read only where counted
    shown: str = ""  # figures that stand beside the share
    doubts: tuple[str, ...] = ()  # what keeps this measure from being supported
    refused: int = 0  # how many of the failures are refusals: no test was run, nothing was touched


NotMeasured = str  # why there is nothing to count
Measure = Callable[[Evidence, Row], Trials | NotMeasured]


def trials(measure: str, limit_ms: float | None, evidence: Evidence) -> Trials | NotMeasured:
    """Return what a claim's measure counts, or why there is nothing to count.

    Args:
        measure: one of MEASURES, or of harness.experiment.claimed.TIMED.
        limit_ms: of a timing, in milliseconds; None for any other.
        evidence: what the condition has to say.
    """
    if not evidence.cycles:
        return "nothing was measured"
    if limit_ms is None:
        return MEASURES[measure](evidence, {})
    step = measure.removesuffix("_ms")
    quick = evidence.columns[measure] <= limit_ms
    if step == "restore":  # one that brings nothing back takes for ever, however soon it gives up
        quick &= evidence.ended("restored")
    return _timed(evidence, step, quick)


def untimed(measure: str, evidence: Evidence) -> Bools:
    """Tell the cycles in which what the measure times must have taken place and was not timed."""
    step = "backup" if measure == "backup_under_1s" else measure.removesuffix("_ms")
    if step not in TIMINGS:
        return np.zeros(evidence.cycles, dtype=bool)
    return _due(evidence, step) & ~np.isfinite(evidence.columns[f"{step}_ms"])


def counted(number: int, noun: str) -> str:
    """Return the number with its noun, in the plural where it is one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _timed(evidence: Evidence, step: str, quick: Bools) -> Trials | NotMeasured:
    """Count the cycles in which a step took place; doubt where it should have and was not timed."""
    took_ms = evidence.columns[f"{step}_ms"]
    timed = np.isfinite(took_ms)
    if not timed.any():
        return f"no cycle took a {step}" if step == "backup" else f"no {step} was timed"
    figures = quantiles(took_ms[timed])
    shown = ", ".join(f"{key} {milliseconds(figures[key])}" for key in ("p50", "p99", "max"))
    missed = int((_due(evidence, step) & ~timed).sum())
    doubts = (f"no {step} was timed in {counted(missed, 'cycle')}",) if missed else ()
    return Trials(timed, ~quick, shown, doubts)


def _due(evidence: Evidence, step: str) -> Bools:
    """Tell the cycles in which a step must have taken place, going by what else they say."""
    columns = evidence.columns
    if step in ("backup", "truth", "cycle"):
        return np.ones(evidence.cycles, dtype=bool)
    if step == "create":
        return np.asarray(columns["payload_bytes"] > 0)
    if step == "cleanup":
        return np.asarray(columns["cleanup_ok"] >= 0)
    if step == "restore":
        return evidence.restored()
    return np.zeros(evidence.cycles, dtype=bool)  # by the policy: nothing else tells


# The measures themselves. Each gives the cycles it counts, or says why there are none.


def _reliability(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    every = _every(~evidence.ended("cleaned", "restored"))
    return replace(every, refused=int(evidence.ended("refused").sum()))


def _clean_end(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Count as failed what did not end at the baseline; a refusal never left it."""
    return _every(~evidence.ended("cleaned", "restored", "refused"))


def _data_safety(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    return _every(evidence.ended("baseline_lost", "harness_error"))


def _no_restore(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    return _every(~evidence.ended("cleaned"))


def _no_silent_leftover(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Count as failed what was dirty while the guard said that it was fine."""
    return _every(evidence.ended("dirty_silent", "harness_error"))


def _nothing_left_behind(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    return _every((evidence.columns["left_behind"] != 0) | evidence.spoiled)


def _restored_clean(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    restored = evidence.restored()
    if not restored.any():
        return "no cycle restored"
    return Trials(restored, ~evidence.ended("restored"))


def _backup_under_1s(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    return _timed(evidence, "backup", evidence.columns["backup_ms"] < 1000)


def _backup_same_size(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    first = evidence.recoveries[0] if evidence.recoveries else "none"
    if first in KEEP_NO_COPY:
        return f"recovery {first} keeps no second file to compare"
    if evidence.size_bytes is None:
        return "the run does not say how big its baseline is"
    backup_bytes = evidence.columns["backup_bytes"]
    shown = f"{_range(backup_bytes)} bytes against {evidence.size_bytes:,}"
    every = _every(backup_bytes != evidence.size_bytes)
    return Trials(every.counted, every.failed, shown)


def _bytes_added(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    payload, grown = evidence.columns["payload_bytes"], evidence.columns["grown_bytes"]
    wrote = np.asarray(payload > 0)
    if not wrote.any():
        return "no cycle created test data"
    figure = re.search(r"\d+", str(row.get("claimed") or "").replace(",", ""))
    claimed = int(figure.group()) if figure else -1
    shown = f"payload {np.median(payload[wrote]):,.0f} bytes, file +{_range(grown[wrote])} bytes"
    doubts = () if figure else ("no number of bytes is claimed",)
    return Trials(wrote, (payload != claimed) & (grown != claimed), shown, doubts)


def _cleanup_reports_truth(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Compare the cleanup's word with the truth: a database restored was not clean before."""
    said = evidence.columns["cleanup_ok"]
    spoke = np.asarray(said >= 0)
    if not spoke.any():
        return "no cleanup ran"
    clean = evidence.columns[evidence.demands] & ~evidence.restored()
    return Trials(spoke, (said == 1) != clean)


def _every(failed: Bools) -> Trials:
    return Trials(np.ones(len(failed), dtype=bool), np.asarray(failed, dtype=bool))


def _range(values: NDArray[np.int64]) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


MEASURES: dict[str, Measure] = {
    "reliability": _reliability,
    "clean_end": _clean_end,
    "data_safety": _data_safety,
    "no_restore": _no_restore,
    "no_silent_leftover": _no_silent_leftover,
    "nothing_left_behind": _nothing_left_behind,
    "restored_clean": _restored_clean,
    "backup_under_1s": _backup_under_1s,
    "backup_same_size": _backup_same_size,
    "bytes_added": _bytes_added,
    "cleanup_reports_truth": _cleanup_reports_truth,
}
