"""What strata say of any rate: by every cycle, and beside it on an assumption that is named."""

from __future__ import annotations

import copy
from typing import Any

from harness.reports.words.by_strata import ALIKE, beside_brute_force, frontiers, tables
from harness.reports.words.shares import share
from tests.reports.measured import STRATA


def table_of(strata: dict[str, Any]) -> Any:
    """Give the table of the one condition that has such strata."""
    (table,) = tables({"conditions": [{"name": "one", "strata": strata}, {"name": "other"}]})
    return table


def test_the_assumption_has_a_column_of_its_own() -> None:
    """The sharper interval stands beside the sound one, headed by what it takes for granted."""
    table = table_of(STRATA)
    assert table.headings == ("fault rate", "reliability", ALIKE)
    assert table.rows[3] == ("0.1", "99.0% [98.0%, 99.50%]", "99.0% [98.8%, 99.10%]")
    sound, conditional = frontiers(STRATA)
    assert "up to a rate of 0.004" in sound
    assert conditional.startswith("If the same faults always end alike: 99.9% holds up to")
    assert table.about == f"{sound} {conditional}"


def test_where_it_is_seen_to_be_false_there_is_none() -> None:
    """Without the assumption there is no such column and no such sentence, but why."""
    strata = copy.deepcopy(STRATA) | {
        "conditional": None, "steady": False, "unsteady": "two ended unlike"
    }  # fmt: skip
    table = table_of(strata)
    assert table.headings == ("fault rate", "reliability")
    assert "alike" not in table.about
    assert table.about.endswith("Not steady: two ended unlike")


def test_of_an_older_run_only_what_it_took_for_granted_is_known() -> None:
    """Then the column without an assumption is empty, and the frontier is only the other's."""
    older = copy.deepcopy(STRATA) | {"curve": [], "at_rate": None, "frontier": None}
    table = table_of(older)
    assert [row[1] for row in table.rows] == ["-"] * 4
    assert table.about.startswith("If the same faults always end alike")


def test_a_curve_is_read_where_it_was_counted() -> None:
    """A power law is read exactly between two points, and nothing is read beyond the ends."""
    curve = [
        {"rate": rate, "estimate": rate**3, "lower": 0.0, "upper": 2 * rate**3}
        for rate in (0.001, 0.01, 0.1)
    ]
    one = {"name": "strata", "strata": {"curve": curve}}
    point = {"reliability": 0.99, "lower": 0.98, "upper": 0.995, "cycles": 1000}
    summary = {
        "conditions": [one],
        "curves": [
            {"stratified": "strata", "points": [point | {"x": x} for x in (0.0005, 0.02, 0.1)]},
            {"stratified": None, "points": [point | {"x": 0.05}]},
        ],
    }
    found = list(beside_brute_force(one, summary))
    assert [row[0] for row in found] == ["0.02", "0.1"]
    assert found[0] == (
        "0.02",
        share({"estimate": 0.99, "lower": 0.98, "upper": 0.995}),
        "1,000",
        share({"estimate": 1 - 0.02**3, "lower": 1 - 2 * 0.02**3, "upper": 1.0}),
        "-",
    )
    one["strata"] = {"curve": [], "conditional": {"curve": curve}}
    assert next(beside_brute_force(one, summary))[3:] == ("-", found[0][3])
