"""Each claim is told once and leads to its condition."""

from __future__ import annotations

from harness.reports.html_parts.anchors import anchors
from harness.reports.html_parts.claims import beside_rows, claims
from harness.reports.words import tables
from tests.reports.samples import claim, condition
from tests.reports.test_html import Page
from tests.stored_runs import row

CONDITIONS = [condition("a", claims=[claim([], 10)]), condition("b", claims=[claim([], 4000)])]
TOLD = row(condition="a", claim="of a", verdict="undecided", claim_number=0, why="w", measured="m")
SUMMARY = {"rows": [TOLD], "conditions": CONDITIONS}


def test_a_row_and_a_condition_that_say_the_same_are_one() -> None:
    """What a row tells is not told again below; what no row tells is."""
    assert [cells[:2] for cells in beside_rows(SUMMARY).rows] == [("b", "reliability >= 0.999")]
    assert len(beside_rows({**SUMMARY, "rows": []}).rows) == 2


def test_each_leads_to_its_condition() -> None:
    """Rows and claims of conditions alike; the filter finds them."""
    known = anchors(CONDITIONS)
    page = Page(claims(SUMMARY, tables.claims(SUMMARY), known))
    links = [given["href"] for tag, given in page.tags if tag == "a"]
    assert links == ["#condition-1", "#condition-2"]
    assert sum("data-find" in given for tag, given in page.tags if tag == "tr") == 2


def test_what_claims_nothing_stands_apart() -> None:
    """Set points and controls are folded below the claims, every one of them."""
    solved = row(condition="b", claim="solved", verdict="set point", why="w", measured="m")
    summary = {**SUMMARY, "rows": [solved, TOLD]}
    page = Page(claims(summary, tables.claims(summary), anchors(CONDITIONS)))
    assert page.texts["summary"] == ["Set points and controls, which claim nothing: 1 row"]
    assert page.texts["a"] == ["of a", "b", "solved"]


def test_nothing_claimed_is_nothing_said() -> None:
    """A run without claims has no such table."""
    none = {"rows": [], "conditions": [condition("a", claims=[])]}
    assert claims(none, tables.claims(none), {}) == ""
