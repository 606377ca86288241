from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from harness.databases.postgresql.matching import Columns, matched


def columns(*key: str) -> Columns:
    """Give two columns, the first an integer."""
    return Columns(("id", "a b"), key, frozenset({"id"}))


def test_rows_of_the_same_key_are_changed_others_came_and_went() -> None:
    """Equal ones are no difference, however often; integers are told as numbers."""
    was = [("1", "x"), ("2", "y"), ("3", None)]
    now = [("1", "x"), ("2", "z"), ("4", "")]
    found = matched(columns("id"), was, now, (1, 2, 3))
    assert found.added == ((4, ""),)
    assert found.missing == ((3, None),)
    assert found.changed == (((2, "y"), (2, "z")),)
    assert found.counts == (2, 3, 4)
    assert found.rest == "and 6 rows more"


def test_rows_without_a_key_are_as_many_as_they_are() -> None:
    """One of three equal rows gone is one missing."""
    found = matched(columns(), [("1", "x")] * 3, [("1", "x"), ("1", "x"), ("2", None)])
    assert (found.added, found.missing, found.changed) == (((2, None),), ((1, "x"),), ())


def test_names_are_quoted_and_a_row_has_one_text() -> None:
    """What is compared of a row is its text, and its key's text says where it belongs."""
    assert columns("id").row == 'ROW("id", "a b")::text'
    assert columns("id").key_row == 'ROW("id")::text'
    assert columns().key_row == columns().row
