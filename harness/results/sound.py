"""Whether stored cycles can be what a run has stored: types, ranges, and what belongs together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.faults.schedule.ledger import LedgerEntry
from harness.results.texts import Texts

LARGEST = 2**53  # of a whole number, here and in JSON
LONGEST_US = 10**15  # of a step: thirty years
_LASTING = ("attempt", "phase", "cycle")


class Unsound(Exception):
    """A stored value that no run can have stored.

    Args:
        column: where it stands.
        place: in which row of those that were read, from 0.
        why: what is wrong with it.
    """

    def __init__(self, column: str, place: int, why: str) -> None:
        super().__init__(f"column {column}: {why}")
        self.column, self.place, self.why = column, place, why


def whole(column: str, values: Sequence[Any], least: int = 0, most: int = LARGEST) -> Any:
    """Return whole numbers as an array of int64; Unsound for anything else among them."""
    if set(map(type, values)) - {int}:
        place = next(n for n, value in enumerate(values) if type(value) is not int)
        raise Unsound(column, place, f"{shown(values[place])} is no whole number")
    array = np.array(values, dtype=np.int64)
    in_range(column, array, least, most)
    return array


def in_range(column: str, values: NDArray[Any], least: float, most: float) -> None:
    """Raise Unsound unless all lie in the range; what is nan does not."""
    if not len(values) or (values.min() >= least and values.max() <= most):
        return
    good = (values >= least) & (values <= most)
    place = int(np.argmin(good))
    raise Unsound(column, place, f"{values[place]} is not from {least:,} to {most:,}")


def microseconds(column: str, values: Sequence[Any]) -> Any:
    """Return durations (None: did not take place) as an array of int64, -1 where there is none."""
    if set(map(type, values)) - {int, type(None)}:
        kinds = (int, type(None))
        place = next(n for n, value in enumerate(values) if type(value) not in kinds)
        raise Unsound(column, place, f"{shown(values[place])} is no whole number of microseconds")
    some = None in values
    array = np.array([value or 0 for value in values] if some else values, dtype=np.int64)
    in_range(column, array, 0, LONGEST_US)
    if some:
        array[[value is None for value in values]] = -1
    return array


def texts(column: str, values: Sequence[Any]) -> Texts:
    """Return texts (or None); Unsound for anything else among them."""
    if set(map(type, values)) - {str, type(None)}:
        kinds = (str, type(None))
        place = next(n for n, value in enumerate(values) if type(value) not in kinds)
        raise Unsound(column, place, f"{shown(values[place])} is no text")
    return Texts.of(values)


def ascending(cycles: NDArray[np.int64], same: NDArray[np.bool_] | None = None) -> None:
    """Raise Unsound where a cycle is there twice.

    Args:
        cycles: in order, condition by condition.
        same: for each but the first, whether it is of the condition before it; None: all are.
    """
    again = np.flatnonzero((np.diff(cycles) <= 0) & (True if same is None else same))
    if len(again):
        place = int(again[0]) + 1
        raise Unsound("cycle", place, f"{cycles[place]} is there twice")


def faults(texts: Texts) -> None:
    """Raise Unsound unless each text is the JSON of a ledger's entries; None is a cycle without."""
    for code, text in enumerate(texts.words):
        why = _no_ledger(text)
        if why and len(at := np.flatnonzero(texts.codes == code)):
            raise Unsound("faults", int(at[0]), why)


@lru_cache(maxsize=1 << 14)  # of every block and condition they are much the same
def _no_ledger(text: str) -> str:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        return f"{shown(text)} is no JSON"
    if not isinstance(entries, list):
        return f"{shown(text)} is no list of entries"
    bad = [entry for entry in entries if not _is_entry(entry)]
    return (
        f"{shown(bad[0])} is no entry of a ledger ({', '.join(LedgerEntry._fields)})" if bad else ""
    )


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, list) or len(entry) != len(LedgerEntry._fields):
        return False
    values = LedgerEntry(*entry)
    words = (values.kind, values.phase, values.operation, values.evidence)
    return (
        all(isinstance(word, str) for word in words)
        and type(values.attempt) is int
        and values.attempt >= 0
        and values.lasting in _LASTING
        and {type(values.fired), type(values.surfaced)} == {bool}
    )


def shown(value: Any) -> str:
    """Return a value as it may stand in a sentence: short, in one line, with nothing to obey."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
