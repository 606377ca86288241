"""What to do after a run: the command that looks at its first failure, or that goes on with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.reports.words.statements import ERROR
from harness.results.again import from_outside
from harness.statistics.sequential import support_boundary

Json = Mapping[str, Any]
Words = tuple[str, ...]
_ENOUGH = ("--stop-when-decided", "--cycles")  # what says how many cycles there are to be
_SPOILED = "harness_error"


def next_command(
    summary: Json, verdict: str | None, folder: Path, resume: Sequence[Words] = ()
) -> Words:
    """Return the words of the command to run next; () where the long form is all there is.

    Args:
        summary: summary.json.
        verdict: what the run comes to.
        folder: the run's.
        resume: the command that goes on with it, option by option; () where nobody knows.
    """
    if verdict == ERROR:
        spoiled = list(_failures(summary, spoiled=True))
        if resume and any(from_outside(failure["detail"] or "") for _, failure in spoiled):
            return _flat([*resume, ("--again",)])
        return _replayed(folder, spoiled)
    if verdict == "refuted":
        return _replayed(folder, _failures(summary, spoiled=False))
    more = _enough(summary) if verdict == "undecided" else 0
    if more and resume:
        others = [
            part for part in resume if part[0] not in _ENOUGH and not part[-1].startswith("cycles=")
        ]
        return _flat([*others, ("--stop-when-decided",), ("--cycles", str(more))])
    return ()


def _flat(parts: Sequence[Words]) -> Words:
    return tuple(word for part in parts for word in part)


def _failures(summary: Json, *, spoiled: bool) -> Iterator[tuple[str, Json]]:
    """Give the failures that are kept to be looked at, of conditions with a refuted claim."""
    for condition in summary["conditions"]:
        refuted = any(claim["verdict"] == "refuted" for claim in condition.get("claims") or ())
        for failure in condition["to_replay"] if spoiled or refuted else ():
            if (failure["outcome"] == _SPOILED) == spoiled:
                yield condition["name"], failure


def _replayed(folder: Path, failures: Iterable[tuple[str, Json]]) -> Words:
    for condition, failure in failures:
        number = str(failure["cycle"])
        return ("harness", "replay", str(folder), "--condition", condition, "--cycle", number)
    return ()


def _enough(summary: Json) -> int:
    """Return so many cycles of each condition that every open claim may be decided; 0 for none."""
    return max(
        (
            _needed(claim, condition["cycles"])
            for condition in summary["conditions"]
            for claim in condition.get("claims") or ()
            if claim["verdict"] == "undecided"
        ),
        default=0,
    )


def _needed(claim: Json, cycles: int) -> int:
    """Return where a claim is supported if nothing else fails; else twice as many as there are."""
    if not claim.get("next") or not claim["cycles"]:
        return 2 * max(1, cycles)
    at: int = support_boundary(claim["failures"], claim["at_least"], claim["confidence"])
    counting = int(claim["cycles"])  # not every cycle may count for this claim
    return math.ceil(at * cycles / counting)
