"""Columns as the database keeps them become the types that everything computes with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.outcomes import CODES, DURATIONS, OUTCOMES
from harness.results import checksums
from harness.results.columns import (
    COLUMNS,
    TEXTS,
    WHERE_RAN,
    WHOLE,
    YES_OR_NO,
    checksums_of,
    framed,
    of_stored,
    stored,
    typed,
)


def raw(count: int, **values: Any) -> dict[str, Any]:
    """Make columns of ``count`` cycles as the database gives them, all zeros but for ``values``."""
    zeros = {name: [0] * count for name in ("outcome", "flags", *WHOLE)}
    empty = {name: [None] * count for name in (*TEXTS, *(f"{name}_ms" for name in DURATIONS))}
    return zeros | {"cycle": list(range(count))} | empty | values


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (0, (False, False, False, -1, -1)),
        (1, (True, False, False, -1, -1)),
        (2, (False, True, False, -1, -1)),
        (4, (False, False, True, -1, -1)),
        (8, (False, False, False, 0, -1)),
        (8 | 16, (False, False, False, 1, -1)),
        (16, (False, False, False, -1, -1)),  # a word of a cleanup that never ran is none
        (32, (False, False, False, -1, 0)),
        (32 | 64, (False, False, False, -1, 1)),
        (127, (True, True, True, 1, 1)),
    ],
)
def test_each_bit_is_its_own_column(flags: int, said: tuple[Any, ...]) -> None:
    """Every bit that the store sets is read into the one column it stands for."""
    columns = typed(raw(1, flags=[flags]))
    assert tuple(columns[name][0] for name in (*YES_OR_NO, *WHERE_RAN)) == said


def test_timings_are_milliseconds_and_nan_where_there_was_no_step() -> None:
    """Microseconds become milliseconds; a step that did not take place is nan, not 0."""
    columns = typed(raw(3, cycle_ms=[1500, None, 0], cycle_cpu_ms=[None, 250, 0]))
    np.testing.assert_array_equal(columns["cycle_ms"], [1.5, np.nan, 0.0])
    np.testing.assert_array_equal(columns["cycle_cpu_ms"], [np.nan, 0.25, 0.0])


@pytest.mark.parametrize("count", [0, 1, 3])
def test_types_do_not_depend_on_what_is_there(count: int) -> None:
    """However many cycles, also none: the same columns in the same order, of the same types."""
    columns = typed(raw(count))
    kinds = {name: values.dtype.name for name, values in columns.items()}
    assert tuple(columns) == COLUMNS
    assert {kinds[name] for name in YES_OR_NO} == {"bool"}
    assert {kinds[name] for name in ("outcome", *WHERE_RAN)} == {"int8"}
    assert {kinds[name] for name in ("cycle", *WHOLE)} == {"int64"}
    assert {kinds[f"{name}_ms"] for name in DURATIONS} == {"float64"}
    assert {kinds[name] for name in TEXTS} == {"object"}
    assert all(len(values) == count for values in columns.values())


def test_a_table_names_outcomes_and_leaves_empty_what_did_not_run() -> None:
    """Each code has its name, whatever its place; -1 is empty, which is neither yes nor no."""
    codes = [CODES[outcome] for outcome in OUTCOMES]
    flags = [0, 8, 24, 0, 0, 0, 0]
    table = framed(typed(raw(len(codes), outcome=codes, flags=flags)))
    assert list(table["outcome"]) == list(OUTCOMES)
    assert list(table["outcome"].cat.categories) == list(OUTCOMES)
    assert list(table["cleanup_ok"].isna()) == [True, False, False, True, True, True, True]
    assert list(table["cleanup_ok"][1:3]) == [False, True]
    assert tuple(table.columns) == COLUMNS


@pytest.mark.parametrize("flags", range(128))
def test_a_known_checksum_is_that_of_the_columns(flags: int) -> None:
    """It is not known where something stands in no column: how what never ran went."""
    salt = checksums.of_texts(["one"])
    kept = stored(raw(2, flags=[flags, 0], cycle_ms=[1500, None]))
    texts = {name: kept[name].numbers() for name in TEXTS}
    sums = int(checksums.of_cycles(salt, kept | texts).sum())
    columns = of_stored(kept, sums)
    same = int(checksums_of(salt, columns).sum()) == sums
    assert columns.checksum == (sums if same else None)
