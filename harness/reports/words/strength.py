"""Words that are as strong as what they stand for: verdicts, how cycles ended, odds ratios."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Any

from harness.analysis.dependence import DESCRIPTIVE, reading
from harness.reports.words import outcomes
from harness.statistics.change import verdict
from harness.statistics.change_of_proportion import compare_proportions
from harness.statistics.dependence import in_two_digits

_BECAME = {
    "supported": "holds",
    "refuted": "does not hold",
    "undecided": "is not decided",
    "not refuted": "is not refuted, which is all that cycles can say of it",
    "set point": "was solved for and is no result",
    "control": "claims nothing",
    "not measured": "is not measured",
}
_SURE = 0.995  # of each word of a comparison, so that ten of them on a page hold at 95% together


def ends(condition: Mapping[str, Any]) -> str:
    """Return "2 refused before any test, 1 dirty and said so"; "" where every cycle succeeded."""
    return outcomes.counts(condition, failed=True)


def counted(condition: Mapping[str, Any]) -> str:
    """Return "6 failures in 700 cycles: 6 refused before any test", each kind of end apart."""
    number, cycles = failures(condition), cycles_of(condition["cycles"])
    if not number:
        return f"no failure in {cycles}"
    return f"{number:,} failure{'' if number == 1 else 's'} in {cycles}: {ends(condition)}"


def failures(condition: Mapping[str, Any]) -> int:
    """Return how many cycles ended neither cleaned nor restored."""
    ended = condition["outcomes"]
    return int(condition["cycles"] - ended["cleaned"] - ended["restored"])


def cycles_of(number: int) -> str:
    """Return "1 cycle" or "6,800 cycles"."""
    return f"{number:,} cycle{'' if number == 1 else 's'}"


def became(row: Mapping[str, Any]) -> str:
    """Return what a verdict says of a claim, as a verb: "holds", "does not hold", ..."""
    return _BECAME[row["verdict"]]


def because(row: Mapping[str, Any], condition: Mapping[str, Any]) -> str:
    """Return what was counted and when it was decided, of a claimed reliability.

    Args:
        row: one of summary.json, or a claim of a condition.
        condition: the one it is about, with its outcomes.
    """
    seen, found = counted(condition), row["verdict"]
    if condition.get("doubts") and found != "refuted":
        return f"{seen}; not soundly measured, so it supports nothing"
    if found in ("supported", "refuted") and row.get("decided_at_cycle"):
        return f"{seen}; {found} at cycle {row['decided_at_cycle']:,}"
    if found == "undecided" and row.get("next"):
        return f"{seen}; {row['next']}"
    return seen


def depends(odds: Mapping[str, Any], *, descriptive: bool = False) -> str:
    """Return whether cleanup and restore depend on each other, by an odds ratio and its interval.

    Args:
        odds: ``lower`` and ``upper``, None for no upper bound; {} where nothing is known.
        descriptive: whether the number of cycles was not fixed beforehand; then nothing follows.
    """
    if odds.get("lower") is None:
        return "nothing can be said of whether they depend on each other"
    word = reading(odds)
    if word == "unknown":
        return "nothing can be said of whether they depend on each other"
    low = in_two_digits(odds["lower"], ROUND_FLOOR)
    if odds["upper"] is None:
        span = f"odds ratio of {low} or more"
    else:
        span = f"odds ratio between {low} and {in_two_digits(odds['upper'], ROUND_CEILING)}"
    if descriptive:
        return f"{span}, {DESCRIPTIVE}"
    if word == "independent":
        return f"not distinguishable from independent, {span}"
    return f"they depend on each other and fail {word}, {span}"


def fails_more(first: Mapping[str, Any], second: Mapping[str, Any], end: str = "") -> str:
    """Say whether the second condition fails more: worse, better, or no difference shown.

    Args:
        first: a condition of summary.json.
        second: another one; where either may have stopped early the two are not compared.
        end: an outcome to count in place of every failure.
    """
    if not (fixed(first) and fixed(second)):
        return "may have stopped early, so not compared"
    counts = [
        (one["outcomes"][end] if end else failures(one), one["cycles"]) for one in (first, second)
    ]
    return str(verdict(compare_proportions(*counts[0], *counts[1]), confidence=_SURE))


def fixed(condition: Mapping[str, Any]) -> bool:
    """Whether a condition's number of cycles was fixed beforehand, as its interval says."""
    return bool(condition["reliability"].get("method") == "clopper_pearson")
