"""Checksums of cycles: whatever is changed in one shows, and so does one that is gone."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.results.checksums import TEXTS, WHOLE, of_cycles, of_text, of_texts

NUMBERS = st.integers(-(2**62), 2**62)
WORDS = st.one_of(st.none(), st.text(st.characters(exclude_categories=()), max_size=8))


def summed(condition: str, row: dict[str, Any]) -> int:
    """Return the checksum of one cycle."""
    stored = {name: [row[name]] for name in WHOLE}
    stored |= {name: of_texts([row[name]]) for name in TEXTS}
    return int(of_cycles(of_texts([condition]), stored)[0])


ROWS = st.fixed_dictionaries({**dict.fromkeys(WHOLE, NUMBERS), **dict.fromkeys(TEXTS, WORDS)})


@given(ROWS, st.sampled_from([*WHOLE, *TEXTS]), NUMBERS, WORDS)
def test_a_changed_value_changes_it(row: dict[str, Any], name: str, number: int, word: str) -> None:
    """Any one value set to another, none and empty being the same, gives another checksum."""
    other = row | {name: number if name in WHOLE else word}
    assert (summed("a", row) == summed("a", other)) == ((row[name] or "") == (other[name] or ""))
    assert summed("b", row) != summed("a", row)
    assert 0 <= summed("a", row) < 2**32


@given(st.lists(ROWS, min_size=1, max_size=5))
def test_many_are_computed_as_one(rows: list[dict[str, Any]]) -> None:
    """A column of cycles gives what each gives alone."""
    stored: dict[str, Any] = {name: [row[name] for row in rows] for name in WHOLE}
    stored |= {name: of_texts(row[name] for row in rows) for name in TEXTS}
    found = of_cycles(of_texts(["a"]), stored)
    np.testing.assert_array_equal(found, [summed("a", row) for row in rows])


def test_they_never_change() -> None:
    """What was stored years ago is still sound: the numbers are those of the first version.

    It had no times of the processor: what is not known is -1, and changes nothing.
    """
    later = [name for name in WHOLE if name.endswith("_cpu_us")]
    row = (
        dict.fromkeys(WHOLE, 7)
        | dict.fromkeys(later, -1)
        | {"restored_by": "wal_pin", "faults": None, "detail": ""}
    )
    assert summed("one", row) == 2_684_820_041
    assert of_text(None) == of_text("") == 0
