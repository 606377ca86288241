"""The measures: which cycles of a condition count, and which of those failed.

Everything else is the same for all of them: see `harness.analysis.claims`. Each looks at one cycle
at a time, so that a run can stop at the cycle that decides.

A failure is never a success: a step that failed was not in time, however soon it gave up, and a
restore that was tried counts whether it worked or not. What each measure counts, and over what, is
the docstring of its function, which `harness list measures` prints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import registry
from harness.errors import UnknownName
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results.columns import Columns
from harness.statistics.digits import milliseconds
from harness.statistics.timings import quantiles

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
    not_drawn: Sequence[str] = ()  # those of them that no cycle was to have
    confidence: float = 0.95
    over_http: bool = False  # the tests' own calls can fail
    backs_up: bool = True  # the policy asks for a backup
    designed: Mapping[str, Any] | None = None  # the condition, where its cycles were designed
    fixed: bool = True  # how many cycles there are was settled beforehand (results.settled)

    @property
    def cycles(self) -> int:
        """Count the cycles that are stored."""
        return len(self.columns["cycle"])

    @property
    def spoiled(self) -> Bools:
        """Tell the cycles that the instrument spoiled, or whose outcome nobody here knows."""
        unknown: Bools = self.columns["outcome"] >= len(OUTCOMES)
        return self.ended("harness_error") | unknown

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

    def took(self, *steps: str) -> Bools:
        """Tell the cycles in which any of these steps took place."""
        took = np.zeros(self.cycles, dtype=bool)
        for step in steps:
            took |= np.isfinite(self.columns[f"{step}_ms"])
        return took

    def restored(self) -> Bools:
        """Tell the cycles in which a recovery put the baseline back, as it said."""
        return np.asarray(self.columns["restored_by"].known, dtype=bool)

    def cleaned_up(self) -> Bools:
        """Tell the cycles whose cleanup left nothing: a database restored was not clean before."""
        return np.asarray(self.columns[self.demands] & ~self.restored())

    def backed_up(self) -> Bools:
        """Tell the cycles that had a backup: without one no test is run, and nothing follows."""
        went_on = self.took("create", "cleanup", "verify", "restore", "dispose")
        return (went_on | self.ended("cleaned", "restored")) & ~self.ended("refused")

    def doubts(self) -> list[str]:
        """Say what keeps this condition from supporting anything, one short sentence each."""
        if not self.cycles:
            return ["nothing was measured"]
        reasons = []
        if self.harness_errors:
            reasons.append(f"harness error in {counted(self.harness_errors, 'cycle')}")
        if drawn := [kind for kind in self.not_fired if kind not in self.not_drawn]:
            reasons.append(f"harness error: {', '.join(drawn)} never fired")
        if self.not_drawn:
            reasons.append(
                f"harness error: {', '.join(self.not_drawn)} never fired: none of "
                f"{counted(self.cycles, 'cycle')} was to have it; run more, or raise its rate"
            )
        if self.over_http and not (self.columns["payload_bytes"] > 0).any():
            reasons.append("in no cycle did the tests make all their data")
        if self.unbroken < self.cycles:
            reasons.append(f"cycle {self.unbroken:,} is missing")
        return reasons


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


def trials(
    measure: str, limit_ms: float | None, evidence: Evidence, figure: str = ""
) -> Trials | NotMeasured:
    """Return what a claim's measure counts, or why there is nothing to count.

    Args:
        measure: one of MEASURES, or of harness.experiment.written.claimed.TIMED.
        limit_ms: of a timing, in milliseconds; None for any other.
        evidence: what the condition has to say.
        figure: of bytes_added, as it is claimed.
    """
    if not evidence.cycles:
        return "nothing was measured"
    if limit_ms is None:
        return MEASURES[measure](evidence, {"claimed": figure})
    step = measure.removesuffix("_ms")
    return _timed(evidence, step, evidence.columns[measure] <= limit_ms)


def untimed(measure: str, evidence: Evidence) -> Bools:
    """Tell the cycles in which what the measure times must have taken place and was not timed."""
    step = "backup" if measure == "backup_under_1s" else measure.removesuffix("_ms")
    if step not in TIMINGS:
        return np.zeros(evidence.cycles, dtype=bool)
    missing: Bools = ~np.isfinite(evidence.columns[f"{step}_ms"])
    return _due(evidence, step) & missing


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
    in_time = quick & ~evidence.spoiled & STEPS[step].worked(evidence)
    return Trials(timed, ~in_time, shown, doubts)


class Timed(NamedTuple):
    """A step whose time can be claimed."""

    failed: str  # when it was not in time however soon it ended, in words
    worked: Callable[[Evidence], Bools]  # the cycles in which it did what it is for


def _ended_well(evidence: Evidence) -> Bools:
    return evidence.ended("cleaned", "restored")


STEPS: dict[str, Timed] = {
    "backup": Timed("no backup was taken, so no test was run", Evidence.backed_up),
    "create": Timed(
        "the tests could not make all their data (known of a backend alone)",
        lambda seen: (seen.columns["payload_bytes"] > 0) | (not seen.over_http),
    ),
    "cleanup": Timed(
        "the cleanup said that it failed, or left something",
        lambda seen: (seen.columns["cleanup_ok"] == 1) & seen.cleaned_up(),
    ),
    "verify": Timed("the cycle did not end cleaned or restored", _ended_well),
    "restore": Timed("the baseline was not brought back", lambda seen: seen.ended("restored")),
    "dispose": Timed(
        "a file was left behind, or the cycle did not end cleaned or restored",
        lambda seen: _ended_well(seen) & (seen.columns["left_behind"] == 0),
    ),
    "truth": Timed("the instrument failed", lambda seen: ~seen.spoiled),
    "cycle": Timed("the cycle did not end cleaned or restored", _ended_well),
}
assert tuple(STEPS) == TIMINGS  # noqa: S101 - a step that is timed must say when it failed


def _due(evidence: Evidence, step: str) -> Bools:
    """Tell the cycles in which a step must have taken place, going by what else they say."""
    columns = evidence.columns
    if step in ("truth", "cycle") or (step == "backup" and evidence.backs_up):
        return np.ones(evidence.cycles, dtype=bool)
    if step == "create":
        return np.asarray(columns["payload_bytes"] > 0)
    if step == "cleanup":
        return np.asarray(columns["cleanup_ok"] >= 0)
    if step == "restore":
        return evidence.restored()
    return np.zeros(evidence.cycles, dtype=bool)  # by the policy: nothing else tells


# The measures themselves. Each gives the cycles it counts, or says why there are none; its
# docstring is what people are told of it.


def _reliability(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over every cycle; failed: it did not end cleaned or restored, by the truth."""
    every = _every(~_ended_well(evidence))
    return replace(every, refused=int(evidence.ended("refused").sum()))


def _clean_end(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over every cycle; failed: it did not end cleaned, restored or refused (nothing touched)."""
    return _every(~evidence.ended("cleaned", "restored", "refused"))


def _data_safety(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over every cycle; failed: the baseline was lost, or the instrument failed."""
    return _every(evidence.ended("baseline_lost") | evidence.spoiled)


def _no_restore(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over every cycle; failed: it did not end cleaned, so it was restored or worse."""
    return _every(~evidence.ended("cleaned"))


def _no_silent_leftover(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over every cycle; failed: dirty or lost while the guard said that it was fine."""
    lost = evidence.ended("baseline_lost") & evidence.columns["says_clean"]
    return _every(evidence.ended("dirty_silent") | lost | evidence.spoiled)


def _nothing_left_behind(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over every cycle; failed: a file beside the database that should not be there."""
    return _every((evidence.columns["left_behind"] != 0) | evidence.spoiled)


def _restored_clean(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over the cycles that tried a restore; failed: the baseline was not back after it."""
    tried = evidence.took("restore") | evidence.restored()
    if not tried.any():
        return "no cycle restored"
    return Trials(tried, ~evidence.ended("restored"))


def _backup_under_1s(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over the cycles that tried a backup; failed: it took a second or more, or none was taken."""
    return _timed(evidence, "backup", evidence.columns["backup_ms"] < 1000)


def _backup_same_size(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over every cycle; failed: the backup is no file of the baseline's size to the byte."""
    first = evidence.recoveries[0] if evidence.recoveries else ""
    if not (first and evidence.backs_up):
        return "no cycle took a backup"
    try:
        if registry.find("recovery", first).pins:
            return f"recovery {first} keeps no second file to compare"
    except (UnknownName, ImportError) as error:
        return f"whether recovery {first} keeps a second file cannot be told here: {error}"
    if evidence.size_bytes is None:
        return "the run does not say how big its baseline is"
    backup_bytes = evidence.columns["backup_bytes"]
    shown = f"{_range(backup_bytes)} bytes against {evidence.size_bytes:,}"
    other = (backup_bytes != evidence.size_bytes) | ~evidence.backed_up()
    every = _every(other | evidence.spoiled)
    return Trials(every.counted, every.failed, shown)


def _bytes_added(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Over the cycles whose tests made data; failed: neither payload nor growth is the figure."""
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
    """Over the cycles whose cleanup ran; failed: its word is not what the truth found."""
    says_it_worked = evidence.columns["cleanup_ok"]
    spoke = np.asarray(says_it_worked >= 0)
    if not spoke.any():
        return "no cleanup ran"
    return Trials(spoke, ((says_it_worked == 1) != evidence.cleaned_up()) | evidence.spoiled)


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


def contracts() -> dict[str, str]:
    """Return by name what each measure counts and over what, those of time included."""
    by_name = {name: (find.__doc__ or "").strip() for name, find in MEASURES.items()}
    return by_name | {
        f"{step}_ms": f"Over the cycles that took the step; failed: slower, or {words.failed}."
        for step, words in STEPS.items()
    }
