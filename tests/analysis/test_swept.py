from __future__ import annotations

import math

from harness.analysis.swept import End, ends, measured, number, series_name, words


def test_a_series_is_named_by_what_tells_it_apart() -> None:
    """Every key with its value; nothing where it is alone; a list as people write it."""
    assert series_name({"series": {"policy": "p", "size": 3}}) == "policy p, size 3"
    assert series_name({"series": {"recoveries": ["a", "b"]}}) == "recoveries a+b"
    assert series_name({"series": {}}) == series_name({}) == ""
    assert words(("a", "b"), " + ") == "a + b"


def test_only_measured_points_are_drawn() -> None:
    """One whose condition had no cycle is none."""
    known, unknown = {"x": 1, "reliability": 1.0}, {"x": 2, "reliability": None}
    assert measured({"points": [unknown, known]}) == [known]


def test_the_ends_of_a_frontier() -> None:
    """Those that are known, with their words; one at 0 is an end as well."""
    found = {"frontier": {"target": 0.9, "holds_to": 0, "breaks_from": 0.12345}}
    assert ends(found) == [
        End("holds", 0, "holds to 0"),
        End("breaks", 0.12345, "breaks from 0.123"),
    ]
    assert ends({"frontier": {"holds_to": None}}) == ends({"frontier": None}) == ends({}) == []


def test_numbers_have_three_digits() -> None:
    """What is none, or no finite one, stays as it is."""
    assert [number(one) for one in (0.00012345, 1, "x", math.inf)] == ["0.000123", "1", "x", "inf"]
