"""Whether something got worse from one run to another: ``harness compare BEFORE AFTER``.

Only what was run under the same settings is compared, condition by condition; what is not is said,
with the keys that differ. Timings of different machines say nothing of the code and are left out.
All words together hold with the confidence given: the more is compared, the more each has to show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis.summary import Stored, load
from harness.errors import UsageError
from harness.experiment.written.claimed import checked_confidence
from harness.experiment.written.configuration import differing_keys
from harness.results.folder import CYCLES
from harness.results.reading import PARQUET, Results
from harness.results.settled import fixed_beforehand
from harness.statistics.change import Change, verdicts
from harness.statistics.change_of_proportion import compare_proportions
from harness.statistics.change_of_quantile import compare_quantiles
from harness.statistics.digits import milliseconds, percent

FINE, WORSE = 0, 1
_STEPS = ("backup", "cleanup", "verify", "restore", "cycle")
_QUANTILE = 0.95
_NOT_SETTINGS = (
    "cycles",
    "claims",
    "story",
    "sweep",
    "shadow",
)  # they change nothing of a single cycle
_MOST_KEYS = 6
_MACHINE = ("cpu", "cores", "system", "filesystem")


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of one condition in both runs."""

    condition: str
    figure: str  # "reliability", "data safety", "p95 of restore"
    change: Change
    shown: str  # before and after, for people

    def sentence(self, word: str) -> str:
        """Say it in a line: "restore only: p95 of restore: 14.7 ms -> 31.0 ms: worse"."""
        return f"{self.condition}: {self.figure}: {self.shown}: {word}"


def compare(before: Path, after: Path, confidence: float = 0.95) -> tuple[list[str], int]:
    """Compare two stored runs.

    Args:
        before: the folder of the run that is the standard.
        after: the folder of the other.
        confidence: the least probability, above 0.5, that no word of all is wrong.

    Returns:
        Lines for people, and the exit status: 1 when anything got worse, else 0.

    Raises:
        UsageError: a folder holds no run, a run holds a harness error, the runs have no
            condition of the same settings in common, or there can be no such confidence.
    """
    try:
        confidence = checked_confidence(confidence)
    except ValueError as error:
        raise UsageError(f"--confidence {error}") from None
    old, new = load(before), load(after)
    for folder, run in ((before, old), (after, new)):
        _refuse_spoiled(folder, run)
    lines = [f"compared with {before}: {after}"]
    lines += [
        f"{folder}: it stopped early, or was gone on with after it had ended, and the intervals "
        "are for numbers of cycles fixed beforehand: a word here is a hint"
        for folder, run in ((before, old), (after, new))
        if _ended_early(run)
    ]
    left_out, pairs = _pairs(old, new)
    lines += left_out
    machines = differing_keys(_machine(old), _machine(new))
    if machines:
        lines.append(f"timings are not compared: another machine ({', '.join(machines)})")
    if not pairs:
        raise UsageError("\n".join([*lines, "no condition was run with the same settings in both"]))
    timed = None if machines else (_timings(before), _timings(after))
    comparisons = [
        comparison for pair in pairs for comparison in _compared(*pair, timed, confidence)
    ]
    words = verdicts([comparison.change for comparison in comparisons], "worse", confidence)
    sentences = [
        comparison.sentence(word) for comparison, word in zip(comparisons, words, strict=True)
    ]
    order = {"worse": 0, "better": 1, "no difference shown": 2}
    lines += [
        line for _, line in sorted(zip(words, sentences, strict=True), key=lambda t: order[t[0]])
    ]
    return lines, WORSE if "worse" in words else FINE


def _refuse_spoiled(folder: Path, run: Stored) -> None:
    for condition in run.summary["conditions"]:
        errors = condition["outcomes"].get("harness_error", 0)
        if errors:
            raise UsageError(
                f"{folder}: {condition['name']!r} has {errors} harness errors, so nothing can be "
                "said of it: run it again"
            )


def _ended_early(run: Stored) -> bool:
    """Whether a condition may have as many cycles as it has because of what they showed."""
    cycles = {condition["name"]: condition["cycles"] for condition in run.summary["conditions"]}
    return not all(
        fixed_beforehand(run.run, condition, cycles[condition["name"]])
        for condition in run.run["experiment"]["conditions"]
        if condition["name"] in cycles
    )


def _pairs(
    old: Stored, new: Stored
) -> tuple[list[str], list[tuple[Mapping[str, Any], Mapping[str, Any]]]]:
    """Pair the conditions of equal settings; say of the others why they are left out."""
    settings = [
        {c["name"]: _settings(c) for c in r.run["experiment"]["conditions"]} for r in (old, new)
    ]
    measured = [{c["name"]: c for c in r.summary["conditions"] if c["cycles"]} for r in (old, new)]
    lines, pairs = [], []
    for name in dict.fromkeys([*measured[0], *measured[1]]):
        missing = [
            run
            for run, there in zip(("before", "after"), measured, strict=True)
            if name not in there
        ]
        if missing:
            lines.append(f"{name}: not compared: not run {missing[0]}")
        elif keys := differing_keys(settings[0][name], settings[1][name]):
            lines.append(f"{name}: not compared: other settings ({_named(keys)})")
        elif settings[0][name].get("strata"):
            lines.append(f"{name}: not compared: its cycles have a set number of faults")
        else:
            pairs.append((measured[0][name], measured[1][name]))
    return lines, pairs


def _named(keys: Sequence[str]) -> str:
    """Name the keys without their values, which may be whole programs."""
    names = list(dict.fromkeys(key.partition(" ")[0] for key in keys))
    more = len(names) - _MOST_KEYS
    return ", ".join(names[:_MOST_KEYS]) + (f" and {more} more" if more > 0 else "")


def _settings(condition: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in condition.items() if key not in _NOT_SETTINGS}
    if kept.get("project"):
        kept["project"] = {k: v for k, v in kept["project"].items() if k != "home"}
    return kept


def _machine(run: Stored) -> dict[str, Any]:
    return {key: (run.run.get("machine") or {}).get(key) for key in _MACHINE}


def _timings(folder: Path) -> pd.DataFrame | None:
    """Read every cycle's timings; None where a published run has none."""
    there = any((folder / name).exists() for name in (CYCLES, PARQUET))
    return Results(folder).table() if there else None


def _compared(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    timed: Sequence[pd.DataFrame | None] | None,
    confidence: float,
) -> Iterator[Compared]:
    """Compare one condition's shares, and where there are timings, those of each step."""
    for figure, key, failing in (
        ("reliability", "reliability", ("refused", "dirty_known", "dirty_silent", "baseline_lost")),
        ("data safety", "data_safety", ("baseline_lost",)),
    ):
        failed = [sum(side["outcomes"].get(name, 0) for name in failing) for side in (old, new)]
        change = compare_proportions(failed[0], old["cycles"], failed[1], new["cycles"], confidence)
        shown = " -> ".join(percent(side[key]["estimate"]) for side in (old, new))
        yield Compared(old["name"], figure, change, shown)
    if timed is None or timed[0] is None or timed[1] is None:
        return
    for step in _STEPS:
        values = [
            frame.loc[frame["condition"] == old["name"], f"{step}_ms"].dropna().to_numpy()
            for frame in timed
            if frame is not None
        ]
        if min(map(len, values)) == 0:
            continue
        change = compare_quantiles(values[0], values[1], _QUANTILE, confidence)
        shown = " -> ".join(milliseconds(value) for value in (change.before, change.after))
        yield Compared(old["name"], f"p95 of {step}", change, shown)


__all__ = ["Compared", "compare"]
