"""What the undo log calls its own things."""

from __future__ import annotations

from harness.databases.postgresql.names import MOST_BYTES
from harness.databases.postgresql.undo import names


def test_no_name_is_cut_off() -> None:
    """With what it fires on after it, and with the number of a table, each is kept whole."""
    longest = max(("truncated", *names.EVENTS), key=len)
    assert len(f"{names.TRIGGER}_{longest}") <= MOST_BYTES
    assert len(names.SCHEMA) <= MOST_BYTES


def test_what_its_functions_raise_is_nobody_elses() -> None:
    """The classes that PostgreSQL knows begin with a digit, or with F, H, P or X."""
    assert names.NOT_BY_IT != names.NOT_AS_RECORDED
    assert {name[0] for name in (names.NOT_BY_IT, names.NOT_AS_RECORDED)}.isdisjoint(
        "0123456789FHPX"
    )
