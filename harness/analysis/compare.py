"""Whether something got worse from one run to another: ``harness compare BEFORE AFTER``.

Only what was run under the same settings is compared, condition by condition; what is not is said,
with the keys that differ. Timings of different machines say nothing of the code and are left out.
All words together hold with the confidence given: the more is compared, the more each has to show.

How cycles end is counted cycle by cycle: what strikes is drawn for each alone. Timings are a time
series, and are compared by blocks, in themselves and beside the time that the truth took in the
same cycles: see `harness.statistics.change_of_quantile`.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.analysis.compared import Figure, ShareFigure, TimedFigure, told
from harness.analysis.summary import Stored, load
from harness.errors import UsageError
from harness.experiment.written.claimed import checked_confidence
from harness.experiment.written.configuration import differing_keys
from harness.results import shards
from harness.results.folder import CYCLES
from harness.results.reading import PARQUET, Results
from harness.results.settled import fixed_beforehand
from harness.statistics.change import verdicts
from harness.statistics.digits import number, percent

FINE, WORSE = 0, 1
_STEPS = ("backup", "cleanup", "verify", "restore", "cycle")
_CONTROL = "truth"  # the same code in both runs, in every cycle: see change_of_quantile
_AS_FAST = 1.1  # times: less is nothing to speak of
_TIMED = (  # the slow ones as people wait for them, and the usual ones as the processor has them
    ("p95 of {} (wall)", "{}_ms", "timings_ms", 0.95),
    ("p50 of {} (CPU)", "{}_cpu_ms", "cpu_ms", 0.5),
)
_NOT_SETTINGS = (
    "cycles",
    "claims",
    "story",
    "sweep",
    "shadow",
)  # they change nothing of a single cycle
_MOST_KEYS = 6
_MACHINE = ("cpu", "cores", "system", "filesystem")


def compare(
    before: Path,
    after: Path,
    confidence: float = 0.95,
    *,
    fail_on: Literal["outcomes", "timings"] = "outcomes",
    verbose: bool = False,
) -> tuple[list[str], int]:
    """Compare two stored runs.

    Args:
        before: the folder of the run that is the standard.
        after: the folder of the other.
        confidence: the least probability, above 0.5, that no word of all is wrong.
        fail_on: what ends with 1 where it got worse: how cycles ended, or timings as well.
        verbose: tell also each figure that shows no difference.

    Returns:
        Lines for people, and the exit status: 1 when something of ``fail_on`` got worse, else 0.

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
    machines = differing_keys(_machine(old), _machine(new))
    merged = [folder for folder, run in ((before, old), (after, new)) if _on_several(run)]
    if machines:
        lines.append(f"timings are not compared: another machine ({', '.join(machines)})")
    elif merged:
        named = " and ".join(map(str, merged))
        lines.append(f"timings are not compared: {named} ran on machines that differ")
    else:
        lines += _machines_speed(old, new, [pair[0]["name"] for pair in pairs])
    if not pairs:
        none = "no condition was run with the same settings in both"
        raise UsageError("\n".join([*lines, *left_out, none]))
    timed = None if machines or merged else (_results(before), _results(after))
    figures = [figure for pair in pairs for figure in _figures(*pair, timed)]
    each = 1 - (1 - confidence) / len(figures)  # of an interval, so that all hold together
    comparisons = [figure.compared(each) for figure in figures]
    words = verdicts([comparison.change for comparison in comparisons], "worse", confidence)
    lines += [*told(comparisons, words, verbose=verbose), *left_out]
    failed = any(
        word == "worse" and (fail_on == "timings" or not comparison.timed)
        for comparison, word in zip(comparisons, words, strict=True)
    )
    return lines, WORSE if failed else FINE


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


def _on_several(run: Stored) -> bool:
    """Whether a run was merged from shards of machines that are not alike."""
    alike = [{key: one.get(key) for key in _MACHINE} for one in shards.machines(run.run)]
    return any(one != alike[0] for one in alike)


def _machines_speed(old: Stored, new: Stored, names: Sequence[str]) -> list[str]:
    """Say where the control took longer or shorter, as all does on a machine that is not alone."""
    if old.run.get("versions") != new.run.get("versions"):
        return []  # it may be another's code
    took = [
        {c["name"]: (c.get("timings_ms") or {}).get(_CONTROL, {}).get("p50") for c in conditions}
        for conditions in (old.summary["conditions"], new.summary["conditions"])
    ]
    times = [took[1][name] / took[0][name] for name in names if took[0][name] and took[1][name]]
    ratio = statistics.median(times) if times else 1.0
    if 1 / _AS_FAST < ratio < _AS_FAST:
        return []
    return [
        f"the truth, the same code in both, took {number(ratio, 2)} times as long (p50, wall): so "
        "did the machine for everything, and a timing has to differ beside the truth's as well"
    ]


def _results(folder: Path) -> Results | None:
    """Open a run's cycles; None where it was published without them."""
    there = any((folder / name).exists() for name in (CYCLES, PARQUET))
    return Results(folder) if there else None


def _figures(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    timed: Sequence[Results | None] | None,
) -> Iterator[Figure]:
    """Give what is compared of one condition: shares, and where there are timings, the steps'."""
    for figure, key, failing in (
        ("reliability", "reliability", ("refused", "dirty_known", "dirty_silent", "baseline_lost")),
        ("data safety", "data_safety", ("baseline_lost",)),
    ):
        failed = [sum(side["outcomes"].get(name, 0) for name in failing) for side in (old, new)]
        shown = " -> ".join(percent(side[key]["estimate"]) for side in (old, new))
        yield ShareFigure(
            old["name"], figure, (failed[0], old["cycles"]), (failed[1], new["cycles"]), shown
        )
    if timed is None or timed[0] is None or timed[1] is None:
        return
    cycles = [results.columns(old["name"]) for results in timed if results is not None]
    for step, (figure, name, which, q) in itertools.product(_STEPS, _TIMED):
        column, control = name.format(step), name.format(_CONTROL)
        if all(
            _was_timed(side, which, step, columns[column] if which not in side else None)
            for side, columns in zip((old, new), cycles, strict=True)
        ):
            yield TimedFigure(old["name"], figure.format(step), cycles, column, q, control)


def _was_timed(side: Mapping[str, Any], which: str, step: str, took_ms: Any) -> bool:
    """Whether a step took place; ``took_ms``: where an older summary does not say."""
    if which in side:
        return bool((side[which].get(step) or {}).get("count"))
    return bool(np.isfinite(took_ms).any())


__all__ = ["compare"]
