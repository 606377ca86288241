"""Conditions have addresses that any name can have."""

from __future__ import annotations

from harness.reports.html_parts.anchors import anchors, linked
from tests.reports.samples import HOSTILE, condition
from tests.reports.test_html import Page


def test_every_condition_has_its_own_address() -> None:
    """Also one whose name could be no address; text that leads there is text."""
    known = anchors([condition("a"), condition(HOSTILE)])
    assert list(known.values()) == ["condition-1", "condition-2"]
    page = Page(linked(HOSTILE, HOSTILE, known))
    assert page.tags == [("a", {"href": "#condition-2"})]


def test_what_is_not_on_the_page_is_no_link() -> None:
    """A row about no condition, or one that the run has not, stays text."""
    assert linked("<x>", "b", {}) == "&lt;x&gt;" == linked("<x>", None, {"b": "c"})
