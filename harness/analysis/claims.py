"""Evaluate one row of the claims table: what was measured, its interval, the verdict and why.

A row asks for a *measure* of a *condition*. A measure says which cycles count and which of them
failed; everything else is the same for all: the share with its Clopper-Pearson interval, and the
sequential verdict in order of cycle number. What was not measured, a harness error, a fault that
never fired or a missing cycle can only take a `supported` away, never give one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.statistics.digits import milliseconds, percent, percent_interval
from harness.statistics.intervals import Interval, clopper_pearson
from harness.statistics.sequential import decide
from harness.statistics.timings import quantiles

VERDICTS = ("supported", "refuted", "undecided", "set point", "not measured")
KEEP_NO_COPY = frozenset({"wal_pin", "none"})  # recoveries whose backup is no second file

Bools = NDArray[np.bool_]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one condition has to say, apart from any one measure."""

    frame: pd.DataFrame  # as Results.cycles gives it, in order of cycle number
    demands: str = "exact"  # the grade of clean that the condition demands
    recoveries: Sequence[str] = ()
    size_bytes: int | None = None  # of the workload's baseline
    not_fired: Sequence[str] = ()  # faults with a rate above 0 that never fired
    confidence: float = 0.95
    over_http: bool = False  # the tests' own calls can fail

    @property
    def harness_errors(self) -> int:
        """Count the cycles that the instrument spoiled."""
        return int((self.frame["outcome"] == "harness_error").sum())

    @property
    def unbroken(self) -> int:
        """Count the cycles before the first number that is missing; the first cycle is 0."""
        numbers = self.frame["cycle"].to_numpy()
        broken = np.flatnonzero(numbers != np.arange(len(numbers)))
        return int(broken[0]) if len(broken) else len(numbers)

    def doubts(self) -> list[str]:
        """Say what keeps this condition from supporting anything, one short sentence each."""
        found = []
        if self.harness_errors:
            found.append(f"harness error in {_count(self.harness_errors, 'cycle')}")
        if self.not_fired:
            found.append(f"harness error: {', '.join(self.not_fired)} never fired")
        if self.over_http and len(self.frame) and not (self.frame["payload_bytes"] > 0).any():
            found.append("in no cycle did the tests make all their data")
        if self.unbroken < len(self.frame):
            found.append(f"cycle {self.unbroken:,} is missing")
        return found


@dataclass(frozen=True, slots=True)
class Trials:
    """The cycles a measure counts, in order of cycle number, and which of them failed."""

    counted: Bools  # one a cycle of the condition
    failed: Bools  # the same shape; read only where counted
    shown: str = ""  # figures that stand beside the share
    doubts: tuple[str, ...] = ()  # what keeps this measure from being supported


NotMeasured = str  # why there is nothing to count
Measure = Callable[[Evidence, Row], Trials | NotMeasured]


@dataclass(frozen=True, slots=True)
class Judged:
    """A share, its interval, and the verdict on a claim that it is at least so much."""

    interval: Interval
    verdict: str
    decided_at: int | None  # the cycle that decided, counted from 1 among those counted
    why: str


def evaluate(row: Row, evidence: Evidence | None) -> dict[str, Any]:
    """Return the evaluated row; ``evidence`` is None where the condition did not run.

    The keys are those of the claims table in summary.json: claim, claimed, condition, measure,
    measured, estimate, lower, upper (shares, None where nothing was measured), verdict, why.
    """
    kept = {key: str(row.get(key) or "") for key in ("claim", "claimed", "condition", "measure")}
    nothing = {"measured": "-", "estimate": None, "lower": None, "upper": None}
    measure = MEASURES.get(kept["measure"])
    if not kept["condition"]:
        trials: Trials | NotMeasured = "no condition of this experiment measures it"
    elif evidence is None or evidence.frame.empty:
        trials = f"no cycle of condition {kept['condition']!r} was run"
    elif measure is None:
        trials = f"no measure is called {kept['measure']!r}; known: {', '.join(MEASURES)}"
    else:
        trials = measure(evidence, row)
    if evidence is None or isinstance(trials, str):
        return kept | nothing | {"verdict": "not measured", "why": str(trials)}
    judged = judge(trials, evidence, row.get("at_least"))
    if kept["measure"] == "bytes_added":
        judged = _exact_figure(judged, trials)
    if row.get("set_point"):
        judged = _set_point(judged, evidence, row.get("at_least"))
    share = judged.interval
    measured = f"{percent(share.estimate)} {percent_interval(share.lower, share.upper)}"
    return kept | {
        "measured": f"{trials.shown}; {measured}" if trials.shown else measured,
        "estimate": judged.interval.estimate,
        "lower": judged.interval.lower,
        "upper": judged.interval.upper,
        "verdict": judged.verdict,
        "why": "; ".join(filter(None, (judged.why, str(row.get("note") or "")))),
    }


def judge(trials: Trials, evidence: Evidence, at_least: float | None) -> Judged:
    """Judge the claim that the share of trials that did not fail is ``at_least`` so much.

    A harness error counts as a failure in the share, but refutes nothing: it says nothing about
    the guard. Raises ValueError for a claim that is no share from 0 to 1.
    """
    counted = trials.counted
    failed = trials.failed[counted]
    number, failures = len(failed), int(failed.sum())
    interval = clopper_pearson(number - failures, number, evidence.confidence)
    said = f"{_count(failures, 'failure')} in {number:,}"
    if at_least is None:
        return Judged(interval, "undecided", None, f"{said}; nothing claimed that could be judged")
    spoiled = (evidence.frame["outcome"] == "harness_error").to_numpy()[counted]
    real = failed & ~spoiled
    if at_least == 1 and real.any():
        return Judged(interval, "refuted", int(np.argmax(real)) + 1, said)
    doubts = [*evidence.doubts(), *trials.doubts]
    unbroken = int(counted[: evidence.unbroken].sum())
    decision = decide(real[:unbroken], float(at_least), evidence.confidence)
    if decision.verdict == "supported" and not doubts:
        return Judged(interval, "supported", decision.decided_at, _decided(said, decision))
    if decision.verdict == "refuted":
        return Judged(interval, "refuted", decision.decided_at, _decided(said, decision))
    if at_least == 1:
        bound = clopper_pearson(number - failures, number, evidence.confidence, "lower").lower
        said += f": at least {percent(bound, 'ROUND_FLOOR')} ({evidence.confidence:.0%})"
    elif not doubts:
        said += ": too few cycles to decide"
    return Judged(interval, "undecided", None, "; ".join([*doubts, said]))


def _decided(said: str, decision: Any) -> str:
    return f"{said}; decided at cycle {decision.decided_at:,}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _set_point(judged: Judged, evidence: Evidence, target: float | None) -> Judged:
    """A rate was solved for to get here: where the run landed is no support for any claim."""
    why = "the fault rate was solved for this figure"
    if target is not None and not judged.interval.lower <= target <= judged.interval.upper:
        why = f"the fault rate was solved for {percent(target)}, which the interval misses"
    return Judged(judged.interval, "set point", None, "; ".join([*evidence.doubts(), why]))


def _exact_figure(judged: Judged, trials: Trials) -> Judged:
    """A figure claimed to the byte is refuted when no cycle shows it, and otherwise open."""
    failed = trials.failed[trials.counted]
    if trials.doubts:
        return Judged(judged.interval, "undecided", None, "; ".join(trials.doubts))
    verdict = "refuted" if failed.all() else "undecided"
    why = f"{(~failed).sum():,} of {_count(len(failed), 'cycle')} show exactly this figure"
    return Judged(judged.interval, verdict, None, why)


# The measures. Each gives the cycles it counts, or says why there are none.


def _reliability(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    return _every(evidence, ~evidence.frame["outcome"].isin(["cleaned", "restored"]))


def _data_safety(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    return _every(evidence, evidence.frame["outcome"] == "baseline_lost")


def _no_restore(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    return _every(evidence, evidence.frame["outcome"] != "cleaned")


def _no_silent_leftover(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Count as failed what was dirty while the guard said that it was fine."""
    return _every(evidence, evidence.frame["outcome"] == "dirty_silent")


def _nothing_left_behind(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    return _every(evidence, evidence.frame["left_behind"] != 0)


def _restored_clean(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    restored = evidence.frame["restored_by"].notna().to_numpy()
    if not restored.any():
        return "no cycle restored"
    return Trials(restored, (evidence.frame["outcome"] != "restored").to_numpy())


def _backup_under_1s(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    backup_ms = evidence.frame["backup_ms"].to_numpy()
    timed = np.isfinite(backup_ms)
    if not timed.any():
        return "no cycle took a backup"
    figures = quantiles(backup_ms[timed])
    shown = ", ".join(f"{key} {milliseconds(figures[key])}" for key in ("p50", "p99", "max"))
    untimed = int((~timed).sum())
    doubts = (f"no backup was timed in {_count(untimed, 'cycle')}",) if untimed else ()
    return Trials(timed, ~(backup_ms < 1000), shown, doubts)


def _backup_same_size(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    first = evidence.recoveries[0] if evidence.recoveries else "none"
    if first in KEEP_NO_COPY:
        return f"recovery {first} keeps no second file to compare"
    if evidence.size_bytes is None:
        return "the run does not say how big its baseline is"
    backup_bytes = evidence.frame["backup_bytes"]
    shown = f"{_range(backup_bytes)} bytes against {evidence.size_bytes:,}"
    every = _every(evidence, backup_bytes != evidence.size_bytes)
    return Trials(every.counted, every.failed, shown)


def _bytes_added(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    payload, grown = evidence.frame["payload_bytes"], evidence.frame["grown_bytes"]
    wrote = (payload > 0).to_numpy()
    if not wrote.any():
        return "no cycle created test data"
    figure = re.search(r"\d+", str(row.get("claimed") or "").replace(",", ""))
    claimed = int(figure.group()) if figure else None
    shown = f"payload {payload[wrote].median():,.0f} bytes, file +{_range(grown[wrote])} bytes"
    doubts = () if figure else ("no number of bytes is claimed",)
    return Trials(wrote, ((payload != claimed) & (grown != claimed)).to_numpy(), shown, doubts)


def _cleanup_reports_truth(evidence: Evidence, row: Row) -> Trials | NotMeasured:
    """Compare the cleanup's word with the truth: a database restored was not clean before."""
    said = evidence.frame["cleanup_ok"]
    spoke = said.notna().to_numpy()
    if not spoke.any():
        return "no cleanup ran"
    clean = (evidence.frame[evidence.demands] & evidence.frame["restored_by"].isna()).to_numpy()
    return Trials(spoke, (said == True).to_numpy(dtype=bool, na_value=False) != clean)  # noqa: E712 - element by element, and nothing said is not True


MEASURES: dict[str, Measure] = {
    "reliability": _reliability,
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


def _every(evidence: Evidence, failed: pd.Series) -> Trials:
    return Trials(np.ones(len(evidence.frame), dtype=bool), failed.to_numpy(dtype=bool))


def _range(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
