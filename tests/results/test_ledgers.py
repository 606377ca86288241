"""Stored ledgers: what goes in comes out, and SQL finds a value where Python has it."""

from __future__ import annotations

import json

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.faults.schedule.ledger import LedgerEntry
from harness.results import ledgers

ENTRY = LedgerEntry("timeout", "cleanup", "delete bots 1", 1, "phase", True, False, "seen")
entries = st.lists(st.builds(LedgerEntry), max_size=3)


@given(st.lists(entries, max_size=4))
def test_what_goes_in_comes_out(cycles: list[list[LedgerEntry]]) -> None:
    """One cycle by itself and all together; a cycle without faults has no text."""
    texts = [ledgers.to_text(cycle) for cycle in cycles]
    assert [text is None for text in texts] == [not cycle for cycle in cycles]
    assert [list(ledgers.of_text(text)) for text in texts] == cycles
    assert list(ledgers.of_texts(texts)) == cycles


def test_the_stored_form_is_a_list_of_values() -> None:
    """Runs that are stored have it: it cannot change."""
    assert ledgers.to_text([ENTRY]) == (
        '[["timeout","cleanup","delete bots 1",1,"phase",true,false,"seen"]]'
    )


@pytest.mark.parametrize("name", LedgerEntry._fields)
def test_sql_finds_each_value(name: str) -> None:
    """By the path of its name."""
    with apsw.Connection(":memory:") as connection:
        query = f"SELECT ? -> '{ledgers.sql_path(name)}'"
        ((found,),) = connection.execute(query, (json.dumps(ENTRY),)).fetchall()
    assert json.loads(found) == getattr(ENTRY, name)
