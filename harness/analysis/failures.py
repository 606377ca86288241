"""What went wrong in the cycles that failed, alike ones together: by outcome and by cause.

A stored cycle says in one text what still differed and what raised an error. Cycles are alike that
ended alike for the same causes, whatever rows and numbers were in them. Only the columns that this
needs are read, and only of conditions in which something failed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import UsageError
from harness.outcomes import OUTCOMES
from harness.results.reading import Results
from harness.results.texts import Texts

WORST_FIRST = ("baseline_lost", "dirty_silent", "harness_error", "dirty_known", "refused")
STORED_MOST = 2000  # characters of a text: one of as many was cut when it was stored
CUT_MOST = 300  # of those that a summary names without the cycles
CUT = "…"
_SEQUENCE = re.compile(r"sequence .+: .* -> ")
_DIFFERS = re.compile(r"(?P<table>.+): [\d,]+ rows? (?:added|missing|changed)\b")
_CAUSE = re.compile(r"(?P<step>(?!it said)[^:]+): (?P<kind>[A-Z]\w+)(?:: (?P<said>.*))?", re.DOTALL)
_REFUSED = re.compile(r"no backup of .*? could be taken, so no test was run(?:: )?")
_REQUEST = re.compile(r"[A-Z]+ /\S*: ")
_ERRNO = re.compile(r"\[Errno -?\d+\] ")
_ONE_CYCLES = re.compile(r"\b\d{4,}\b|\b\d+(?= cannot go\b)")  # counts of bytes, ids


class Text(NamedTuple):
    """One text and all cycles that ended with it."""

    outcome: str
    detail: str
    cycles: int
    first: int  # the number of the first of them


@dataclass(slots=True)
class Alike:
    """Cycles of one condition that failed alike."""

    outcome: str
    causes: tuple[str, ...]  # what raised an error, in the order of the first of these cycles
    first: int  # the number of the first cycle
    example: tuple[str, ...]  # all that the first one says, without what does not count
    cycles: int = 0
    left: Counter[str] = field(default_factory=Counter)  # table or sequence -> cycles that differed


class Read(NamedTuple):
    """One text, taken apart."""

    causes: tuple[str, ...]
    left: tuple[str, ...]
    said: tuple[str, ...]


def failures(folder: Path, summary: Mapping[str, Any]) -> dict[str, list[Alike]]:
    """Return what failed alike in each condition, the worst first; none where nothing failed.

    Of a run that was published without its cycles what its summary names is all that is known.
    """
    try:
        results = Results(folder)
    except UsageError:
        return {one["name"]: grouped(_named(one), one) for one in summary["conditions"]}
    return {
        one["name"]: grouped(texts(results, one["name"]), one) if _failed(one) else []
        for one in summary["conditions"]
    }


def _failed(condition: Mapping[str, Any]) -> bool:
    return any(condition["outcomes"].get(outcome) for outcome in WORST_FIRST)


def _named(condition: Mapping[str, Any]) -> Iterator[Text]:
    for one in condition["to_replay"]:
        detail = one["detail"]
        yield Text(one["outcome"], detail + CUT * (len(detail) >= CUT_MOST), 1, one["cycle"])


def texts(results: Results, condition: str) -> Iterator[Text]:
    """Give each distinct text of the cycles that failed, by outcome."""
    columns = results.some(condition, ("cycle", "outcome", "detail"))
    bad = [OUTCOMES.index(outcome) for outcome in WORST_FIRST]
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for code in bad:
        at = columns["outcome"] == code
        for detail, cycles, first in counted(columns["cycle"][at], columns["detail"][at]):
            found[code, detail] = (cycles, first)
    for (code, detail), (cycles, first) in found.items():
        cut = CUT * (len(detail) >= STORED_MOST)
        yield Text(OUTCOMES[code], detail + cut, cycles, first)


def counted(cycles: NDArray[np.int64], texts: Texts) -> Iterator[tuple[str, int, int]]:
    """Give each distinct text (none is ""), in how many cycles it is, and the first of them."""
    codes, places, counts = np.unique(texts.codes, return_index=True, return_counts=True)
    for place in np.argsort(places):
        text = texts.words[codes[place]] if codes[place] >= 0 else ""
        yield text, int(counts[place]), int(cycles[places[place]])


def grouped(found: Iterable[Text], condition: Mapping[str, Any]) -> list[Alike]:
    """Put texts together that say the same of what raised an error; the worst and most first."""
    alike: dict[tuple[str, frozenset[str]], Alike] = {}
    for text in found:
        outcome = text.outcome
        if outcome == "dirty_known" and _REFUSED.match(text.detail):
            outcome = "refused"  # an older run's
        read = taken_apart(text.detail, sequences=condition["clean"]["demands"] == "exact")
        same = alike.setdefault(
            (outcome, frozenset(read.causes)), Alike(outcome, read.causes, text.first, read.said)
        )
        if text.first < same.first:
            same.causes, same.first, same.example = read.causes, text.first, read.said
        same.cycles += text.cycles
        same.left.update(dict.fromkeys(read.left, text.cycles))
    return sorted(alike.values(), key=lambda one: (_badness(one), -one.cycles, one.first))


def _badness(alike: Alike) -> int:
    return WORST_FIRST.index(alike.outcome)


def taken_apart(detail: str, *, sequences: bool) -> Read:
    """Tell what raised an error from what differs; ``sequences``: whether these count."""
    causes: dict[str, None] = {}
    left: dict[str, None] = {}
    said: list[str] = []
    for part in _parts(_REFUSED.sub("", detail)):
        if _SEQUENCE.match(part):
            if not sequences:
                continue
            left[part.partition(":")[0]] = None
        elif differs := _DIFFERS.match(part):
            left[differs["table"]] = None
        elif (cause := _CAUSE.fullmatch(part)) and not (causes and part.endswith(CUT)):
            causes[_cause(cause)] = None  # of one that was cut nobody knows what it was
        if part not in said:  # attempts that failed alike say so once
            said.append(part)
    return Read(tuple(causes), tuple(left), tuple(said))


def _parts(detail: str) -> Iterator[str]:
    """Give what was joined by "; ", of which an error's own text may hold some as well."""
    parts: list[str] = []
    for part in filter(None, detail.split("; ")):
        begins = _SEQUENCE.match(part) or _DIFFERS.match(part) or _CAUSE.fullmatch(part)
        if parts and not begins and _CAUSE.match(parts[-1]):
            parts[-1] = f"{parts[-1]}; {part}"
        else:
            parts.append(part)
    yield from parts


def _cause(match: re.Match[str]) -> str:
    """Name a cause without what only one cycle has: ids, paths, what a command printed."""
    step = re.sub(r"( \S+)? -?\d+$", "", match["step"])
    said = (match["said"] or "").partition("; it said")[0].strip()
    said = _ONE_CYCLES.sub("N", _ERRNO.sub("", _REQUEST.sub("", said))).rstrip(CUT)
    return f"{step}: {said or match['kind']}"
