"""A cycle as a row: what goes in comes out, and the totals are the sums of the rows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.results import rows
from harness.results.records import CycleRecord
from tests.results.cycles import records, typical


@given(records)
def test_what_goes_in_comes_out(record: CycleRecord) -> None:
    """Every field, but for the story, which has a table of its own."""
    values = rows.row_of(record, 7)
    assert len(values) == len(rows.COLUMNS) - 1
    assert rows.record_of(record.condition, (*values, record.story)) == record


@pytest.mark.parametrize("place", [2, -3])
def test_what_no_run_has_stored_is_an_error(place: int) -> None:
    """An outcome without a name, a ledger that is none."""
    values = [*rows.row_of(typical(0), 1), None]
    values[place] = "x"
    with pytest.raises((LookupError, TypeError, ValueError)):
        rows.record_of("a", tuple(values))


def test_the_schema_says_what_each_flag_means() -> None:
    """Whoever reads the file by SQL finds every bit in its schema."""
    bits = {
        rows.ROWS: "clean at grade rows",
        rows.EXACT: "at grade exact",
        rows.SAYS_CLEAN: "the guard says clean",
        rows.CLEANUP_RAN: "a cleanup ran",
        rows.CLEANUP_OK: "the cleanup says it worked",
        rows.SHADOW_RAN: "a restore was forced as well",
        rows.SHADOW_OK: "and it worked",
    }
    said = re.sub(r"\s+", " ", rows.SCHEMA.replace("--", ""))
    assert "flags: " + ", ".join(f"{bit} {what}" for bit, what in bits.items()) in said


@given(st.lists(records, max_size=4))
def test_totals(cycles: list[CycleRecord]) -> None:
    """Of each condition how many, and the sum of the checksums, which tell cycles apart."""
    numbers = {"a": 1, "b": 2, "a/b 'c'": 3}
    values = [rows.row_of(record, numbers[record.condition]) for record in cycles]
    summed = rows.summed(values, [record.condition for record in cycles])
    assert [row[:-1] for row in summed] == values
    wanted = {
        (number, len(sums), sum(sums))
        for number in numbers.values()
        if (sums := [row[-1] for row in summed if row[0] == number])
    }
    assert set(rows.totals(summed)) == wanted
    ((*_, one),) = rows.summed([rows.row_of(typical(0), 1)], ["a"])
    ((*_, other),) = rows.summed([rows.row_of(replace(typical(0), exact=False), 1)], ["a"])
    assert one != other
