"""Shares with their intervals, as every report writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.statistics import digits
from harness.statistics.digits import percent, percent_interval


class Shown(NamedTuple):
    """What a table is made of, in the order of its fields."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    about: str = ""
    figures: frozenset[str] = frozenset()


def share(measured: Mapping[str, Any], key: str = "estimate") -> str:
    """Return ``99.95% [99.90%, 99.98%]``, or ``-`` where there is no estimate."""
    estimate, lower, upper = (measured.get(name) for name in (key, "lower", "upper"))
    if estimate is None:
        return "-"
    if lower is None or upper is None:
        return percent(estimate)
    return f"{percent(estimate)} {percent_interval(lower, upper)}"


_BRACKETS = {
    "clopper_pearson": "Clopper-Pearson's, for numbers of cycles fixed beforehand",
    "e_process": "the one that is valid at any stopping time, where the cycles could end early",
    "stratified_chernoff": "over strata, with every cycle a sample",
}


def brackets(methods: Iterable[str | None]) -> list[str]:
    """Say in a sentence what the intervals of these methods are; [] where none is known."""
    found = set(methods)
    said = [words for method, words in _BRACKETS.items() if method in found]
    return [f"In brackets the interval: {'; '.join(said)}."] if said else []


def stated_share(claim: Mapping[str, Any]) -> str:
    """Return what was measured of a claim, as it is written: of ``<=`` the share that failed."""
    rare = "<=" in claim["claim"] and claim.get("limit_ms") is None
    if not rare or claim.get("estimate") is None:
        return share(claim)
    return share(reliable(claim))


def reliable(failing: Mapping[str, Any]) -> dict[str, float | None]:
    """Turn a failure probability into a reliability, its ends exchanged."""
    ends = {"estimate": "estimate", "lower": "upper", "upper": "lower"}
    return {
        key: None if failing.get(other) is None else 1 - failing[other]
        for key, other in ends.items()
    }


def number(value: float | None, none: str) -> str:
    """Return a number in three digits, or ``none`` where it is not known."""
    return none if value is None else digits.number(value)
